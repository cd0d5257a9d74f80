// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tools.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "agent/model/runtime.h"
#include "bpf/tools.h"

namespace stillframe::engine {
namespace {

constexpr std::array<std::string_view, SF_TOOL_COUNT> kToolNames = {
    "",
#define STILLFRAME_TOOL(identifier, name) name,
    SF_TOOLS(STILLFRAME_TOOL)
#undef STILLFRAME_TOOL
};

constexpr std::array<std::string_view, 7> kShells = {
    "sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"};

template <typename List>
bool among(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// A program with which people copy files into containers.
bool is_copier(std::string_view name) {
  return std::any_of(
      kRuntimes.begin(), kRuntimes.end(),
      [&](const RuntimeTraits& runtime) { return among(runtime.cli, name); });
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// By the name of a program, or of a process, which has no more than 15 letters.
std::unordered_map<std::string_view, unsigned> programs() {
  constexpr std::size_t kCommLength = 15;
  std::unordered_map<std::string_view, unsigned> tools = {
#define STILLFRAME_PROGRAM(program, tool) {program, SF_TOOL_##tool},
      SF_PROGRAMS(STILLFRAME_PROGRAM)
#undef STILLFRAME_PROGRAM
  };
  const auto complete = tools;
  for (const auto& [name, tool] : complete) {
    tools.emplace(name.substr(0, kCommLength), tool);
  }
  return tools;
}

unsigned tool_of_program(std::string_view name) {
  static const auto kTools = programs();
  const auto tool = kTools.find(name);
  return tool == kTools.end() ? unsigned{SF_TOOL_NONE} : tool->second;
}

std::string_view take_word(std::string_view& command) {
  const auto space = std::min(command.find(' '), command.size());
  const auto word = command.substr(0, space);
  command.remove_prefix(std::min(space + 1, command.size()));
  return word;
}

bool is_shell_command(std::string_view command) {
  return among(kShells, base_name(take_word(command)));
}

// What an interpreter runs: "/usr/bin/pip install …", "-m pip install …".
std::string_view run_by_interpreter(std::string_view arguments) {
  while (!arguments.empty()) {
    const auto word = take_word(arguments);
    if (word == "-m") return tool_name(tool_of_program(take_word(arguments)));
    if (!word.starts_with('-')) {
      return tool_name(tool_of_program(base_name(word)));
    }
  }
  return {};
}

}  // namespace

std::string_view tool_name(unsigned tool) {
  return tool < kToolNames.size() ? kToolNames[tool] : std::string_view();
}

std::string_view tool_of_command(std::string_view command) {
  // How Ansible calls the directories that it runs modules from, and those: in
  // paths, and not in what somebody only writes.
  for (const std::string_view mark :
       {"/.ansible/tmp", "/ansible-tmp-", "/AnsiballZ_"}) {
    if (command.find(mark) != std::string_view::npos) return "ansible";
  }
  std::string_view rest = command;
  const auto first = base_name(take_word(rest));
  // kubectl cp runs a tar that unpacks its standard input.
  if (first == "tar" && rest.starts_with("-xmf - ")) return "cp";
  const unsigned tool = tool_of_program(first);
  return tool == SF_TOOL_INTERPRETER ? run_by_interpreter(rest)
                                     : tool_name(tool);
}

std::string recognise_tool(const ToolHints& hints) {
  const std::string_view exe = base_name(hints.exe);
  // From the outside in.
  const std::array candidates = {
      tool_of_command(hints.first_cmd),
      hints.run_tool,
      tool_name(tool_of_program(hints.parent_comm)),
      tool_name(tool_of_program(hints.comm)),
      tool_name(tool_of_program(exe)),
  };
  for (const auto tool : candidates) {
    if (!tool.empty()) return std::string(tool);
  }
  if (hints.origin == Origin::host &&
      (is_copier(hints.comm) || is_copier(exe))) {
    return "cp";
  }
  if (is_shell_command(hints.first_cmd) || among(kShells, hints.comm) ||
      among(kShells, exe) || among(kShells, hints.parent_comm)) {
    return "shell";
  }
  return "";
}

}  // namespace stillframe::engine
