// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/pages.h"

#include <fmt/format.h>

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
</style>
</head>
<body>
)";

}  // namespace

std::string landing_page(std::string_view telemetry_path,
                         std::string_view version) {
  return fmt::format(fmt::runtime(kHead), "Stillframe") +
         fmt::format(R"(<h1>Stillframe</h1>
<p>Shows which containers are <em>still</em>: the image they were started from,
and nothing else but what the policy tolerates.</p>
<ul>
<li><a href="{0}">Metrics</a></li>
<li><a href="/-/healthy">Healthy</a>: the agent's loop turns</li>
<li><a href="/-/ready">Ready</a>: sensors attached, first scan done</li>
</ul>
<small>Version {1}</small>
</body>
</html>
)",
                     escape_html(telemetry_path), escape_html(version));
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
