// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "agent/base/text.h"

namespace stillframe::policy {
namespace {

constexpr std::array kClasses = {Class::content, Class::metadata, Class::code};
// Who may be the actor of a change that policy is asked about; the runtime's
// own writes are recognised before.
constexpr std::array kActors = {Origin::workload, Origin::exec, Origin::host,
                                Origin::container, Origin::unattributed};

std::vector<Kind> kinds_in(Class mutation_class) {
  std::vector<Kind> kinds;
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    const auto kind = static_cast<Kind>(i);
    if (class_of(kind) == mutation_class) kinds.push_back(kind);
  }
  return kinds;
}

// A rule that would have decided otherwise had it not expired.
const Rule* expired_rule(const Policy& policy, const ContainerInfo& container,
                         Kind kind, Origin origin, std::string_view path) {
  for (const auto& rule : policy.rules()) {
    if (!rule.expired || !rule.match.matches(container)) continue;
    for (const auto& entry : rule.allow) {
      if (entry.matches(class_of(kind), kind, origin, path)) return &rule;
    }
  }
  return nullptr;
}

std::string why(const Policy& policy, const ContainerInfo& container, Kind kind,
                Origin origin, std::string_view path,
                const Judgement& judgement) {
  if (judgement.verdict == Verdict::scratch) {
    return "in the scratch place " + policy.scratch_place(path)->pattern();
  }
  if (const Rule* rule = policy.rule(judgement.rule)) {
    std::string text =
        rule->reason.empty() ? "no reason given" : printable(rule->reason);
    if (rule->expires) text += "; until " + rule->expires_text;
    return text;
  }
  if (const Rule* rule = expired_rule(policy, container, kind, origin, path)) {
    return fmt::format("rule '{}' (line {}) would allow it but expired {}",
                       rule->name, rule->line, rule->expires_text);
  }
  const bool tolerated_place =
      class_of(kind) == Class::code && policy.scratch_place(path) != nullptr;
  return tolerated_place ? "a scratch place, but code needs a rule"
                         : "no rule allows it";
}

}  // namespace

std::vector<PolicyVerdict> explain(const Policy& policy,
                                   const ContainerInfo& container,
                                   std::string_view path) {
  std::vector<PolicyVerdict> rows;
  for (const Class mutation_class : kClasses) {
    const auto kinds = kinds_in(mutation_class);
    // One row per origin and outcome, then origins that agree are put together.
    std::vector<PolicyVerdict> found;
    for (const Origin origin : kActors) {
      std::vector<PolicyVerdict> mine;
      for (const Kind kind : kinds) {
        const auto judgement =
            policy.judge(container, mutation_class, kind, origin, path);
        const auto reason =
            why(policy, container, kind, origin, path, judgement);
        auto same = std::find_if(mine.begin(), mine.end(), [&](const auto& r) {
          return r.verdict == judgement.verdict && r.rule == judgement.rule &&
                 r.why == reason;
        });
        if (same == mine.end()) {
          const Rule* rule = policy.rule(judgement.rule);
          same =
              mine.insert(mine.end(), {.mutation_class = mutation_class,
                                       .kinds = {},
                                       .origins = {origin},
                                       .verdict = judgement.verdict,
                                       .rule = judgement.rule,
                                       .line = rule == nullptr ? 0 : rule->line,
                                       .why = reason});
        }
        same->kinds.push_back(kind);
      }
      for (auto& row : mine) {
        const auto same =
            std::find_if(found.begin(), found.end(), [&](const auto& r) {
              return r.verdict == row.verdict && r.rule == row.rule &&
                     r.why == row.why && r.kinds == row.kinds;
            });
        if (same == found.end()) {
          found.push_back(std::move(row));
        } else {
          same->origins.push_back(origin);
        }
      }
    }
    for (auto& row : found) {
      if (row.kinds.size() == kinds.size()) row.kinds.clear();
      if (row.origins.size() == kActors.size()) row.origins.clear();
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace stillframe::policy
