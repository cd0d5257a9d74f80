// SPDX-License-Identifier: Apache-2.0
//
// What was reported of late, so that no change is reported twice: a scan may
// see what an operation has done before that is over and reported, or after;
// and some operations are seen twice (io_uring sets time stamps in the caller's
// name and in its worker's).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "agent/model/inode.h"
#include "agent/model/words.h"

namespace stillframe::drift {

class Reported {
 public:
  // As long as one actor's changes of one kind are folded in the kernel.
  static constexpr std::uint64_t kFoldNs = 1'000'000'000;
  // How late the scan of a busy container may come.
  static constexpr std::uint64_t kScanNs = 10 * kFoldNs;
  static constexpr std::size_t kMax = 4096;

  // A change of `path` by a process, as it was seen. Another file by that name
  // has another inode: what is made, removed and made again is reported each
  // time.
  struct Sighting {
    const std::string& path;
    Kind kind;
    std::uint32_t pid = 0;
    InodeId inode;  // none: not known
  };

  // Whether to report it, and remembers that it was. Times of CLOCK_BOOTTIME,
  // ns: when the operation was seen; now.
  bool by_operation(const Sighting& seen, std::uint64_t boot_ns);
  bool by_scan(const Sighting& seen, std::uint64_t now);

  // Whether an operation was reported, by whomever.
  bool operation(const std::string& path, Kind kind, std::uint64_t now) const;

  // Forgets all once the latest is too old to matter. Cheap.
  void expire(std::uint64_t now);
  std::size_t size() const { return size_; }

 private:
  struct Latest {
    InodeId inode;
    std::uint64_t time = 0;
    bool scan = false;  // reported by one, and the operation has not come yet
  };
  // By which processes one path had changes of one kind: mostly by one.
  struct Changed {
    std::uint32_t pid = 0;
    Latest by_pid;
    std::map<std::uint32_t, Latest> by_others;
  };
  static std::uint64_t key_of(const std::string& path, Kind kind);
  Latest& find(const Sighting& seen);
  void clear();

  // By a keyed hash: a container decides how long its paths are.
  std::unordered_map<std::uint64_t, Changed> latest_;
  std::size_t size_ = 0;  // with those by others
  std::uint64_t newest_ = 0;
};

}  // namespace stillframe::drift
