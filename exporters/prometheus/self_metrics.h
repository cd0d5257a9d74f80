// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/result.h"

namespace stillframe::metrics {

// What Prometheus' client libraries report of their own process, as process_*.
struct SelfMetrics {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double start_time_seconds = 0;  // since 1970
};

// From /proc/self.
Result<SelfMetrics> read_self_metrics();

}  // namespace stillframe::metrics
