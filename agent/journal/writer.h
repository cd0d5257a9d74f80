// SPDX-License-Identifier: Apache-2.0
//
// Writes the journal: one writer for each directory, which whoever opens it
// sees to. Not for several threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/journal/format.h"
#include "agent/journal/signature.h"

namespace stillframe::journal {

enum class Sync : std::uint8_t {
  always,  // each write reaches the disk before the next
  second,  // what was written reaches it within a second
  never,   // when the kernel sees fit
};

// When the disk is full, or the journal as large as it may be.
enum class WhenFull : std::uint8_t {
  prune,  // the oldest closed segments go
  stop,   // nothing more is written
};

struct Options {
  std::string directory;
  std::string node;  // what this machine is called
  std::uint64_t segment_bytes = 16 << 20;
  std::chrono::milliseconds segment_age{std::chrono::hours(24)};
  // Until then whoever ships the lines of a closed segment can read it.
  std::chrono::milliseconds compress_after{std::chrono::minutes(10)};
  std::chrono::milliseconds retention{std::chrono::hours(24 * 90)};
  std::uint64_t most_bytes = 1 << 30;
  Sync sync = Sync::second;
  WhenFull when_full = WhenFull::prune;
  std::optional<Key> key;  // signs checkpoints
};

// Something that an entry is to be made of, since it is evidence, too.
struct Notice {
  std::string kind;    // journal_repaired, journal_pruned
  std::string detail;  // one line, printable
  // Since when it was so; nothing: it is of a moment.
  std::optional<WallTime> since = std::nullopt;
};

class Writer {
 public:
  // Makes the directory if it is not there. What an earlier agent left half
  // done is finished: a torn last line is set apart, in a file beside it.
  static Result<std::unique_ptr<Writer>> open(Options options,
                                              const Clock& clock);
  ~Writer();  // without a last flush()

  // The last entry that is written.
  const Checkpoint& tail() const { return written_; }
  // What the last agent's checkpoint says; nothing: there was none.
  const std::optional<Checkpoint>& found() const { return found_; }
  // Since the last call.
  std::vector<Notice> take_notices();

  // Takes in one event, JSON as for make_line(), to be written by flush().
  void add(std::string_view event, std::uint64_t seq);
  // Writes what was added; does what has become due: the disk, a checkpoint, a
  // new segment, retention. What could not be written is lost().
  Result<> flush();
  // The same, and leaves nothing for later.
  Result<> finish();

  // Entries that were added and never written.
  std::uint64_t lost() const { return lost_; }
  std::uint64_t bytes() const { return closed_bytes_ + size_; }
  std::size_t segments() const { return closed_.size() + 1; }

 private:
  struct Closed {
    std::uint64_t first = 0;
    std::uint64_t bytes = 0;
    WallTime written;
    bool compressed = false;
  };

  Writer(Options options, const Clock& clock);
  std::string path_of(const std::string& file) const;
  Result<> start();
  Result<> take_stock();
  Result<> find_tail();
  Result<> open_last();
  Result<Checkpoint> end_of_closed() const;
  Result<> begin_segment();
  Result<> write_pending();
  void drop_pending();
  void clear_added();
  Result<> settle(bool everything);
  Result<> write_checkpoint(std::string_view file, Checkpoint checkpoint);
  Result<> turn_segment();
  Result<> compress(Closed& segment);
  Result<> compress_closed();
  bool make_room();
  Result<bool> prune_oldest();
  Result<Checkpoint> end_by_next() const;
  Result<> keep_within_bounds();
  bool is_full() const { return bytes() + added_.size() > options_.most_bytes; }

  const Options options_;
  const Clock& clock_;
  std::vector<Closed> closed_;  // oldest first
  std::uint64_t closed_bytes_ = 0;
  std::uint64_t first_ = 1;  // of the open segment
  Fd fd_;
  std::uint64_t size_ = 0;
  WallTime begun_;  // when the open segment was
  Checkpoint written_;
  std::optional<Checkpoint> found_;
  std::vector<Notice> notices_;

  Checkpoint pending_;  // the tail once what was added is written
  std::string added_;
  std::uint64_t lost_ = 0;
  bool synced_ = true;
  std::uint64_t checkpoint_entry_ = 0;
  std::uint64_t settled_ns_ = 0;  // monotonic
  std::uint64_t make_room_again_ns_ = 0;
  std::optional<Checkpoint> unwritten_stub_;  // what was pruned, not yet said
  std::uint64_t keep_again_ns_ = 0;           // after closing or pruning failed
};

}  // namespace stillframe::journal
