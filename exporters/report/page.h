// SPDX-License-Identifier: Apache-2.0
//
// The HTML page around a report: nothing in it is fetched, and no script but
// its own may run, whatever is in the body.
#pragma once

#include <string>

namespace stillframe::report {

// `body` is HTML.
std::string page(const std::string& title, const std::string& body);

}  // namespace stillframe::report
