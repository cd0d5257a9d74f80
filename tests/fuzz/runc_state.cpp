// SPDX-License-Identifier: Apache-2.0
//
// runc's state.json and crun's status, which a rootless user's runtime writes
// as that user.
#include "agent/containers/cgroup_path.h"
#include "agent/containers/runc_resolver.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe::containers;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  CgroupLayout layout;
  layout.observed_mount = "/sys/fs/cgroup";
  for (const char* observed : {"", "pids"}) {
    layout.observed = observed;
    const auto state =
        parse_runc_state(stillframe::fuzz::text_of(data, size), layout);
    if (!state) continue;
    require(is_plain_name(state->id), "an id is fit to be a directory's name");
    require(state->cgroup_path.empty() || state->cgroup_path[0] == '/',
            "a cgroup's path starts at the hierarchy's root");
  }
  const auto status =
      parse_crun_status(stillframe::fuzz::text_of(data, size), "web");
  require(
      !status || status->cgroup_path.empty() || status->cgroup_path[0] == '/',
      "a cgroup's path starts at the hierarchy's root");
  return 0;
}
