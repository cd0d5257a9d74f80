// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/stated_inits.h"

#include "agent/base/clock.h"
#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

// A runtime gives it a root sooner than this after it has made the process.
constexpr std::uint64_t kPreparingNs = 5'000'000'000;

// Whether that is what it was given.
bool has_hosts_root(const Proc& proc, const Process& init) {
  return proc.has_own_mounts(init) &&
         init.start_ns + kPreparingNs < boottime_now_ns();
}

}  // namespace

StatedInits::StatedInits(const KnownCgroups& known, const Proc& proc)
    : known_(known), proc_(proc) {
  for (const auto& [path, init] : known.inits) inits_.insert(init);
}

// crun has a container's processes in a cgroup below the one that systemd made
// for it.
std::optional<InitRef> StatedInits::of(const CgroupName& name) const {
  const auto exact = known_.inits.find(name.path);
  if (exact != known_.inits.end()) return exact->second;
  const std::string below = name.path + "/";
  for (auto it = known_.inits.lower_bound(below);
       it != known_.inits.end() && starts_with(it->first, below); ++it) {
    if (known_.ids.at(it->first) == name.id) return it->second;
  }
  return std::nullopt;
}

Result<std::optional<Process>> StatedInits::read(const InitRef& init) const {
  auto process = proc_.read(init.pid);
  if (!process && is_absence(process.error().code)) return std::nullopt;
  if (!process) return tl::unexpected<Error>(process.error());
  if (process->start_ticks != init.start_ticks ||
      !(proc_.has_own_root(*process) || has_hosts_root(proc_, *process))) {
    return std::nullopt;
  }
  return std::optional(*std::move(process));
}

}  // namespace stillframe::containers
