// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges/capabilities.h"

#include <cap-ng.h>
#include <cerrno>
#include <span>

namespace stillframe::privileges {
namespace {

// Of capng_apply(): the bound was not lowered, since that takes CAP_SETPCAP.
constexpr int kMayNotLowerBound = -4;

struct Kept {
  unsigned capability;
  const char* name;
  bool needed;  // else only something is worse without it
};

// CAP_SYS_ADMIN has in it what CAP_BPF, CAP_PERFMON and, for programs at
// cgroups, CAP_NET_ADMIN allow (bpf_capable(), perfmon_capable() and
// bpf_net_capable() in include/linux), and it cannot be done without:
// attributes of overlay are shown to nobody else.
constexpr Kept kAgent[] = {
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", true},
    {CAP_FOWNER, "CAP_FOWNER", false},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", true},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", true},
};

// Overlay keeps its work directory closed to everybody (ovl_workdir_create()),
// and works there with the rights of who mounted it.
constexpr Kept kTrial[] = {
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE", true},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", true},
};

std::span<const Kept> kept_by(Role role) {
  if (role == Role::trial) return kTrial;
  return kAgent;
}

}  // namespace

std::vector<std::string> missing_capabilities(Role role) {
  if (::capng_get_caps_process() != 0) return {"(cannot be read)"};
  std::vector<std::string> missing;
  for (const Kept& kept : kept_by(role)) {
    if (kept.needed &&
        ::capng_have_capability(CAPNG_EFFECTIVE, kept.capability) == 0) {
      missing.emplace_back(kept.name);
    }
  }
  return missing;
}

Result<> keep_capabilities(Role role, bool low_ports) {
  if (::capng_get_caps_process() != 0) {
    return fail("reading the capabilities", errno);
  }
  std::vector<unsigned> held;
  const auto keep = [&](unsigned capability) {
    if (::capng_have_capability(CAPNG_PERMITTED, capability) != 0) {
      held.push_back(capability);
    }
  };
  for (const Kept& kept : kept_by(role)) keep(kept.capability);
  if (low_ports) keep(CAP_NET_BIND_SERVICE);
  ::capng_clear(CAPNG_SELECT_ALL);
  for (const unsigned capability : held) {
    ::capng_update(CAPNG_ADD,
                   static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED |
                                             CAPNG_BOUNDING_SET),
                   capability);
  }
  const int bound = ::capng_apply(CAPNG_SELECT_BOUNDS);
  if (bound != 0 && bound != kMayNotLowerBound) {
    return fail("lowering the bound of capabilities", errno);
  }
  if (::capng_apply(CAPNG_SELECT_CAPS) != 0) {
    return fail("giving up capabilities", errno);
  }
  return {};
}

}  // namespace stillframe::privileges
