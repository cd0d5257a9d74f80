// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/callers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/base/file.h"
#include "agent/base/number.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_tree.h"
#include "agent/containers/proc_text.h"
#include "agent/engine/tools.h"
#include "agent/engine/unix_peer.h"

namespace stillframe::engine {
namespace {

constexpr std::size_t kNames = 8;       // that are kept
constexpr std::size_t kAncestors = 16;  // that are looked at
// Podman has started the monitor a moment ago: its number is little less.
constexpr std::uint32_t kPidsBefore = 2048;
constexpr int kPodmans = 32;  // of which the sockets are looked at

constexpr std::string_view kMonitor = "conmon";
constexpr std::uint64_t kTickNs = 10'000'000;  // of /proc's times

std::optional<containers::StatText> stat_of(std::uint32_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  return text ? containers::parse_stat(*text) : std::nullopt;
}

// `pid` and its ancestors, without the machine's init. What has started after
// its child is another, with the number of one that is gone.
std::vector<CallerRef> chain_from(std::uint32_t pid, std::uint64_t born_ns) {
  std::vector<CallerRef> chain;
  while (pid > 1 && chain.size() < kAncestors) {
    const auto stat = stat_of(pid);
    if (!stat) break;
    const std::uint64_t start = containers::ticks_to_ns(stat->start_ticks);
    if (start > born_ns && start - born_ns > kTickNs) break;
    chain.push_back({pid, stat->comm});
    born_ns = start;
    pid = stat->ppid;
  }
  return chain;
}

// As long as the kernel keeps names: podman-remote-static, too.
bool is_podman(std::string_view comm) {
  return comm == "podman" || comm == "podman-remote" ||
         comm == "podman-remote-s";
}

// The podman that waits for what this monitor runs.
std::vector<CallerRef> client_of(std::uint32_t monitor) {
  const auto peers = peers_of(sockets_of(monitor));
  if (peers.empty()) return {};
  const std::uint32_t last = monitor > kPidsBefore ? monitor - kPidsBefore : 1;
  int podmans = 0;
  for (std::uint32_t pid = monitor - 1; pid > last; --pid) {
    const auto stat = stat_of(pid);
    if (!stat || !is_podman(stat->comm)) continue;
    if (++podmans > kPodmans) break;
    for (const std::uint32_t socket : sockets_of(pid)) {
      if (std::find(peers.begin(), peers.end(), socket) == peers.end()) {
        continue;
      }
      return chain_from(pid, std::numeric_limits<std::uint64_t>::max());
    }
  }
  return {};
}

// What runtimes run to enter a container, and are not who asked for it.
bool is_helper(std::string_view comm) {
  return comm == "runc" || starts_with(comm, "runc:") || comm == "crun" ||
         comm == kMonitor;
}

// Podman by its API: `podman system service`.
bool serves(const CallerRef& caller) {
  if (!is_podman(caller.comm)) return false;
  const auto arguments =
      read_file(fmt::format("/proc/{}/cmdline", caller.pid), 65536);
  if (!arguments) return false;
  // Its first word that is no option, nor what may be the value of one: what is
  // run in a container may have any words.
  const auto words = split(*arguments, '\0');
  std::size_t at = 1;
  while (at < words.size() && words[at] != "system") {
    const bool option = words[at].starts_with('-');
    if (!option) return false;
    at += words.size() > at + 1 && words[at + 1] != "system" &&
                  !words[at + 1].starts_with('-') &&
                  words[at].find('=') == std::string_view::npos
              ? 2
              : 1;
  }
  return at + 1 < words.size() && words[at + 1] == "service";
}

bool is_daemon(const CallerRef& caller) {
  // As long as the kernel keeps names.
  constexpr std::array<std::string_view, 10> kDaemons = {
      "dockerd",  "containerd",  "crio",   "kubelet", "buildkitd",
      "conmonrs", "cri-dockerd", "incusd", "lxd",     "systemd-machine"};
  return std::find(kDaemons.begin(), kDaemons.end(), caller.comm) !=
             kDaemons.end() ||
         starts_with(caller.comm, "containerd-shim") || serves(caller);
}

std::optional<std::uint32_t> number_in(const std::string& path) {
  auto text = read_file(path, 64);
  if (!text) return std::nullopt;
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return parse_number<std::uint32_t>(*text);
}

std::optional<LoginRef> login_of(std::uint32_t pid) {
  constexpr std::uint32_t kNone = 0xffffffff;  // as the kernel has it
  const auto uid = number_in(fmt::format("/proc/{}/loginuid", pid));
  const auto session = number_in(fmt::format("/proc/{}/sessionid", pid));
  if (!uid || !session || *uid == kNone) return std::nullopt;
  return LoginRef{*uid, *session};
}

std::uint64_t cgroup_of(std::uint32_t pid,
                        const containers::CgroupLayout& layout) {
  const auto text = read_file(fmt::format("/proc/{}/cgroup", pid), 65536);
  const auto path =
      text ? containers::parse_cgroup(*text, layout.observed) : std::nullopt;
  if (!path) return 0;
  return containers::CgroupTree(layout.observed_mount).id_of(*path).value_or(0);
}

// What nobody but a running process itself shows. None: it has ended.
std::optional<ProcessRef> process_now(std::uint32_t pid,
                                      const containers::CgroupLayout& layout) {
  const auto stat = stat_of(pid);
  if (!stat) return std::nullopt;
  ProcessRef process;
  process.pid = pid;
  process.ppid = stat->ppid;
  process.comm = stat->comm;
  process.start_ns = containers::ticks_to_ns(stat->start_ticks);
  process.cgroup = cgroup_of(pid, layout);
  if (auto exe = read_link(fmt::format("/proc/{}/exe", pid))) {
    process.exe = exe->substr(exe->rfind('/') + 1);
  }
  if (const auto text = read_file(fmt::format("/proc/{}/status", pid))) {
    if (const auto status = containers::parse_status(*text)) {
      process.uid = status->uid;
    }
  }
  process.login = login_of(pid);
  // Last: what ends gives up its namespaces first of all this but its program
  // (do_exit() in kernel/exit.c).
  const auto mounts = read_link(fmt::format("/proc/{}/ns/mnt", pid));
  if (!mounts && is_absence(mounts.error().code)) return std::nullopt;
  process.host_mounts =
      mounts && *mounts == read_link("/proc/self/ns/mnt").value_or("-");
  return process;
}

}  // namespace

std::optional<Writer> describe_process(std::uint32_t pid,
                                       const containers::CgroupLayout& layout,
                                       const KernelProcesses& kernel) {
  Writer seen;
  if (auto now = process_now(pid, layout)) {
    seen.process = *std::move(now);
    if (const auto known = kernel.followed(pid, seen.process.start_ns)) {
      seen.process.cgroup = known->cgroup;
      seen.process.session = known->session;
      seen.process.in_container = seen.process.followed = true;
    }
    // What descends from a container, or has its mounts, may have set one.
    if (seen.process.followed || !seen.process.host_mounts) {
      seen.process.login.reset();
    }
  } else if (auto then = kernel.ended(pid)) {
    seen.process = *std::move(then);
    // To the tick, as of one that runs.
    seen.process.start_ns -= seen.process.start_ns % kTickNs;
  } else {
    return std::nullopt;
  }
  seen.callers = chain_from(seen.process.ppid, seen.process.start_ns);
  if (!seen.callers.empty()) {
    seen.process.parent_comm = seen.callers.front().comm;
  }
  return seen;
}

bool waits_behind_monitor(const std::vector<CallerRef>& ancestors) {
  return !ancestors.empty() && ancestors.back().comm == kMonitor;
}

Callers callers_of(const std::vector<CallerRef>& ancestors, bool search) {
  std::vector<CallerRef> chain = ancestors;
  Callers callers;
  callers.whole = !chain.empty();
  if (waits_behind_monitor(chain)) {
    const auto further =
        search ? client_of(chain.back().pid) : std::vector<CallerRef>();
    callers.whole = !further.empty();
    chain.insert(chain.end(), further.begin(), further.end());
  }
  callers.daemon = std::any_of(chain.begin(), chain.end(), is_daemon);
  auto first = std::find_if_not(
      chain.begin(), chain.end(),
      [](const CallerRef& one) { return is_helper(one.comm); });
  NameList::All names;
  for (; first != chain.end() && names.size() < kNames; ++first) {
    names.push_back(first->comm);
  }
  std::reverse(names.begin(), names.end());
  callers.names = NameList(std::move(names));
  return callers;
}

Callers callers_of_process(const ProcessRef& process) {
  Callers callers =
      callers_of(chain_from(process.ppid, process.start_ns), false);
  if (is_daemon({process.pid, process.comm})) callers.daemon = true;
  return callers;
}

std::string setter_of_limits(const ProcessRef& process, const Callers& callers,
                             std::string_view daemons_tool) {
  const auto& names = callers.names.all();
  if (is_podman(process.comm)) return "podman";
  if (!is_helper(process.comm) || names.empty()) return "";
  const auto& nearest = names.back();
  if (is_podman(nearest)) return "podman";
  return is_daemon({0, nearest}) ? std::string(daemons_tool) : "";
}

std::string driver_among(const Callers& callers) {
  for (const auto& name : callers.names.all()) {
    if (const auto tool = tool_of_command(name); !tool.empty()) {
      return std::string(tool);
    }
  }
  return "";
}

}  // namespace stillframe::engine
