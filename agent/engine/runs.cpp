// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/runs.h"

#include <algorithm>

#include "agent/engine/tools.h"
#include "bpf/tools.h"

namespace stillframe::engine {

void Runs::started(const RunObservation& seen) {
  const std::uint64_t number = seen.process.run;
  // Before it is forgotten: an interpreter that runs another one in its own
  // process is both.
  Run run = seen.within != 0 ? find(seen.within) : Run();
  const auto known = runs_.find(number);
  if (known != runs_.end()) {
    order_.erase(known->second);
    runs_.erase(known);
  }
  if (run.tool.empty()) {
    run.id = sf_run_start(number);
    run.tool = tool_name(sf_run_tool(number));
    if (run.tool.empty()) run.tool = tool_of_command(seen.command);
    run.command = seen.command;
    run.start = wall_from_boottime(seen.process.start_ns);
  }
  order_.emplace_front(number, std::move(run));
  runs_[number] = order_.begin();
  if (order_.size() > kMaxRuns) {
    runs_.erase(order_.back().first);
    order_.pop_back();
  }
}

Runs::Run Runs::find(std::uint64_t run) const {
  const auto known = runs_.find(run);
  if (known != runs_.end()) return known->second->second;
  Run bare;
  bare.id = sf_run_start(run);
  bare.tool = tool_name(sf_run_tool(run));
  bare.start = wall_from_boottime(bare.id * 1000);
  return bare;
}

void Runs::ended(std::uint64_t id, std::uint64_t boot_ns) {
  if (ends_.size() >= kMaxRuns) ends_.clear();
  ends_[id] = boot_ns;
}

bool Runs::over(std::uint64_t id, std::uint64_t boot_ns) const {
  constexpr std::uint64_t kLeftBehindNs = 5'000'000'000;
  const auto end = ends_.find(id);
  return end != ends_.end() && boot_ns > end->second + kLeftBehindNs;
}

void Runs::remember(const Run& run) {
  if (known_.contains(run.id)) return;
  if (known_.size() >= kMaxRuns) known_.clear();
  known_[run.id] = run;
}

Runs::Run Runs::known(std::uint64_t id) const {
  const auto known = known_.find(id);
  if (known != known_.end()) return known->second;
  return {id, "", "", wall_from_boottime(id * 1000)};
}

Runs::Run Runs::join(const std::string& key, const Run& fresh,
                     std::uint64_t boot_ns) {
  if (joined_.size() >= kMaxJoined && !joined_.contains(key)) joined_.clear();
  Joined& joined = joined_[key];
  if (joined.run.id == 0 || boot_ns > joined.last_ns + kOneUpdateNs) {
    joined.run = fresh;
  }
  joined.last_ns = std::max(joined.last_ns, boot_ns);
  return joined.run;
}

}  // namespace stillframe::engine
