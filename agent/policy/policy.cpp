// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/policy.h"

#include <algorithm>

namespace stillframe::policy {
namespace {

bool any_matches(const std::vector<TextGlob>& globs, std::string_view text) {
  return globs.empty() ||
         std::any_of(globs.begin(), globs.end(),
                     [&](const auto& glob) { return glob.matches(text); });
}

// Every pattern of `other` lies within one of `mine`.
template <typename Glob>
bool all_covered(const std::vector<Glob>& mine,
                 const std::vector<Glob>& other) {
  if (mine.empty()) return true;
  if (other.empty()) return false;
  return std::all_of(other.begin(), other.end(), [&](const Glob& theirs) {
    return std::any_of(mine.begin(), mine.end(),
                       [&](const Glob& own) { return own.covers(theirs); });
  });
}

bool one_of(const std::vector<Entry>& entries, Class mutation_class, Kind kind,
            Origin origin, std::string_view path) {
  return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.matches(mutation_class, kind, origin, path);
  });
}

}  // namespace

bool Match::matches(const ContainerInfo& container) const {
  if (!any_matches(runtime, container.runtime) ||
      !any_matches(pod_namespace, container.pod_namespace) ||
      !any_matches(pod, container.pod) ||
      !any_matches(workload, container.workload) ||
      !any_matches(image, container.image) ||
      !any_matches(name, container.name)) {
    return false;
  }
  return std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
    const auto found = container.labels.find(wanted.first);
    return found != container.labels.end() &&
           any_matches(wanted.second, found->second);
  });
}

bool Match::covers(const Match& other) const {
  if (!all_covered(runtime, other.runtime) ||
      !all_covered(pod_namespace, other.pod_namespace) ||
      !all_covered(pod, other.pod) || !all_covered(workload, other.workload) ||
      !all_covered(image, other.image) || !all_covered(name, other.name)) {
    return false;
  }
  return std::all_of(labels.begin(), labels.end(), [&](const auto& mine) {
    return std::any_of(other.labels.begin(), other.labels.end(),
                       [&](const auto& theirs) {
                         return mine.first == theirs.first &&
                                all_covered(mine.second, theirs.second);
                       });
  });
}

Words kinds_of(Words classes) {
  Words kinds = 0;
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    const auto kind = static_cast<Kind>(i);
    if ((classes & bit(class_of(kind))) != 0) kinds |= bit(kind);
  }
  return kinds;
}

bool Entry::matches(Class mutation_class, Kind kind, Origin origin,
                    std::string_view path) const {
  if ((classes & bit(mutation_class)) == 0 || (kinds & bit(kind)) == 0 ||
      (origins & bit(origin)) == 0) {
    return false;
  }
  return paths.empty() ||
         std::any_of(paths.begin(), paths.end(),
                     [&](const auto& glob) { return glob.matches(path); });
}

bool Entry::covers(const Entry& other) const {
  const Words mine = kinds & kinds_of(classes);
  const Words theirs = other.kinds & kinds_of(other.classes);
  return (theirs & ~mine) == 0 && (other.origins & ~origins) == 0 &&
         all_covered(paths, other.paths);
}

std::vector<PathGlob> built_in_scratch() {
  std::vector<PathGlob> places;
  for (const char* place :
       {"/tmp/**", "/var/tmp/**", "/run/**", "/var/run/**", "/dev/**"}) {
    places.push_back(*PathGlob::compile(place));
  }
  return places;
}

Policy::Policy() : scratch_(built_in_scratch()) {}

Policy::Policy(std::vector<PathGlob> scratch, std::vector<Rule> rules)
    : scratch_(std::move(scratch)), rules_(std::move(rules)) {}

const PathGlob* Policy::scratch_place(std::string_view path) const {
  const auto place =
      std::find_if(scratch_.begin(), scratch_.end(),
                   [&](const auto& glob) { return glob.matches(path); });
  return place == scratch_.end() ? nullptr : &*place;
}

Judgement Policy::judge(const ContainerInfo& container, Class mutation_class,
                        Kind kind, Origin origin, std::string_view path) const {
  if (scratch_class(mutation_class) && scratch_place(path) != nullptr) {
    return {Verdict::scratch, ""};
  }
  for (const auto& rule : rules_) {
    if (rule.expired) continue;
    const bool violates =
        one_of(rule.violation, mutation_class, kind, origin, path);
    if (!violates && !one_of(rule.allow, mutation_class, kind, origin, path)) {
      continue;
    }
    if (!rule.match.matches(container)) continue;
    return {violates ? Verdict::violation : Verdict::allowed, rule.name};
  }
  // `docker update`, the CPU manager and the vertical autoscaler do this all
  // day: it is recorded. Whose a write to a control file is is not always seen.
  if (mutation_class == Class::limits &&
      (origin == Origin::host || origin == Origin::unattributed)) {
    return {Verdict::allowed, ""};
  }
  return {};
}

Policy Policy::as_of(WallTime now) const {
  Policy out = *this;
  for (auto& rule : out.rules_) rule.expired = rule.expired_at(now);
  return out;
}

bool Policy::differs_at(WallTime now) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return rule.expired != rule.expired_at(now);
  });
}

std::vector<std::string> Policy::expired_rules() const {
  std::vector<std::string> names;
  for (const auto& rule : rules_) {
    if (rule.expired) names.push_back(rule.name);
  }
  return names;
}

const Rule* Policy::rule(std::string_view name) const {
  const auto found =
      std::find_if(rules_.begin(), rules_.end(),
                   [&](const auto& rule) { return rule.name == name; });
  return found == rules_.end() ? nullptr : &*found;
}

std::vector<std::string> Policy::scratch() const {
  std::vector<std::string> patterns;
  for (const auto& glob : scratch_) patterns.push_back(glob.pattern());
  return patterns;
}

}  // namespace stillframe::policy
