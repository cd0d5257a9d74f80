// SPDX-License-Identifier: Apache-2.0
//
// What is left of containers that are gone: the last state of each, on the
// disk. A thread of its own writes, so that no disk is in the way of the
// sensors.
//
// Of a container that is there its state is kept, too, in a file beside its
// ledger that is replaced now and then: without the root filesystem no ledger
// says what it is about. Should the container go while no agent is there to see
// it, that is its last state.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/archive/format.h"
#include "agent/archive/shelf.h"
#include "agent/base/clock.h"

namespace stillframe::archive {

// Where the state directory has them.
std::string shelf_in(const std::string& state_dir);

class Archive {
 public:
  // The clock outlives it.
  Archive(std::string directory, Bounds bounds, Format format,
          const Clock& clock);
  ~Archive();  // writes what it took, as far as half a second goes
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // `path` is where the state of one container is kept, `name` what its files
  // are called.
  // It is there, and this is how it is. False: the disk is slower than what
  // happens, ask again later.
  bool keep(const std::string& path, DiffAnswer answer);
  // It is gone, and this is the last that is known.
  void add(const std::string& path, const std::string& name, DiffAnswer answer);
  // It went while no agent was there: what is kept is the last that is known.
  void add_kept(const std::string& path, const std::string& name);

  // As Shelf::find(), with all that was taken before.
  Result<std::optional<DiffAnswer>> find(const std::string& container);
  // As Shelf::heads(), likewise.
  Result<GoneContainers> heads();
  std::vector<std::string> take_trouble() { return shelf_.take_trouble(); }

 private:
  enum class What : std::uint8_t { keep, add, add_kept };
  struct Job {
    What what{};
    std::string path;
    std::string name;
    DiffAnswer answer;
    std::size_t bytes = 0;
  };

  bool offer(Job job);
  void wait_for_what_was_taken();
  void run(const std::stop_token& stop);
  bool out_of_time() const { return clock_.mono_ns() > end_by_ns_; }
  Result<> carry_out(const Job& job);
  void prune_if_due();
  void report(const Result<>& done, const char* failed);

  const Clock& clock_;
  Shelf shelf_;

  std::mutex mutex_;  // the members below
  std::condition_variable_any wake_;
  std::condition_variable done_;
  std::deque<Job> jobs_;
  std::size_t bytes_ = 0;
  std::uint64_t taken_ = 0;    // jobs, ever
  std::uint64_t carried_ = 0;  // those that are done

  // When it has to end, monotonic.
  std::atomic<std::uint64_t> end_by_ns_ =
      std::numeric_limits<std::uint64_t>::max();

  // The thread's own.
  std::uint64_t next_prune_ns_ = 0;  // monotonic
  bool failing_ = false;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace stillframe::archive
