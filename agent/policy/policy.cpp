// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/policy.h"

#include "agent/base/text.h"

namespace stillframe::policy {
namespace {

// The place itself and everything below it, by whole path components.
bool lies_in(std::string_view path, std::string_view place) {
  return starts_with(path, place) &&
         (path.size() == place.size() || path[place.size()] == '/');
}

// A path that the scan made has no "..": one that does was put together from
// what a process said and may lead anywhere.
bool climbs(std::string_view path) {
  return path.find("/../") != std::string_view::npos || ends_with(path, "/..");
}

bool scratch_class(Class mutation_class) {
  return mutation_class == Class::content || mutation_class == Class::metadata;
}

}  // namespace

Policy::Policy() : scratch_{"/tmp", "/var/tmp", "/run", "/var/run", "/dev"} {}

Judgement Policy::judge(const ContainerInfo& /*container*/,
                        Class mutation_class, Kind /*kind*/, Origin /*origin*/,
                        std::string_view path) const {
  if (!scratch_class(mutation_class) || climbs(path)) return {};
  for (const auto& place : scratch_) {
    if (lies_in(path, place)) return {Verdict::scratch, ""};
  }
  return {};
}

}  // namespace stillframe::policy
