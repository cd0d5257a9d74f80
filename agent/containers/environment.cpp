// SPDX-License-Identifier: Apache-2.0
//
// Finder: what a container was given beside its rootfs, mounts and limits.
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "agent/base/file.h"
#include "agent/containers/device_rules.h"
#include "agent/containers/finder_impl.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxMounts = 4096;

bool is_directory(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

}  // namespace

Result<std::vector<MountEntry>> Finder::mounts(
    const ContainerRecord& record) const {
  auto mounts = impl_->proc.mounts(record.init_pid);
  if (!mounts) return tl::unexpected<Error>(mounts.error());
  // Of another process by now, or of none: a zombie has no mounts.
  const auto stat = impl_->proc.read_stat(record.init_pid);
  if (!stat || !same_start(stat->start_ns, record.init_start_ns) ||
      mounts->empty()) {
    return fail("its init is gone", ESRCH);
  }
  if (mounts->size() > kMaxMounts) mounts->resize(kMaxMounts);
  return mount_entries(*mounts);
}

std::vector<std::string> Finder::limit_directories(
    const ContainerRecord& record) const {
  const auto& layout = impl_->layout;
  const std::string observed =
      impl_->proc.cgroup(record.init_pid, layout.observed);
  std::set<std::string> found;
  const auto add = [&](const std::string& controller,
                       const std::string& mount) {
    const auto path =
        same_cgroup(record.cgroup_path, observed,
                    impl_->proc.cgroup(record.init_pid, controller));
    if (!path) return;
    const std::string directory = impl_->prefix + mount + *path;
    if (is_directory(directory)) found.insert(directory);
  };
  if (!layout.unified.empty()) add("", layout.unified);
  for (const auto& [controller, mount] : layout.v1) add(controller, mount);
  return {found.begin(), found.end()};
}

bool Finder::device_allowed(const ContainerRecord& record,
                            const DeviceObservation& asked) const {
  const auto& v1 = impl_->layout.v1;
  const auto hierarchy = v1.find("devices");
  if (hierarchy == v1.end()) return true;
  const std::string observed =
      impl_->proc.cgroup(record.init_pid, impl_->layout.observed);
  const auto path = same_cgroup(record.cgroup_path, observed,
                                impl_->proc.cgroup(record.init_pid, "devices"));
  if (!path) return true;
  const auto list =
      read_file(impl_->prefix + hierarchy->second + *path + "/devices.list");
  return !list || containers::device_allowed(*list, asked);
}

}  // namespace stillframe::containers
