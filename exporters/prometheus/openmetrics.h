// SPDX-License-Identifier: Apache-2.0
//
// Who is answered in OpenMetrics 1.0.
#pragma once

#include <string_view>

namespace stillframe::metrics {

constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Whether a client with this Accept header would rather have this than the
// older text format.
bool prefers_openmetrics(std::string_view accept);

}  // namespace stillframe::metrics
