// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace stillframe::metrics {

// Self-contained HTML: no scripts, nothing loaded from elsewhere.
std::string landing_page(std::string_view telemetry_path,
                         std::string_view version);
std::string not_found_page(std::string_view telemetry_path);

}  // namespace stillframe::metrics
