// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "agent/drift/entry.h"
#include "agent/drift/scan/contents.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/layers.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/xattr.h"
#include "agent/model/id_map.h"

namespace stillframe::drift {

// A file of the rootfs, held open by an O_PATH descriptor.
struct UpperFile {
  int fd = -1;
  struct stat st{};
  bool lower = false;  // overlay shows it here, out of a lower layer
};

// What overlayfs has to say of it.
struct UpperMarks {
  XattrNames names;
  OverlayMarks marks;                 // of a plain rootfs: none
  std::optional<ReadableFile> bytes;  // where they are, of a metacopy
};

// What lies below it.
struct LowerFile {
  const LowerView* view = nullptr;
  LowerHit hit;
  std::string name;
  const LowerLayers* layers = nullptr;  // of an overlay
};

// Compares upper files with lower ones.
class Comparer {
 public:
  Comparer(const ScanLimits& limits, OverlayPrefix prefix, IdMaps owners)
      : contents_(limits), prefix_(prefix), owners_(std::move(owners)) {}

  // Before and after each scan of the upper directory. A full one ends with
  // forgetting all files that it did not meet.
  void begin(const std::string& upper, bool ctime_shows_stores, WallTime now,
             std::stop_token stop);
  void end(bool full) { contents_.end(full); }

  // Fills entry->differs, entry->stat_differs and entry->reading; as far as it
  // came, when it fails.
  Tried<> compare(const UpperFile& upper, const UpperMarks& marks,
                  const LowerFile& lower, Entry* entry);

 private:
  Tried<> compare_attributes(const UpperFile& upper, const UpperMarks& marks,
                             const LowerFile& lower,
                             const XattrNames& lower_names, Entry* entry) const;
  Tried<> compare_contents(const UpperFile& upper, const UpperMarks& marks,
                           const LowerFile& lower,
                           const XattrNames& lower_names, Entry* entry);

  Contents contents_;
  OverlayPrefix prefix_;
  IdMaps owners_;
  unsigned inherited_flags_ = 0;
};

// Whether the one of a rootfs belongs to whom the image's does, see
// OverlayLayers::owners.
bool same_owner(const struct stat& upper, const struct stat& lower,
                const IdMaps& owners);

// containers/storage and docker take times as equal when one of them has whole
// seconds only, as tar files do, and the seconds agree but for rounding up.
bool same_tar_time(const struct timespec& a, const struct timespec& b);

}  // namespace stillframe::drift
