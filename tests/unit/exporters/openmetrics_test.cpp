// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/openmetrics.h"

#include <gtest/gtest.h>

#include <utility>

namespace stillframe::metrics {
namespace {

TEST(OpenMetrics, IsGivenToThoseWhoPreferIt) {
  const std::pair<const char*, bool> cases[] = {
      {"", false},
      {"*/*", false},
      {"text/html,application/xhtml+xml,*/*;q=0.8", false},
      {"application/openmetrics-text", true},
      {"Application/OpenMetrics-Text ; Version=1.0.0 ; charset=utf-8", true},
      {"application/openmetrics-text; version=0.0.1", false},
      {"application/openmetrics-text; version=2.0.0", false},
      {"application/openmetrics-text;q=0", false},
      {"application/openmetrics-text;q=x", false},
      // Prometheus 2 and 3.
      {"application/openmetrics-text;version=1.0.0,application/"
       "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
       "*/*;q=0.1",
       true},
      {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version="
       "1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
       "*;q=0.2",
       true},
      {"text/plain;version=0.0.4;q=0.9,application/"
       "openmetrics-text;version=1.0.0;q=0.8",
       false},
      {"text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0",
       true},
      {",;,;q=,=,application/openmetrics-text;;", true},
  };
  for (const auto& [accept, expected] : cases) {
    EXPECT_EQ(prefers_openmetrics(accept), expected) << accept;
  }
}

}  // namespace
}  // namespace stillframe::metrics
