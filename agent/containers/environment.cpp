// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/environment.h"

#include <set>

#include "agent/base/file.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/device_rules.h"
#include "agent/containers/directory.h"
#include "agent/containers/proc_text.h"

namespace stillframe::containers {
namespace {

// Some thirty thousand mounts, kept for as long as the container lives.
constexpr std::size_t kMaxMountinfo = 4u << 20;

}  // namespace

Result<std::vector<MountEntry>> Environment::mounts(
    const ContainerRecord& record) const {
  auto mounts = proc_.identified_mounts(record.init_pid, kMaxMountinfo);
  if (!mounts) return tl::unexpected<Error>(mounts.error());
  const auto stat = proc_.read_stat(record.init_pid);
  if (!stat) return tl::unexpected<Error>(stat.error());
  // Of another process by now.
  if (!same_start(stat->start_ns, record.init_start_ns) || mounts->empty()) {
    return fail("its init is gone", ESRCH);
  }
  return mount_entries(*mounts);
}

std::string Environment::path_in(const ContainerRecord& record,
                                 const std::string& cgroups,
                                 const std::string& controller) const {
  const auto observed = parse_cgroup(cgroups, layout_.observed).value_or("");
  const auto other = parse_cgroup(cgroups, controller).value_or("");
  return same_cgroup(record.cgroup_path, observed, other).value_or("");
}

Result<std::vector<std::string>> Environment::limit_directories(
    const ContainerRecord& record) const {
  std::vector<std::pair<std::string, std::string>> hierarchies(
      layout_.v1.begin(), layout_.v1.end());
  if (!layout_.unified.empty()) hierarchies.emplace_back("", layout_.unified);
  const auto cgroups = proc_.cgroups(record.init_pid);
  if (!cgroups) return tl::unexpected<Error>(cgroups.error());
  std::set<std::string> found;
  for (const auto& [controller, mount] : hierarchies) {
    const std::string path = path_in(record, *cgroups, controller);
    if (path.empty()) continue;
    const std::string directory = prefix_ + mount + path;
    const auto there = is_directory(directory);
    if (!there) return tl::unexpected<Error>(there.error());
    if (*there) found.insert(directory);
  }
  return std::vector<std::string>(found.begin(), found.end());
}

Result<bool> Environment::device_allowed(const ContainerRecord& record,
                                         const DeviceObservation& asked) const {
  const auto hierarchy = layout_.v1.find("devices");
  if (hierarchy == layout_.v1.end()) return true;
  const auto cgroups = proc_.cgroups(record.init_pid);
  if (!cgroups) return tl::unexpected<Error>(cgroups.error());
  const std::string path = path_in(record, *cgroups, "devices");
  if (path.empty()) return true;
  const auto list =
      read_file(prefix_ + hierarchy->second + path + "/devices.list");
  if (!list && is_absence(list.error().code)) return true;
  if (!list) return tl::unexpected<Error>(list.error());
  return containers::device_allowed(*list, asked);
}

}  // namespace stillframe::containers
