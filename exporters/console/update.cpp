// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/update.h"

#include "agent/base/text.h"
#include "exporters/console/actor.h"

namespace stillframe::console {
namespace {

constexpr std::size_t kNamed = 10;  // packages; the rest is a number

std::string package_text(const PackageChange& package) {
  if (package.removed) return display(package.name) + " removed";
  if (package.version.empty()) return display(package.name);
  return display(package.name) + ' ' + display(package.version);
}

}  // namespace

std::string update_text(const Update& update, bool paths) {
  std::string out = display(update.tool);
  if (!update.command.empty()) {
    const std::string command = display(update.command);
    out += command[0] == '"' ? ' ' + command : " \"" + command + '"';
  }
  if (paths) {
    out += ", " + counted(update.paths, "path");
    if (update.more_paths) out += " or more";
  }
  for (std::size_t i = 0; i < update.packages.size(); ++i) {
    if (i == kNamed) {
      out += ", " + std::to_string(update.packages.size() - i) + " more";
      break;
    }
    out += i == 0 ? ", packages: " : ", ";
    out += package_text(update.packages[i]);
  }
  return out;
}

}  // namespace stillframe::console
