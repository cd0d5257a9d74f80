// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tools.h"

#include <algorithm>
#include <array>

#include "agent/model/runtime.h"

namespace stillframe::engine {
namespace {

struct Known {
  std::string_view program;
  std::string_view tool;
};

// Package and configuration tools, the driving one before the one it drives:
// apt runs dpkg, dnf runs rpm, Ansible runs any of them.
constexpr std::array kManagers = {
    Known{"ansible", "ansible"},
    Known{"ansible-playbook", "ansible"},
    Known{"puppet", "puppet"},
    Known{"chef-client", "chef"},
    Known{"chef-solo", "chef"},
    Known{"salt-call", "salt"},
    Known{"salt-minion", "salt"},
    Known{"apt", "apt"},
    Known{"apt-get", "apt"},
    Known{"aptitude", "apt"},
    Known{"unattended-upgr", "apt"},
    Known{"dnf", "dnf"},
    Known{"microdnf", "dnf"},
    Known{"yum", "yum"},
    Known{"apk", "apk"},
    Known{"dpkg", "dpkg"},
    Known{"dpkg-deb", "dpkg"},
    Known{"rpm", "rpm"},
    Known{"pip", "pip"},
    Known{"pip3", "pip"},
    Known{"npm", "npm"},
    Known{"gem", "gem"},
};

constexpr std::array<std::string_view, 8> kEditors = {
    "vi", "vim", "nvim", "nano", "emacs", "ed", "vim.basic", "vim.tiny"};
constexpr std::array<std::string_view, 7> kShells = {
    "sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"};
template <typename List>
bool among(const List& list, std::string_view name) {
  for (const std::string_view item : list) {
    if (item == name) return true;
  }
  return false;
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

// The first and the second word of a command line, without directories: the
// second one for interpreters ("python3 /usr/bin/pip install …").
std::array<std::string_view, 2> words(std::string_view command) {
  std::array<std::string_view, 2> found;
  for (auto& word : found) {
    const auto space = command.find(' ');
    word = base_name(command.substr(0, space));
    if (space == std::string_view::npos) break;
    command.remove_prefix(space + 1);
  }
  return found;
}

}  // namespace

std::string recognise_tool(const ToolHints& hints) {
  const auto first = words(hints.first_cmd);
  const std::string_view exe = base_name(hints.exe);
  const std::array<std::string_view, 5> names = {
      hints.comm, exe, hints.parent_comm, first[0], first[1]};
  for (const Known& known : kManagers) {
    if (among(names, known.program)) return std::string(known.tool);
  }
  if (hints.first_cmd.find(".ansible") != std::string_view::npos) {
    return "ansible";  // it runs modules from ~/.ansible/tmp
  }
  if (hints.origin == Origin::host &&
      (is_copier(hints.comm) || is_copier(exe))) {
    return "cp";
  }
  // kubectl cp runs a tar that unpacks its standard input.
  if (first[0] == "tar" &&
      hints.first_cmd.find(" -xmf - ") != std::string_view::npos) {
    return "cp";
  }
  if (among(kEditors, hints.comm) || among(kEditors, exe)) return "editor";
  if (among(kShells, hints.comm) || among(kShells, exe) ||
      among(kShells, hints.parent_comm)) {
    return "shell";
  }
  return "";
}

}  // namespace stillframe::engine
