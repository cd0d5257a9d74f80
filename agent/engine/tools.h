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
  std::string_view run_tool{};   // of the run that it is part of
};

// The recognised way of updating in place: apt, dpkg, apk, rpm, dnf, yum, pip,
// npm, gem, cargo, ansible, puppet, chef, salt, cp, editor, systemd-tmpfiles,
// logrotate, shell; empty when it is none of them. The outermost of the tree of
// processes names it, and a shell only where nothing else does. It describes;
// it grants nothing.
std::string recognise_tool(const ToolHints& hints);

// The tool that a command line runs; empty: none, or a shell.
std::string_view tool_of_command(std::string_view command);

// The name of an enum sf_tool; empty: of none, or of an interpreter.
std::string_view tool_name(unsigned tool);

}  // namespace stillframe::engine
