// SPDX-License-Identifier: Apache-2.0
//
// Plots as SVG inside of HTML. Colours and patterns are the page's classes:
// `c-still`, `o-exec`, …
#pragma once

#include <string>

#include "exporters/report/report.h"

namespace stillframe::report {

// Escaped for HTML, control characters as printable() has them.
std::string html_text(std::string_view bytes);

// A lane for each container, what it was over time; those that were changed
// longest come first, and no more than `most` of them.
std::string lanes_svg(const Report& report, std::size_t most);
// One container's.
std::string lane_svg(const ContainerReport& container, const Period& period);
// How many violations of each class, by origin.
std::string classes_svg(const Report& report);
// Updates in place and replacements, from minute to minute up to month to
// month, as the period has it.
std::string updates_svg(const Report& report);

}  // namespace stillframe::report
