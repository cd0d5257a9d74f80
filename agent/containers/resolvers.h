// SPDX-License-Identifier: Apache-2.0
//
// The list of resolvers. To add one: write NAME_resolver.cpp with a class that
// implements RuntimeResolver and with make_NAME_resolver(), and name it here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/containers/cgroup_layout.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

// In the order in which they are asked. runc knows others' containers too, but
// less of them; containerd has more to say of some of these.
#define STILLFRAME_RESOLVERS(X) \
  X(podman)                     \
  X(docker)                     \
  X(runc)                       \
  X(containerd)                 \
  X(lxc)

// `host_prefix` is put in front of every path read.
struct ResolverPlace {
  CgroupLayout layout;
  std::string host_prefix;
};

#define STILLFRAME_RESOLVER(name) \
  std::unique_ptr<RuntimeResolver> make_##name##_resolver(const ResolverPlace&);
STILLFRAME_RESOLVERS(STILLFRAME_RESOLVER)
#undef STILLFRAME_RESOLVER

inline std::vector<std::unique_ptr<RuntimeResolver>> make_resolvers(
    const ResolverPlace& place) {
  std::vector<std::unique_ptr<RuntimeResolver>> resolvers;
#define STILLFRAME_RESOLVER(name) \
  resolvers.push_back(make_##name##_resolver(place));
  STILLFRAME_RESOLVERS(STILLFRAME_RESOLVER)
#undef STILLFRAME_RESOLVER
  return resolvers;
}

}  // namespace stillframe::containers
