// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/actor.h"

#include <fmt/format.h>

#include "agent/base/text.h"

namespace stillframe::console {

std::string ancestors_text(const Actor& actor) {
  constexpr std::size_t kShown = 4;
  const auto& names =
      (actor.session ? actor.session->ancestors : actor.ancestors).all();
  const std::size_t left_out =
      names.size() > kShown ? names.size() - kShown : 0;
  std::string out = left_out != 0 ? "… > " : "";
  for (std::size_t i = left_out; i < names.size(); ++i) {
    if (i != left_out) out += " > ";
    out += display(names[i]);
  }
  return out;
}

std::string who(const Actor& actor) {
  std::string out(to_string(actor.origin));
  if (actor.origin == Origin::unattributed && actor.comm.empty()) return out;
  if (!actor.tool.empty()) out += ' ' + display(actor.tool);
  if (!actor.comm.empty()) {
    const std::string process =
        fmt::format("{}[{}]", display(actor.comm), actor.pid);
    out += actor.tool.empty() ? ' ' + process : " (" + process + ')';
  }
  if (actor.uid != 0) out += fmt::format(" uid {}", actor.uid);
  if (actor.login) {
    out += " by login " + (actor.login->user.empty()
                               ? std::to_string(actor.login->uid)
                               : display(actor.login->user));
  }
  if (const std::string callers = ancestors_text(actor); !callers.empty()) {
    out += " through " + callers;
  }
  if (actor.session && !actor.session->first_cmd.empty()) {
    const std::string command = display(actor.session->first_cmd);
    const bool quoted = command[0] == '"';
    out += quoted ? " in " + command : " in \"" + command + '"';
  }
  if (actor.ambiguous) out += " (or another)";
  return out;
}

std::string who_briefly(const Actor& actor) {
  std::string out(to_string(actor.origin));
  const std::string& doer = actor.tool.empty() ? actor.comm : actor.tool;
  if (!doer.empty()) out += ' ' + display(doer);
  return out;
}

std::string short_id(std::string_view id) { return display(id.substr(0, 12)); }

std::string container_name(const ContainerInfo& info) {
  return info.name.empty() ? short_id(info.id) : display(info.name);
}

Color verdict_color(std::string_view verdict) {
  if (verdict == "violation") return Color::red;
  if (verdict == "allowed") return Color::green;
  return Color::dim;
}

Color state_color(ContainerState state) {
  switch (state) {
    case ContainerState::still:
      return Color::green;
    case ContainerState::mutated:
      return Color::red;
    case ContainerState::unknown:
      break;
  }
  return Color::yellow;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace stillframe::console
