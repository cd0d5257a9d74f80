// SPDX-License-Identifier: Apache-2.0
//
// A report of entries that anybody may have written, with an audit log that is
// as bad.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/base/text.h"
#include "exporters/jsonl/event_reader.h"
#include "exporters/report/collector.h"
#include "exporters/report/kubernetes_audit.h"
#include "exporters/report/report.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;
using stillframe::fuzz::require;

namespace {

constexpr std::int64_t kDayNs = 86'400 * std::int64_t{1'000'000'000};
// 2026-01-01, where the corpus is.
constexpr report::Period kPeriod{{1'767'225'600'000'000'000},
                                 {1'767'225'600'000'000'000 + 365 * kDayNs}};

void check(const report::NodeReport& node) {
  const double watched =
      static_cast<double>(std::max<std::int64_t>(
          0, node.watched.until.ns - node.watched.since.ns)) /
      1e9;
  for (const auto& one : node.containers) {
    double all = 0;
    for (const double seconds : one.times) {
      require(seconds >= 0, "no time is less than none");
      all += seconds;
    }
    require(all <= watched + 1e-3, "nothing was longer than was watched");
    require(one.hands.size() <= 2 * report::Collector::kMostHands, "bounded");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const auto audit = fuzz::next_part(rest);
  report::KubernetesAudit kubernetes;
  for (const auto& line : split(audit, '\n')) kubernetes.take(line);
  report::Collector collector(kPeriod, &kubernetes);
  for (const auto& line : split(rest, '\n')) {
    const auto event = jsonl::event_from_json(line);
    if (event) collector.take(*event);
  }
  std::vector<report::NodeReport> nodes;
  nodes.push_back(std::move(collector).finish(kPeriod.until, kPeriod.until));
  check(nodes.front());
  const report::Report made = report::make_report(kPeriod, std::move(nodes));
  const std::string text = report_text(made, false);
  require(text.find('\x1b') == std::string::npos, "no terminal is driven");
  const std::string html = report_html(made);
  require(html.find("<script>") == html.rfind("<script>"), "one script");
  require(parse_json(report_json(made)).has_value(), "JSON is read");
  return 0;
}
