// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/drift/scan/layers.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/xattr.h"

namespace stillframe::drift {

// An upper file, held open by an O_PATH descriptor.
struct UpperFile {
  int fd = -1;
  struct stat st{};
  const XattrNames* names = nullptr;
  const OverlayMarks* marks = nullptr;
};

// What lies below it.
struct LowerFile {
  const LowerView* view = nullptr;
  const LowerHit* hit = nullptr;
  const char* name = nullptr;
};

// Compares upper files with lower ones. Remembers which contents it found equal
// or not, so that an unchanged file is not read twice.
class Comparer {
 public:
  explicit Comparer(ScanLimits limits) : limits_(limits) {}

  // Before and after each scan. A full one ends with forgetting all files that
  // it did not meet.
  void begin(bool ctime_tells_stores);
  void end(bool full);

  // Fills entry->differs and entry->stat_differs. False when something could
  // not be read; what is unknown then counts as different.
  bool compare(const UpperFile& upper, const LowerFile& lower, Entry* entry);

 private:
  struct Known {
    WallTime ctime;
    std::uint64_t lower_ino = 0;
    std::uint64_t lower_dev = 0;
    bool differs = false;
    bool met = false;
  };

  bool content_differs(const UpperFile& upper, const LowerFile& lower,
                       const InodeId& inode, bool same_mtime, bool* readable);
  bool bytes_differ(const UpperFile& upper, const LowerFile& lower,
                    bool* readable);

  ScanLimits limits_;
  std::unordered_map<InodeId, Known> known_;
  std::vector<char> buffer_;
  WallTime now_;
  bool ctime_tells_stores_ = false;
};

WallTime wall(const struct timespec& time);

// containers/storage and docker take times as equal when one of them has whole
// seconds only, as tar files do, and the seconds agree but for rounding up.
bool same_tar_time(const struct timespec& a, const struct timespec& b);

}  // namespace stillframe::drift
