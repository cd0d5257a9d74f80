// SPDX-License-Identifier: Apache-2.0
//
// Who carries out scans, apart from the loop. Implemented by ScanWorker on a
// thread of its own, and by a queue in tests that runs each step when asked to.
#pragma once

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "agent/base/task.h"
#include "agent/drift/ledger/container_drift.h"
#include "agent/drift/scan/scanner.h"
#include "agent/model/update.h"

namespace stillframe::engine {

using Scanned = std::variant<drift::ScanResult, drift::PartialResult>;

class ScanRunner {
 public:
  virtual ~ScanRunner() = default;

  // Scans, one job after the other, and calls `done` in the loop's thread.
  // `urgent`: somebody waits, it goes ahead of others. When the runner stops,
  // `done` is dropped without a call. A scanner is used by one job at a time.
  virtual void submit(std::shared_ptr<drift::Scanner> scanner,
                      drift::ScanWork work, bool urgent,
                      Task<void(Scanned)> done) = 0;

  // Reads something else of a container, likewise.
  using Packages = std::vector<PackageChange>;
  virtual void read(std::function<Packages()> read,
                    Task<void(Packages)> done) = 0;
};

}  // namespace stillframe::engine
