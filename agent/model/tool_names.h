// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "agent/model/runtime.h"
#include "bpf/tools.h"

namespace stillframe {

// All that an actor's `tool` may be: the tools that are known by a program,
// those known by what they do, and those behind a runtime that sets limits.
inline constexpr auto kToolNames = [] {
  constexpr std::array all = {
#define STILLFRAME_TOOL(identifier, name) std::string_view(name),
      SF_TOOLS(STILLFRAME_TOOL)
#undef STILLFRAME_TOOL
          std::string_view("cp"),
      std::string_view("shell"), std::string_view("podman"),
      std::string_view("docker"), kKubelet};
  // An interpreter has no name of its own.
  std::array<std::string_view, all.size() - 1> named{};
  std::size_t count = 0;
  for (const auto name : all) {
    if (!name.empty()) named[count++] = name;
  }
  return named;
}();

}  // namespace stillframe
