// SPDX-License-Identifier: Apache-2.0
//
// What a cgroup's path shows of the container in it. Pure text; no disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stillframe::containers {

struct CgroupName {
  // A name of agent/model/runtime.h; empty where the path shows only the id.
  std::string runtime;
  std::string id;
  std::string pod_uid;      // with dashes, or 32 hex digits for a static pod
  std::string system_name;  // of a system container: LXC, nspawn, libvirt
  std::string path;         // the container's own cgroup: a prefix of the path
  std::string space;        // ContainerInfo::space, where that is known already
  std::string outer;        // cgroup of the container around it; empty: none
  bool helper = false;      // conmon, a supervisor: next to a container
  // False where the path merely has the shape of a container's (containerd's
  // /<namespace>/<id>): some runtime's files must confirm it.
  bool certain = true;
  bool vouched = false;  // a runtime of this host says that it is its own
};

// `path` is relative to the hierarchy's root, raw bytes, starting with '/'. Of
// nested ids the innermost wins. None when nothing in it names a container, or
// when it is not a path from the root (has a ".." in it, as a reader in a
// cgroup namespace of its own is shown).
std::optional<CgroupName> parse_cgroup_path(std::string_view path);

// Whether it is a place where images are built: what runs there is not a
// snapshot yet, and changing it is the purpose.
bool is_image_build(std::string_view path);

// The cgroup of a container in another hierarchy, from where its init is there
// and in the observed one. None where the runtime made none: init is then in a
// cgroup of the host's.
std::optional<std::string> same_cgroup(std::string_view container,
                                       std::string_view init_observed,
                                       std::string_view init_other);

// 64 lower-case hex digits, as podman, docker and CRI runtimes make them.
bool is_container_id(std::string_view text);

// Fit to be one path component in a runtime's directory and to be shown: not
// empty, no control characters, no slash, no dot-dot, at most 255 bytes.
bool is_plain_name(std::string_view text);

// The uid of the nearest user-UID.slice in the path: whose rootless it is.
std::optional<unsigned> user_of_cgroup(std::string_view path);

}  // namespace stillframe::containers
