// SPDX-License-Identifier: Apache-2.0
//
// What low-level runtimes keep of each container: runc's ID/state.json, crun's
// ID/status.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/containers/cgroup_layout.h"

namespace stillframe::containers {

enum class StateForm : std::uint8_t { runc, crun };

struct OciState {
  std::string id;
  std::uint32_t init_pid = 0;
  std::uint64_t init_start_ticks = 0;
  WallTime created;
  std::string rootfs;
  std::string bundle;
  std::map<std::string, std::string> annotations;  // runc's only
  std::string cgroup_path;  // in the observed hierarchy; empty: not in it
};

// The file's name below ROOT/ID/.
constexpr std::string_view state_file(StateForm form) {
  return form == StateForm::runc ? "state.json" : "status";
}

Result<OciState> parse_runc_state(std::string_view text,
                                  const CgroupLayout& layout);

// crun has a container's id in the directory's name alone.
Result<OciState> parse_crun_status(std::string_view text,
                                   const std::string& id);

}  // namespace stillframe::containers
