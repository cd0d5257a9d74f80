// SPDX-License-Identifier: Apache-2.0
//
// What containers are called: by the agent itself, and by people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/container.h"

namespace stillframe {

// Sets a container apart from all others on this machine: its id, with
// containerd's namespace in front ("default/web") where it is one of several.
// What Kubernetes runs is known by its id alone everywhere.
std::string key_of(const ContainerInfo& info);
inline bool same_key(const ContainerInfo& a, const ContainerInfo& b) {
  return a.id == b.id && key_of(a) == key_of(b);
}

// As much of its name as is needed to find it again: NAMESPACE/POD/CONTAINER,
// containerd's NAMESPACE/ID, the name, or the beginning of the id.
std::string full_name(const ContainerInfo& info);

// For who has to choose between several, each with the beginning of its id:
// "0ad580ba88fa shop/web-0/nginx, 3f2a00112233 web"; of many no more than the
// first, and how many others. Printable.
std::string listed(const std::vector<const ContainerInfo*>& several);

// Kubernetes' namespace, or containerd's; empty: it is in none.
const std::string& namespace_of(const ContainerInfo& info);

// Whether `text` is all of its id, its key or a name of it; NAMESPACE/POD is
// one of each container in the pod but the sandbox.
bool answers_to(const ContainerInfo& info, std::string_view text);

}  // namespace stillframe
