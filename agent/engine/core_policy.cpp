// SPDX-License-Identifier: Apache-2.0
//
// The policy in use: how it changes, and what people ask of it.
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/log.h"
#include "agent/base/text.h"
#include "agent/engine/core.h"
#include "agent/policy/explain.h"
#include "agent/policy/reader.h"
#include "agent/policy/suggest.h"

namespace stillframe::engine {

void Core::use_policy(policy::PolicyPtr policy) {
  policy_ = std::move(policy);
  policy_state_.file = options_.policy_file;
  policy_state_.rules = policy_->rules().size();
  policy_state_.expired = policy_->expired_rules();
  policy_state_.load_success = true;
  policy_state_.last_success = wall_now();
  policy_state_.error.clear();
  if (!options_.policy_file.empty()) {
    events_.agent(
        "policy_loaded",
        fmt::format("{}: {} rules, {} of them expired",
                    printable(options_.policy_file), policy_state_.rules,
                    policy_state_.expired.size()));
    log_info("the policy is in use",
             {{"file", options_.policy_file},
              {"rules", policy_state_.rules},
              {"expired", policy_state_.expired.size()}});
  }
  for (const auto& name : policy_state_.expired) {
    log_warn(
        "a rule of the policy has expired",
        {{"rule", name}, {"hint", "take it out, or look again at its reason"}});
  }
  for (const auto& watched : all_) {
    if (watched->drift) watched->drift->set_policy(policy_);
  }
  changed_ = true;
}

void Core::reload_policy() {
  if (options_.policy_file.empty()) {
    log_info("SIGHUP: there is no policy file to read again",
             {{"hint", "give one with --policy"}});
    return;
  }
  auto fresh = policy::load_policy(options_.policy_file, wall_now());
  if (fresh) {
    use_policy(std::move(*fresh));
    return;
  }
  policy_state_.load_success = false;
  policy_state_.error = fresh.error().message;
  changed_ = true;
  events_.agent("policy_failed", policy_state_.error);
  // One line of the log for each mistake, as `policy check` shows them.
  for (const auto& line : split(policy_state_.error, '\n')) {
    if (line.empty() || line[0] == ' ') continue;
    log_error("the policy file is bad: the old policy stays in use",
              {{"error", line},
               {"hint", "stillframe policy check " + options_.policy_file}});
  }
}

// Expiry is a matter of the wall clock, which can be set: asked every turn.
void Core::check_expiry() {
  const WallTime now = wall_now();
  const auto next = policy_->next_expiry();
  if (!next || now < *next) return;
  auto fresh = std::make_shared<const policy::Policy>(policy_->as_of(now));
  for (const auto& name : fresh->expired_rules()) {
    const auto& known = policy_state_.expired;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    events_.agent("policy_rule_expired", name);
    log_warn(
        "a rule of the policy has expired: it decides nothing any more",
        {{"rule", name}, {"hint", "take it out, or look again at its reason"}});
  }
  policy_ = std::move(fresh);
  policy_state_.expired = policy_->expired_rules();
  for (const auto& watched : all_) {
    if (watched->drift) watched->drift->set_policy(policy_);
  }
  changed_ = true;
}

void Core::explain(const std::string& container, const std::string& path,
                   std::function<void(Result<ExplainAnswer>)> done) {
  if (path.empty() || path[0] != '/') {
    done(tl::unexpected<Error>(
        Error{EINVAL, display(path) + " is no absolute path"}));
    return;
  }
  diff(container,
       [this, path, done = std::move(done)](Result<DiffAnswer> found) {
         if (!found) {
           done(tl::unexpected<Error>(found.error()));
           return;
         }
         ExplainAnswer answer;
         answer.container = found->container.info;
         answer.path = path;
         answer.policy_file = options_.policy_file;
         answer.verdicts = policy::explain(*policy_, answer.container, path);
         for (auto& change : found->changes) {
           if (change.path == path) answer.now = std::move(change);
         }
         done(std::move(answer));
       });
}

void Core::suggest(const std::string& workload,
                   std::function<void(Result<std::string>)> done) {
  struct Round {
    std::string workload;
    std::vector<WatchedPtr> chosen;
    std::size_t left = 1;
    std::function<void(Result<std::string>)> done;
  };
  const auto round = std::make_shared<Round>();
  round->workload = workload;
  round->done = std::move(done);
  std::vector<std::string> others;
  for (const auto& watched : all_) {
    const auto& name = watched->record.info.workload;
    if (!workload.empty() && name == workload) {
      round->chosen.push_back(watched);
    } else if (!name.empty() &&
               std::find(others.begin(), others.end(), name) == others.end()) {
      others.push_back(name);
    }
  }
  if (round->chosen.empty()) {
    std::string known;
    for (const auto& name : others) {
      if (known.size() > 200) break;
      known += (known.empty() ? "; there are: " : ", ") + display(name);
    }
    round->done(tl::unexpected<Error>(Error{
        ENOENT, "no workload " + display(workload) + " on this node" + known}));
    return;
  }
  const auto one_less = [round] {
    if (--round->left != 0) return;
    std::vector<policy::SeenContainer> seen;
    for (const auto& watched : round->chosen) {
      seen.push_back({watched->record.info, watched->drift
                                                ? watched->drift->diff()
                                                : std::vector<PathChange>()});
    }
    round->done(policy::suggest(round->workload, seen));
  };
  for (const auto& watched : round->chosen) {
    ++round->left;
    scan_then(*watched, one_less);
  }
  one_less();
}

}  // namespace stillframe::engine
