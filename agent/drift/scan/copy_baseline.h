// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/scan/layers.h"
#include "agent/drift/scan/plain_baseline.h"
#include "agent/model/container.h"

namespace stillframe::drift {

// The directory that a rootfs is a copy of (podman's vfs and btrfs drivers).
class CopyBaseline : public PlainBaseline {
 public:
  CopyBaseline(const OverlayLayers& layers, ScanLimits limits, WallTime since,
               const Clock& clock);

  bool begin(const RootFile& root, bool full, std::stop_token stop,
             Faults* faults) override;
  void end(bool everything) override;
  std::unique_ptr<Dir> root() override;
  Tried<> compare_root(const RootFile& root, Entry* entry) override;

 private:
  class Directory;

  std::vector<std::string> paths_;
  ScanLimits limits_;
  IdMaps owners_;
  Comparer comparer_;
  std::stop_token stop_;
  const Clock& clock_;
  std::optional<LowerLayers> image_;  // of the scan under way
};

}  // namespace stillframe::drift
