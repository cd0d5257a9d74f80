// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/cgroup_layout.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/cgroup_tree.h"
#include "agent/containers/mountinfo.h"

namespace stillframe::containers {
namespace {

using std::string_view;

constexpr std::array<string_view, 14> kControllers = {
    "cpu",  "cpuacct", "cpuset",   "memory",     "devices", "freezer", "blkio",
    "pids", "net_cls", "net_prio", "perf_event", "hugetlb", "rdma",    "misc"};

// Every runtime joins these; in order of preference.
constexpr std::array<string_view, 5> kObservable = {"pids", "memory", "cpu",
                                                    "devices", "freezer"};

// An option of a v1 mount that names what the hierarchy is for.
bool is_hierarchy_name(string_view option) {
  return starts_with(option, "name=") ||
         std::find(kControllers.begin(), kControllers.end(), option) !=
             kControllers.end();
}

void add_mount(const Mount& mount, CgroupLayout& layout) {
  // A mount of a part of the hierarchy (a container's own) is no use here.
  if (mount.root != "/") return;
  if (mount.type == "cgroup2" && layout.unified.empty()) {
    layout.unified = mount.target;
  }
  if (mount.type != "cgroup") return;
  for (const auto& option : mount.options) {
    if (is_hierarchy_name(option)) layout.v1.emplace(option, mount.target);
  }
}

bool holds_containers(const std::string& mount) {
  const CgroupTree tree(mount);
  for (const auto& cgroup : tree.below().items) {
    const auto name = parse_cgroup_path(cgroup.path);
    if (name && name->certain && !name->helper) return true;
  }
  return false;
}

bool observe_v1(CgroupLayout& layout) {
  for (const auto controller : kObservable) {
    const auto it = layout.v1.find(std::string(controller));
    if (it == layout.v1.end()) continue;
    layout.observed = it->first;
    layout.observed_mount = it->second;
    return true;
  }
  return false;
}

}  // namespace

Result<CgroupLayout> detect_cgroups(const std::string& host_prefix) {
  const auto text = read_file(host_prefix + "/proc/self/mountinfo", 16u << 20);
  if (!text) return fail(text, "looking for cgroup filesystems");
  CgroupLayout layout;
  for (const auto& mount : parse_mountinfo(*text)) add_mount(mount, layout);
  if (layout.unified.empty() && layout.v1.empty()) {
    return fail("no cgroup filesystem is mounted", ENOENT);
  }
  layout.mode = layout.v1.empty()        ? CgroupMode::v2
                : layout.unified.empty() ? CgroupMode::v1
                                         : CgroupMode::hybrid;
  // In hybrid mode runc places tasks in the unified hierarchy too since 1.1;
  // runtimes that do not leave it without containers while v1 has them.
  const bool v1_observable =
      layout.mode != CgroupMode::v2 && observe_v1(layout);
  if (layout.mode == CgroupMode::v1) {
    if (!v1_observable) {
      return fail("no cgroup v1 hierarchy that runtimes use is mounted",
                  ENOENT);
    }
    return layout;
  }
  const bool only_v1_used =
      v1_observable && !holds_containers(host_prefix + layout.unified) &&
      holds_containers(host_prefix + layout.observed_mount);
  if (!only_v1_used) {
    layout.observed.clear();
    layout.observed_mount = layout.unified;
  }
  return layout;
}

std::string to_string(CgroupMode mode) {
  switch (mode) {
    case CgroupMode::v1:
      return "v1";
    case CgroupMode::hybrid:
      return "hybrid";
    case CgroupMode::v2:
      break;
  }
  return "v2";
}

}  // namespace stillframe::containers
