// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/machine.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "agent/base/file.h"
#include "agent/base/log.h"
#include "agent/containers/cgroup_layout.h"
#include "agent/containers/mountinfo.h"
#include "agent/model/inode_identity.h"
#include "agent/model/runtime.h"
#include "agent/privileges/capabilities.h"

namespace stillframe::engine {
namespace {

constexpr const char* kBtf = "/sys/kernel/btf/vmlinux";

std::string first_line(const std::string& path) {
  auto text = read_file(path, 65536);
  if (!text) return "";
  return text->substr(0, text->find('\n'));
}

bool exists(std::string_view path) {
  return ::access(std::string(path).c_str(), F_OK) == 0;
}

std::vector<std::string> runtimes() {
  std::vector<std::string> found;
  for (const auto& runtime : kRuntimes) {
    if (std::any_of(runtime.traces.begin(), runtime.traces.end(), exists)) {
      found.emplace_back(runtime.name);
    }
  }
  return found;
}

// Where each engine keeps what it unpacks, a directory for each driver in use.
std::vector<std::string> storage_drivers() {
  std::vector<std::string> found;
  for (const auto& runtime : kRuntimes) {
    for (const auto& place : runtime.storage) {
      if (!exists(place.path)) continue;
      found.push_back(std::string(runtime.name) + ' ' +
                      std::string(place.driver));
    }
  }
  return found;
}

Result<> check_state_dir(const std::string& state_dir) {
  auto made = make_directories(state_dir + "/containers");
  if (!made) {
    return fail(made,
                "cannot use the state directory (choose another with "
                "--state-dir)");
  }
  const std::string probe = state_dir + "/.writable";
  auto written = write_file_atomic(probe, "");
  if (!written) {
    return fail(written,
                "cannot write to the state directory (choose another "
                "with --state-dir)");
  }
  ::unlink(probe.c_str());
  return {};
}

}  // namespace

std::vector<UpperRoot> host_roots() {
  std::vector<UpperRoot> roots;
  const auto text = read_file("/proc/self/mountinfo", 16u << 20);
  if (!text) return roots;
  const auto mounts = containers::parse_mountinfo(*text);
  const auto* root = containers::mount_at(mounts, "/");
  if (root == nullptr || root->type != "overlay") return roots;
  const auto upper = upper_root_of(
      containers::overlay_unescape(containers::parse_overlay(*root).upper));
  if (upper) roots.push_back(*upper);
  return roots;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log_warn("the limit of open descriptors could not be raised",
             {{"limit", before}, {"error", std::strerror(errno)}});
    return before;
  }
  return limit.rlim_cur;
}

MachineReport inspect_machine() {
  MachineReport report;
  utsname names{};
  if (::uname(&names) == 0) {
    report.kernel_release = std::string(names.release) + " " + names.machine;
  }
  report.btf = exists(kBtf);
  report.lsm = first_line("/sys/kernel/security/lsm");
  report.lockdown = first_line("/sys/kernel/security/lockdown");
  if (report.lsm.empty()) {
    report.security_unknown = "unknown: securityfs is not mounted";
  }
  report.missing_capabilities =
      privileges::missing_capabilities(privileges::Role::agent);
  if (const auto layout = containers::detect_cgroups()) {
    report.cgroup_mode = containers::to_string(layout->mode);
    report.cgroup_observed = layout->observed_mount;
  }
  report.runtimes = runtimes();
  report.storage_drivers = storage_drivers();
  return report;
}

Result<> check_prerequisites(const std::string& state_dir) {
  if (const auto missing =
          privileges::missing_capabilities(privileges::Role::agent);
      !missing.empty()) {
    std::string names;
    for (const auto& name : missing)
      names += (names.empty() ? "" : ", ") + name;
    return fail("the agent must run as root or with more capabilities: " +
                names + " missing");
  }
  if (!exists(kBtf)) {
    return fail(std::string("this kernel has no type information (") + kBtf +
                "): use one built with CONFIG_DEBUG_INFO_BTF=y, as "
                "distributions' kernels since 5.10 are");
  }
  return check_state_dir(state_dir);
}

}  // namespace stillframe::engine
