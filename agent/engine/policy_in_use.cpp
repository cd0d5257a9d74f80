// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/policy_in_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/text.h"
#include "agent/policy/reader.h"

namespace stillframe::engine {
namespace {

constexpr std::int64_t kDayNs = 24 * 3600 * std::int64_t{1'000'000'000};

}  // namespace

PolicyInUse::PolicyInUse(Context& context, Fleet& fleet)
    : context_(context), fleet_(fleet) {
  const auto& given = context_.settings.policy;
  use(given ? given : std::make_shared<const policy::Policy>());
}

void PolicyInUse::use(policy::PolicyPtr policy) {
  state_.file = context_.settings.policy_file;
  state_.rules = policy->rules().size();
  state_.expired = policy->expired_rules();
  state_.sha256 = policy->sha256();
  state_.expiries.clear();
  for (const auto& rule : policy->rules()) {
    if (rule.expires) state_.expiries.emplace_back(rule.name, *rule.expires);
  }
  state_.load_success = true;
  state_.last_success = context_.clock.wall();
  state_.error.clear();
  if (!state_.file.empty()) {
    context_.events.agent(
        "policy_loaded",
        fmt::format("{}: {} rules, {} of them expired", printable(state_.file),
                    state_.rules, state_.expired.size()),
        {{"sha256", policy->sha256()}});
    log_info("the policy is in use", {{"file", state_.file},
                                      {"rules", state_.rules},
                                      {"expired", state_.expired.size()}});
  }
  for (const auto& name : state_.expired) {
    log_warn("a rule of the policy has expired",
             {{"rule", name},
              {"hint", "remove it, or renew it if its reason still holds"}});
  }
  context_.policy = std::move(policy);
  context_.rules_used.clear();
  judge_again();
}

void PolicyInUse::judge_again() {
  for (const auto& container : fleet_.all()) {
    container->set_policy(context_.policy);
  }
  context_.changed = true;
}

void PolicyInUse::reload() {
  if (context_.settings.policy_file.empty()) {
    log_info("SIGHUP: there is no policy file to read again",
             {{"hint", "give one with --policy"}});
    return;
  }
  auto fresh =
      policy::load_policy(context_.settings.policy_file, context_.clock.wall());
  if (fresh) return use(std::move(*fresh));
  state_.load_success = false;
  state_.error = fresh.error().message;
  context_.changed = true;
  context_.events.agent("policy_failed", state_.error);
  // One line of the log for each mistake, as `policy check` shows them.
  for (const auto& line : split(state_.error, '\n')) {
    if (line.empty() || line[0] == ' ') continue;
    log_error(
        "the policy file is bad: the old policy stays in use",
        {{"error", line},
         {"hint", "stillframe policy check " + context_.settings.policy_file}});
  }
}

void PolicyInUse::check_expiry() {
  const WallTime now = context_.clock.wall();
  // What was said of a rule long ago may not be kept any more.
  if (now.ns / kDayNs != rules_used_day_) {
    rules_used_day_ = now.ns / kDayNs;
    context_.rules_used.clear();
  }
  if (!context_.policy->differs_at(now)) return;
  auto fresh =
      std::make_shared<const policy::Policy>(context_.policy->as_of(now));
  for (const auto& name : fresh->expired_rules()) {
    if (std::find(state_.expired.begin(), state_.expired.end(), name) !=
        state_.expired.end()) {
      continue;
    }
    context_.events.agent("policy_rule_expired", name);
    log_warn("a rule of the policy has expired: it no longer allows anything",
             {{"rule", name},
              {"hint", "remove it, or renew it if its reason still holds"}});
  }
  context_.policy = std::move(fresh);
  state_.expired = context_.policy->expired_rules();
  judge_again();
}

}  // namespace stillframe::engine
