// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/baseline.h"

#include "agent/drift/scan/copy_baseline.h"
#include "agent/drift/scan/inventory_baseline.h"
#include "agent/drift/scan/overlay_baseline.h"

namespace stillframe::drift {

Tried<bool> Baseline::Dir::passes_over(int, const std::string&) {
  return false;
}

Tried<bool> Baseline::Dir::is_new(const std::string&, const struct stat&,
                                  Entry*) {
  return false;
}

Tried<std::optional<std::uint32_t>> Baseline::Dir::gone(const std::string&) {
  return std::nullopt;
}

Tried<std::optional<Baseline::Shone>> Baseline::Dir::shone(const std::string&) {
  return std::nullopt;
}

Tried<> Baseline::Dir::listed(int, const std::vector<std::string>&) {
  return {};
}

Tried<std::vector<std::string>> Baseline::Dir::missing(
    const std::vector<std::string>&) {
  return std::vector<std::string>();
}

void Baseline::Dir::compared(const UpperFile&, const std::string&,
                             const std::deque<Entry>&, std::size_t) {}

std::unique_ptr<Baseline> make_baseline(const OverlayLayers& layers,
                                        const ScanLimits& limits,
                                        const Scanner::Start& start,
                                        const Clock& clock) {
  if (!layers.plain) {
    return std::make_unique<OverlayBaseline>(layers, limits, clock);
  }
  if (!layers.lower.empty()) {
    return std::make_unique<CopyBaseline>(layers, limits, start.since, clock);
  }
  return std::make_unique<InventoryBaseline>(start, clock);
}

}  // namespace stillframe::drift
