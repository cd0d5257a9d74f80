// SPDX-License-Identifier: Apache-2.0
//
// What was not observed on a node.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/agent_api.h"
#include "exporters/report/report.h"
#include "exporters/report/timeline.h"

namespace stillframe::report {

class Gaps {
 public:
  static constexpr std::size_t kMost = 1000;

  explicit Gaps(Period period) : period_(period) {}

  // What an agent's own entry says of a gap; others are passed over.
  void take(const StreamEvent& event);
  // What is alike on one day is one row; beyond kMost, on any day.
  void add(std::string_view kind, const std::string& what, Period when);

  std::vector<GapRow> rows() && { return std::move(rows_); }

 private:
  Period period_;
  std::vector<GapRow> rows_;
  std::map<std::string, std::size_t> known_;
};

}  // namespace stillframe::report
