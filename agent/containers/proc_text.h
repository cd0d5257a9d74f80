// SPDX-License-Identifier: Apache-2.0
//
// Parsers of /proc/PID/{stat,status,cgroup}: text in, data out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/containers/cgroup_layout.h"
#include "agent/model/id_map.h"

namespace stillframe::containers {

struct StatText {
  std::string comm;  // any bytes, parentheses and newlines among them
  char state = '?';
  std::uint32_t ppid = 0;
  std::uint64_t start_ticks = 0;  // since boot, in clock ticks (1/100 s)
};

std::optional<StatText> parse_stat(std::string_view text);

struct StatusText {
  std::uint32_t uid = 0;  // real
  // The pid in each of its pid namespaces, outermost first. Empty before 4.1.
  std::vector<std::uint32_t> namespace_pids;
};

std::optional<StatusText> parse_status(std::string_view text);

// /proc/PID/uid_map or gid_map, as one of another user namespace reads it.
IdMap parse_id_map(std::string_view text);

// The path in the observed hierarchy (layout.observed). None when the process
// is not in it. A removed cgroup's " (deleted)" is cut off.
std::optional<std::string> parse_cgroup(std::string_view text,
                                        std::string_view observed);

// /proc/PID/ns/* links: "mnt:[4026531840]".
std::uint64_t parse_namespace(std::string_view link);

// What `--root DIR` or `--root=DIR` names in /proc/PID/cmdline; empty: no such
// option.
std::string parse_root_option(std::string_view cmdline);

// /proc stat's clock ticks as nanoseconds.
std::uint64_t ticks_to_ns(std::uint64_t ticks);

}  // namespace stillframe::containers
