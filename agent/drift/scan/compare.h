// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/layers.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/xattr.h"

namespace stillframe::drift {

// A file of the rootfs, held open by an O_PATH descriptor.
struct UpperFile {
  int fd = -1;
  struct stat st{};
};

// What overlayfs has to say of it.
struct UpperMarks {
  XattrNames names;
  OverlayMarks marks;  // of a plain rootfs: none
};

// What lies below it.
struct LowerFile {
  const LowerView* view = nullptr;
  LowerHit hit;
  std::string name;
};

// Compares upper files with lower ones. Remembers which contents it found equal
// or not, so that an unchanged file is not read twice.
class Comparer {
 public:
  explicit Comparer(ScanLimits limits) : limits_(limits) {}

  // Before and after each scan. A full one ends with forgetting all files that
  // it did not meet.
  void begin(bool ctime_shows_stores, WallTime now, std::stop_token stop);
  void end(bool full);

  // Fills entry->differs and entry->stat_differs; as far as it came, when it
  // fails.
  Tried<> compare(const UpperFile& upper, const UpperMarks& marks,
                  const LowerFile& lower, Entry* entry);

 private:
  struct Known {
    WallTime ctime;
    std::uint64_t lower_ino = 0;
    std::uint64_t lower_dev = 0;
    bool differs = false;
    bool met = false;
  };

  Tried<bool> content_differs(const UpperFile& upper, const OverlayMarks& marks,
                              const LowerFile& lower, const InodeId& inode,
                              bool same_mtime);
  Tried<bool> bytes_differ(const UpperFile& upper, const LowerFile& lower);

  ScanLimits limits_;
  std::unordered_map<InodeId, Known> known_;
  std::vector<char> buffer_;
  WallTime now_;
  std::stop_token stop_;
  bool ctime_shows_stores_ = false;
};

WallTime wall(const struct timespec& time);

// containers/storage and docker take times as equal when one of them has whole
// seconds only, as tar files do, and the seconds agree but for rounding up.
bool same_tar_time(const struct timespec& a, const struct timespec& b);

}  // namespace stillframe::drift
