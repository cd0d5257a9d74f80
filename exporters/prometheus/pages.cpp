// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/pages.h"

#include <fmt/format.h>

#include <array>

#include "agent/base/clock.h"
#include "agent/base/text.h"

namespace stillframe::metrics {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{0}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem;
       margin: 4rem auto; padding: 0 1rem; }}
h1 {{ font-weight: 600; margin-bottom: 0; }}
p {{ margin-top: .25rem; }}
li {{ margin: .25rem 0; }}
small {{ opacity: .7; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ text-align: left; padding: .1rem 1.5rem .1rem 0; }}
th {{ font-weight: 600; }}
</style>
</head>
<body>
)";

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] -= 'a' - 'A';
  return text;
}

std::string since(const AgentPhase& phase) {
  if (phase.since.ns == 0) return {};
  // Whole seconds do: 2026-11-22T12:00:00Z.
  constexpr std::size_t kSeconds = 19;
  return " since " + rfc3339(phase.since).substr(0, kSeconds) + 'Z';
}

std::string container_counts(const Snapshot& snapshot) {
  std::array<std::size_t, kStateNames.size()> counts{};
  for (const auto& view : snapshot.containers) {
    if (view.running) ++counts[static_cast<std::size_t>(view.state)];
  }
  std::string rows;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    rows += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", kStateNames[i],
                        counts[i]);
  }
  return "<table>\n<tr><th>Running containers</th><th></th></tr>\n" + rows +
         "</table>\n";
}

std::string sensor_table(const Snapshot& snapshot) {
  std::string rows;
  for (const auto& sensor : snapshot.sensors) {
    const std::string_view covers =
        sensor.coverage == Coverage::events  ? "events"
        : sensor.coverage == Coverage::state ? "state"
                                             : "none";
    rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        escape_html(sensor.sensor), covers,
                        escape_html(sensor.implementation));
  }
  return "<table>\n<tr><th>Sensor</th><th>Coverage</th><th>By</th></tr>\n" +
         rows + "</table>\n";
}

}  // namespace

std::string landing_page(const Landing& landing) {
  std::string page =
      fmt::format(fmt::runtime(kHead), "Stillframe") +
      fmt::format(R"(<h1>Stillframe</h1>
<p>Shows which containers are <em>still</em>: the image they were started from,
and nothing else but what the policy tolerates.</p>
<ul>
<li><a href="{0}">Metrics</a></li>
<li><a href="/-/healthy">Healthy</a>: the agent's loop turns</li>
<li><a href="/-/ready">Ready</a>: sensors attached, first scan done</li>
</ul>
<p>{1}{2}.</p>
)",
                  escape_html(landing.telemetry_path),
                  escape_html(capitalized(to_string(landing.phase))),
                  since(landing.phase));
  if (landing.snapshot != nullptr) {
    page += container_counts(*landing.snapshot);
    page += sensor_table(*landing.snapshot);
  }
  return page +
         fmt::format("<small>Version {} ({})</small>\n</body>\n</html>\n",
                     escape_html(landing.version),
                     escape_html(landing.revision));
}

std::string not_found_page(std::string_view telemetry_path) {
  return fmt::format(fmt::runtime(kHead), "Not found · Stillframe") +
         fmt::format(R"(<h1>Nothing here</h1>
<p>Try the <a href="/">start page</a> or the <a href="{}">metrics</a>.</p>
</body>
</html>
)",
                     escape_html(telemetry_path));
}

}  // namespace stillframe::metrics
