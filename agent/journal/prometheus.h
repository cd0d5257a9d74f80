// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/journal/witness.h"

namespace stillframe::journal {

struct PrometheusOptions {
  std::string url;       // http://host:9090, https://host/prefix
  std::string instance;  // empty: the only one there is
  WallTime since;
  WallTime now;
};

// "": it is one.
std::string check_prometheus_url(const std::string& url);

// All scrapes of an agent's journal since then. Fails if there are none.
Result<std::vector<Scrape>> ask_prometheus(const PrometheusOptions& options);

}  // namespace stillframe::journal
