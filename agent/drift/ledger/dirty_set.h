// SPDX-License-Identifier: Apache-2.0
//
// Which directories have to be looked at again, and when. All times are boot
// time in nanoseconds, given by the caller.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/model/inode.h"

namespace stillframe::drift {

class DirtySet {
 public:
  // So that an operation's own later events arrive before the look at it; and
  // what the kernel side folds without a word is over by then
  // (bpf/lib/fold.h). A look that comes earlier is taken again.
  static constexpr std::uint64_t kDebounceNs = 5'000'000;
  // How long further marks put off the look, at most.
  static constexpr std::uint64_t kMaxPutOffNs = 5'000'000;
  // A directory is not scanned again before ten times as long as it took.
  static constexpr std::uint64_t kPace = 10;
  static constexpr std::size_t kMaxNames = 256;
  static constexpr std::size_t kMaxDirectories = 4096;

  struct Due {
    InodeId directory;
    bool full = false;
    std::vector<std::string> names;
    std::uint64_t oldest = 0;  // of the marks: when it was marked first
    std::uint64_t latest = 0;  // and last
  };

  void mark(const InodeId& directory, std::string_view name, std::uint64_t now);
  void mark_full(const InodeId& directory, std::uint64_t now);
  void drop(const InodeId& directory);
  void clear();

  // Takes what is due.
  std::vector<Due> take(std::uint64_t now);
  // Takes all; what was marked a moment ago stays marked.
  DirtySet take_all(std::uint64_t now);
  // Puts back what could not be scanned yet.
  void put_back(const Due& due, std::uint64_t when);
  void absorb(const std::vector<Due>& due, std::uint64_t when);
  void absorb(DirtySet other, std::uint64_t when);
  void scanned(const InodeId& directory, std::uint64_t now,
               std::uint64_t duration_ns);

  bool empty() const { return marks_.empty(); }
  bool has(const InodeId& directory) const {
    return marks_.contains(directory.ino);
  }
  bool overflowed() const { return overflowed_; }  // until clear()
  std::uint64_t next() const;                      // 0: nothing marked
  std::uint64_t oldest() const;  // of all marks; the largest number: none

 private:
  struct Marks {
    InodeId directory;
    bool full = false;
    std::set<std::string, std::less<>> names;
    std::uint64_t oldest = 0;
    std::uint64_t latest = 0;
    std::uint64_t due = 0;
    std::uint64_t limit = 0;  // to which it may be put off
  };
  void put_off(Marks& marks, std::uint64_t due);
  Marks* marks_of(const InodeId& directory, std::uint64_t oldest,
                  std::uint64_t latest, std::uint64_t due);
  static void add(Marks& marks, std::string_view name);
  static Due due_of(const Marks& marks);

  std::unordered_map<std::uint64_t, Marks> marks_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> queue_;  // due, ino
  std::unordered_map<std::uint64_t, std::uint64_t> not_before_;
  bool overflowed_ = false;
};

}  // namespace stillframe::drift
