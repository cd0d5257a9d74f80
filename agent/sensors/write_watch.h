// SPDX-License-Identifier: Apache-2.0
//
// Who writes to the files of some directories, by fanotify(7): it says which
// process it was. A thread of its own asks for the rest of it at once, since a
// runtime is gone some milliseconds after it has set a limit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/model/observation.h"

namespace stillframe::sensors {

struct Write {
  std::uint64_t device = 0;  // of the file, as stat(2) has it
  std::uint64_t inode = 0;
  std::optional<Writer> by;  // none: it was gone before it could be asked
};

// All processes that wrote to a file since it was last looked at, each once;
// empty: one of them is not known. What writes in others' name, as systemd does
// for runtimes, and then they do so themselves, is left out beside them.
std::vector<Writer> known_writers(
    const std::vector<std::optional<Writer>>& writers, std::uint32_t servant);

class WriteWatch {
 public:
  using Wanted = bool (*)(std::string_view name);

  struct Config {
    DescribeProcess describe;  // called by any thread, one at a time
    Wanted wanted = nullptr;   // writes to which files are of interest
    // After a write by this process others have some time to write, too, before
    // any is reported.
    std::uint32_t servant = 1;
  };

  // Fails where the kernel has no fanotify for us.
  static Result<std::unique_ptr<WriteWatch>> start(Config config);
  ~WriteWatch();
  WriteWatch(const WriteWatch&) = delete;
  WriteWatch& operator=(const WriteWatch&) = delete;

  int poll_fd() const { return ready_; }

  Result<> add(const std::string& directory);
  void remove(const std::string& directory);

  struct Taken {
    std::vector<Write> writes;
    bool overflowed = false;  // there were more
  };
  // What is to be reported, and what has just been written is in it. `now`:
  // also what others have some time to write after.
  Taken take(bool now);

 private:
  WriteWatch(Config config, Fd group);
  void run();
  bool within_window();
  void read_events();
  std::optional<Writer> describe(std::uint32_t pid);

  Config config_;
  Fd group_;
  Fd ready_;
  Fd stop_;
  Fd again_;          // what the thread waits for has become another
  std::mutex mutex_;  // all below, and reading from the group
  Taken pending_;
  std::uint64_t hold_until_ns_ = 0;
  std::optional<Writer> latest_;  // who was described, and when
  std::uint64_t latest_ns_ = 0;
  std::uint64_t window_ns_ = 0;  // when it began
  std::size_t in_window_ = 0;
  std::size_t described_ = 0;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace stillframe::sensors
