// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/scan/baseline.h"
#include "agent/drift/scan/index_links.h"
#include "agent/drift/scan/layers.h"
#include "agent/model/container.h"

namespace stillframe::drift {

// The lower layers of an overlay mount, below its upper directory.
class OverlayBaseline : public Baseline {
 public:
  OverlayBaseline(const OverlayLayers& layers, const ScanLimits& limits,
                  const Clock& clock)
      : paths_(layers.lower),
        data_(layers.data),
        links_in_paths_(!layers.within),
        limits_(limits),
        prefix_(layers.userxattr ? OverlayPrefix::user
                                 : OverlayPrefix::trusted),
        redirects_(layers.redirects),
        comparer_(limits, prefix_, layers.owners),
        links_(layers.work),
        clock_(clock) {}

  bool begin(const RootFile& root, bool full, std::stop_token stop,
             Faults* faults) override;
  void end(bool everything) override;
  std::unique_ptr<Dir> root() override;
  Tried<> compare_root(const RootFile& root, Entry* entry) override;
  bool has_whiteouts() const override { return true; }
  bool to_watch(unsigned, bool) const override { return true; }
  bool by_trees() const override { return redirects_; }

 private:
  class Directory;

  Tried<UpperMarks> marks_of(const UpperFile& file) const;

  std::vector<std::string> paths_;
  std::vector<std::string> data_;  // data-only layers
  bool links_in_paths_;
  ScanLimits limits_;
  OverlayPrefix prefix_;
  bool redirects_;
  Comparer comparer_;
  IndexLinks links_;
  std::stop_token stop_;
  const Clock& clock_;
  std::optional<LowerLayers> layers_;  // of the scan under way
};

}  // namespace stillframe::drift
