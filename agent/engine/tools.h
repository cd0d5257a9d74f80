// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/model/words.h"

namespace stillframe::engine {

// What is known of who acts; any of it may be empty, all of it is the
// adversary's to choose.
struct ToolHints {
  Origin origin = Origin::unattributed;
  std::string_view comm{};
  std::string_view exe{};
  std::string_view parent_comm{};
  std::string_view first_cmd{};  // the session's first command line
};

// The recognised way of updating in place: apt, dpkg, apk, rpm, dnf, yum, pip,
// npm, gem, ansible, puppet, chef, salt, cp, editor, shell; empty when it is
// none of them. It describes; it grants nothing.
std::string recognise_tool(const ToolHints& hints);

}  // namespace stillframe::engine
