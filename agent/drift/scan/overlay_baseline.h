// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/scan/baseline.h"
#include "agent/drift/scan/layers.h"

namespace stillframe::drift {

// The lower layers of an overlay mount, below its upper directory.
class OverlayBaseline : public Baseline {
 public:
  OverlayBaseline(std::vector<std::string> layers, ScanLimits limits,
                  const Clock& clock)
      : paths_(std::move(layers)),
        limits_(limits),
        comparer_(limits),
        clock_(clock) {}

  bool begin(const RootFile& root, bool full, std::stop_token stop,
             Faults* faults) override;
  void end(bool everything) override;
  std::unique_ptr<Dir> root() override;
  Tried<> compare_root(const RootFile& root, Entry* entry) override;
  bool has_whiteouts() const override { return true; }
  bool to_watch(unsigned, bool) const override { return true; }

 private:
  class Directory;

  std::vector<std::string> paths_;
  ScanLimits limits_;
  Comparer comparer_;
  std::stop_token stop_;
  const Clock& clock_;
  std::optional<LowerLayers> layers_;  // of the scan under way
};

}  // namespace stillframe::drift
