// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/id_map.h"
#include "agent/model/inode.h"

namespace stillframe {

// Where a container's rootfs lies on the host. Paths are absolute, in the
// agent's own mount namespace, raw bytes.
struct OverlayLayers {
  std::string upper;
  std::vector<std::string> lower;  // topmost first
  // No overlay: `upper` is the rootfs itself, with all that the image holds,
  // and `lower` the one directory that it is a copy of, where there is one.
  bool plain = false;
  // How the overlay was mounted, as far as that is known.
  std::string work = {};   // its work directory; empty: not known
  bool userxattr = false;  // overlay's own attributes are user.overlay.*
  bool redirects = false;  // directories of the image can be moved
  // Data-only layers, which hold bytes of the image's files and no names.
  std::vector<std::string> data = {};
  // A container's own, which may put a link in their place any time: none is
  // followed.
  bool within = false;
  // By a program (FUSE), which works in its own name, and in that of whoever
  // reads: who changes something cannot be seen.
  bool served = false;
  // Whose the image's files are in the container: a runtime can show them, or
  // copy them, with other owners than they have on disk. Empty: with the same.
  IdMaps owners = {};
  bool empty() const { return upper.empty(); }
};

// What a runtime says of a container. Untrusted bytes throughout.
struct ContainerInfo {
  std::string id;  // bare, as the runtime prints it in full
  std::string name;
  std::string image;
  std::string image_id;  // bare hex where the runtime uses a digest
  std::string runtime;   // podman, runc, docker, containerd, cri-o, …, unknown
  // containerd's namespace: its ids are unique within one only. Empty with
  // other runtimes.
  std::string space = {};
  // Where its runtime keeps it, if there can be several such places: a name
  // means something within one only. Empty: not known.
  std::string store = {};
  std::string outer = {};  // the id of the container that it runs in
  std::string pod_namespace;
  std::string pod;
  std::string pod_container;  // the container's name within its pod
  // Holds a pod's namespaces, and runs nothing that its image is for.
  bool sandbox = false;
  std::string workload;  // what outlives it; empty: none known
  std::map<std::string, std::string> labels;
  WallTime created;  // 0: unknown
  bool operator==(const ContainerInfo&) const = default;
};

// A place in the rootfs that is a mount of its own: the runtime may have made
// the mount point, and what lies on it is not part of the snapshot.
struct MountPoint {
  std::string path;  // inside the container, absolute
  std::string type;
  bool read_only = false;
};

// Whether the id is what its cgroup's name says: a cgroup of any name can be
// made by whoever may make cgroups.
enum class Standing : std::uint8_t {
  confirmed,  // a runtime's files have this cgroup or this rootfs for it
  unproven,   // they say nothing of either
  doubtful,   // they have another rootfs than its processes show
};

// Whose files are the container's own root's and its user's, as the host
// counts.
struct FileOwners {
  std::uint32_t root = 0;
  std::uint32_t user = 0;
};

// A mount that a runtime makes for a container.
struct AskedMount {
  std::string path;    // where
  std::string type;    // the filesystem's; "bind"; empty: any
  std::string source;  // of a bind: on the host
  bool operator==(const AskedMount&) const = default;
};

// A list that all copies of a container's record share. Null: not known.
using AskedMounts = std::shared_ptr<const std::vector<AskedMount>>;

// What a runtime was asked to prepare, and so makes in the rootfs itself where
// it is missing. Paths are as "/a/c", links in them not followed.
struct Preparation {
  std::string work_dir;             // empty: not known, or the root
  std::vector<std::string> mounts;  // where it mounts something
  AskedMounts all_mounts;           // before the container's first program runs
  std::optional<std::uint32_t> uid;  // inside the container; none: not known
};

// Everything that resolvers find out about one container.
struct ContainerRecord {
  ContainerInfo info;
  std::uint64_t cgroup = 0;  // id in the observed hierarchy; 0: not running
  // Relative to the hierarchy's root; empty in one that runs: it has none, and
  // `cgroup` stands for it.
  std::string cgroup_path;
  // Whose files named it; none: root's, or nobody's.
  std::optional<unsigned> user;
  std::uint32_t init_pid = 0;       // 0: not running
  std::uint64_t init_start_ns = 0;  // boot time
  std::uint32_t init_uid = 0;       // inside the container: what --user named
  FileOwners owners;                // meaningful while it runs
  Preparation asked;
  UpperRoot root;
  OverlayLayers layers;
  Standing standing = Standing::unproven;
  std::vector<MountPoint> mounts;
  std::vector<std::string> trouble;  // metadata that could not be read, and why
  // No runtime's files mention it, and who started it may be about to write
  // them.
  bool unwritten = false;
  bool running() const { return init_pid != 0; }
};

}  // namespace stillframe
