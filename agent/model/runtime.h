// SPDX-License-Identifier: Apache-2.0
//
// The container runtimes: one row each, and all that differs between them as
// data. To add one: write its row and name it in STILLFRAME_RUNTIMES. Where it
// keeps metadata in a form of its own, it also gets a resolver: see
// agent/containers/resolvers.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace stillframe {

// What a path component of a runtime's cgroups looks like, besides systemd's
// ".scope" at its end.
struct CgroupPattern {
  enum class Id : std::uint8_t {
    hex,   // 64 lower-case hex digits
    name,  // any plain name; what runs there is a system container or a job
  };
  // What stands before the id: the component's own beginning ("docker-"), or
  // with a slash at the end the directory that it is in ("docker/"), which with
  // another one in front is at the top ("/lxc/").
  std::string_view before;
  Id id = Id::hex;
  std::string_view after{};  // what the component has to end with
  bool helper = false;       // conmon, a supervisor: next to a container
  bool machine = false;      // a system container, mutable by design
};

// A directory that the runtime's storage driver makes when it is in use.
struct StoragePlace {
  std::string_view path;
  std::string_view driver;
};

// Who prints lines "A /path" for a container. docker compares two trees by
// stat(2), podman walks an upper directory where there is one, and compares
// trees where there is none (its vfs and btrfs drivers).
enum class DiffTool : std::uint8_t { podman, docker };

struct RuntimeTraits {
  using Texts = std::span<const std::string_view>;

  std::string_view name;  // ContainerInfo::runtime, and what policies call it
  std::span<const CgroupPattern> cgroups{};
  Texts traces{};  // what it leaves on disk while it is in use
  Texts states{};  // directories of ID/state.json, crun's of ID/status
  std::span<const StoragePlace> storage{};
  // Where overlay mounts' relative paths may start from, if no resolver knows.
  Texts layer_roots{};
  // Whether its metadata is there for as long as there is a container to start
  // again: then one without metadata was removed.
  bool keeps_stopped = false;
  // Whether a rootfs that is a directory is made for one container: then that
  // is there, running or not, for as long as its directory is.
  bool owns_directory = false;
  DiffTool diff_tool = DiffTool::podman;
  // Paths that its diff tool leaves out, whoever made them. What it prints
  // because of them, as `C /etc` for /etc/mtab, stays.
  Texts diff_hides{};
  // Places where it writes of its own accord, besides mount points.
  Texts own_writes{};
  // Programs on the host with which people copy files into its containers.
  Texts cli{};
  // The tool by which its daemon is asked to set limits; empty: it has no
  // daemon, or is asked by more than one.
  std::string_view limits_tool{};
};

// containerd's namespaces for containers of dockerd and of Kubernetes.
inline constexpr std::string_view kDockerSpace = "moby";
inline constexpr std::string_view kKubernetesSpace = "k8s.io";

// The tool that is behind what comes by the CRI.
inline constexpr std::string_view kKubelet = "kubelet";

namespace runtimes {

using namespace std::string_view_literals;
using Id = CgroupPattern::Id;

// What every OCI runtime makes.
#define STILLFRAME_OCI_WRITES                                        \
  "/etc/hosts"sv, "/etc/hostname"sv, "/etc/resolv.conf"sv, "/dev"sv, \
      "/dev/console"sv, "/proc"sv, "/sys"sv
inline constexpr std::array kOciWrites = {STILLFRAME_OCI_WRITES};
// containers/storage and its users.
inline constexpr std::array kLibpodWrites = {
    STILLFRAME_OCI_WRITES,  "/etc/mtab"sv,    "/run"sv,
    "/run/.containerenv"sv, "/run/secrets"sv, "/run/notify"sv};
inline constexpr std::array kDockerWrites = {
    STILLFRAME_OCI_WRITES, "/.dockerenv"sv, "/run"sv, "/run/secrets"sv};
// .lxc_keep: LXC makes and removes it to see whether the rootfs can be written.
inline constexpr std::array kLxcWrites = {STILLFRAME_OCI_WRITES,
                                          "/.lxc_keep"sv};
inline constexpr std::array kAnybodysWrites = {
    STILLFRAME_OCI_WRITES,  "/etc/mtab"sv,    "/run"sv,
    "/run/.containerenv"sv, "/run/secrets"sv, "/run/notify"sv,
    "/.dockerenv"sv};
#undef STILLFRAME_OCI_WRITES

inline constexpr std::array kPodmanCgroups = {
    CgroupPattern{.before = "libpod-conmon-", .helper = true},
    CgroupPattern{.before = "libpod-payload-"},
    CgroupPattern{.before = "libpod-"}};
inline constexpr std::array kPodmanTraces = {
    "/var/lib/containers/storage/overlay-containers"sv};
inline constexpr std::array kPodmanStorage = {
    StoragePlace{"/var/lib/containers/storage/overlay", "overlay"},
    StoragePlace{"/var/lib/containers/storage/vfs", "vfs"},
    StoragePlace{"/var/lib/containers/storage/btrfs", "btrfs"},
    StoragePlace{"/var/lib/containers/storage/zfs", "zfs"}};
// libpod/diff.go
inline constexpr std::array kPodmanHides = {
    "/dev"sv,        "/etc/hostname"sv,      "/etc/hosts"sv,
    "/proc"sv,       "/etc/resolv.conf"sv,   "/run"sv,
    "/run/notify"sv, "/run/.containerenv"sv, "/run/secrets"sv,
    "/sys"sv,        "/run/podman-init"sv,   "/etc/mtab"sv};
inline constexpr std::array kPodmanCli = {"podman"sv};
inline constexpr RuntimeTraits kPodman{.name = "podman",
                                       .cgroups = kPodmanCgroups,
                                       .traces = kPodmanTraces,
                                       .storage = kPodmanStorage,
                                       .keeps_stopped = true,
                                       .diff_hides = kPodmanHides,
                                       .own_writes = kLibpodWrites,
                                       .cli = kPodmanCli};

inline constexpr std::array kDockerCgroups = {
    CgroupPattern{.before = "docker-"}, CgroupPattern{.before = "docker/"},
    CgroupPattern{.before = "actions_job/"}};
inline constexpr std::array kDockerTraces = {"/var/lib/docker/containers"sv};
inline constexpr std::array kDockerStates = {"/run/docker/runtime-runc/moby"sv};
inline constexpr std::array kDockerStorage = {
    StoragePlace{"/var/lib/docker/overlay2", "overlay2"},
    StoragePlace{"/var/lib/docker/vfs", "vfs"},
    StoragePlace{"/var/lib/docker/btrfs", "btrfs"},
    StoragePlace{"/var/lib/docker/zfs", "zfs"}};
inline constexpr std::array kDockerCli = {"docker"sv, "dockerd"sv};
inline constexpr RuntimeTraits kDocker{.name = "docker",
                                       .cgroups = kDockerCgroups,
                                       .traces = kDockerTraces,
                                       .states = kDockerStates,
                                       .storage = kDockerStorage,
                                       .keeps_stopped = true,
                                       .diff_tool = DiffTool::docker,
                                       .own_writes = kDockerWrites,
                                       .cli = kDockerCli,
                                       .limits_tool = "docker"};

inline constexpr std::array kContainerdCgroups = {
    CgroupPattern{.before = "cri-containerd-"},
    CgroupPattern{.before = "nerdctl-"}};
inline constexpr std::array kContainerdTraces = {
    "/run/containerd/io.containerd.runtime.v2.task"sv};
inline constexpr std::array kContainerdStorage = {
    StoragePlace{"/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs",
                 "overlayfs"},
    StoragePlace{"/var/lib/containerd/io.containerd.snapshotter.v1.native",
                 "native"},
    StoragePlace{"/var/lib/containerd/io.containerd.snapshotter.v1.btrfs",
                 "btrfs"},
    StoragePlace{"/var/lib/containerd/io.containerd.snapshotter.v1.zfs",
                 "zfs"}};
inline constexpr std::array kContainerdLayers = {
    "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"sv};
inline constexpr std::array kContainerdCli = {"containerd"sv, "nerdctl"sv,
                                              "ctr"sv};
inline constexpr RuntimeTraits kContainerd{.name = "containerd",
                                           .cgroups = kContainerdCgroups,
                                           .traces = kContainerdTraces,
                                           .storage = kContainerdStorage,
                                           .layer_roots = kContainerdLayers,
                                           .own_writes = kOciWrites,
                                           .cli = kContainerdCli};

inline constexpr std::array kCrioCgroups = {
    CgroupPattern{.before = "crio-conmon-", .helper = true},
    CgroupPattern{.before = "crio-"}};
inline constexpr std::array kCrioCli = {"crictl"sv};
inline constexpr RuntimeTraits kCrio{.name = "cri-o",
                                     .cgroups = kCrioCgroups,
                                     .keeps_stopped = true,
                                     .own_writes = kLibpodWrites,
                                     .cli = kCrioCli,
                                     .limits_tool = kKubelet};

inline constexpr std::array kRuncTraces = {"/run/runc"sv};
inline constexpr RuntimeTraits kRunc{.name = "runc",
                                     .traces = kRuncTraces,
                                     .states = kRuncTraces,
                                     .own_writes = kOciWrites};

inline constexpr std::array kCrunTraces = {"/run/crun"sv};
inline constexpr RuntimeTraits kCrun{.name = "crun",
                                     .traces = kCrunTraces,
                                     .states = kCrunTraces,
                                     .own_writes = kOciWrites};

inline constexpr std::array kLxcCgroups = {
    CgroupPattern{.before = "/lxc/", .id = Id::name, .machine = true},
    CgroupPattern{.before = "lxc.payload/", .id = Id::name, .machine = true},
    CgroupPattern{.before = "lxc.payload.", .id = Id::name, .machine = true},
    CgroupPattern{.before = "lxc.monitor/",
                  .id = Id::name,
                  .helper = true,
                  .machine = true},
    CgroupPattern{.before = "lxc.monitor.",
                  .id = Id::name,
                  .helper = true,
                  .machine = true}};
inline constexpr std::array kLxcTraces = {"/var/lib/lxc"sv};
inline constexpr RuntimeTraits kLxc{.name = "lxc",
                                    .cgroups = kLxcCgroups,
                                    .traces = kLxcTraces,
                                    .owns_directory = true,
                                    .own_writes = kLxcWrites};

// LXC containers by another name: their cgroups are LXC's.
inline constexpr std::array kLxdTraces = {"/var/lib/lxd"sv,
                                          "/var/snap/lxd/common/lxd"sv};
inline constexpr RuntimeTraits kLxd{.name = "lxd",
                                    .traces = kLxdTraces,
                                    .owns_directory = true,
                                    .own_writes = kLxcWrites};
inline constexpr std::array kIncusTraces = {"/var/lib/incus"sv};
inline constexpr RuntimeTraits kIncus{.name = "incus",
                                      .traces = kIncusTraces,
                                      .owns_directory = true,
                                      .own_writes = kLxcWrites};

inline constexpr std::array kLibvirtCgroups = {CgroupPattern{
    .before = "", .id = Id::name, .after = ".libvirt-lxc", .machine = true}};
inline constexpr RuntimeTraits kLibvirtLxc{.name = "libvirt-lxc",
                                           .cgroups = kLibvirtCgroups,
                                           .owns_directory = true,
                                           .own_writes = kOciWrites};

// systemd's units for machines say more than a pattern: agent/containers/
// cgroup_path.cpp.
inline constexpr RuntimeTraits kNspawn{
    .name = "nspawn", .owns_directory = true, .own_writes = kOciWrites};

// Ids of their own shape: agent/containers/cgroup_path.cpp.
inline constexpr RuntimeTraits kEcs{.name = "ecs", .own_writes = kOciWrites};
inline constexpr RuntimeTraits kGarden{.name = "garden",
                                       .own_writes = kOciWrites};

inline constexpr std::array kBpmCgroups = {
    CgroupPattern{.before = "bpm-", .id = Id::name, .after = ".scope"}};
inline constexpr RuntimeTraits kBpm{
    .name = "bpm", .cgroups = kBpmCgroups, .own_writes = kOciWrites};

// Containers whose runtime is in no list.
inline constexpr RuntimeTraits kUnknown{.name = "unknown",
                                        .own_writes = kAnybodysWrites};

}  // namespace runtimes

#define STILLFRAME_RUNTIMES(X) \
  X(podman, kPodman)           \
  X(docker, kDocker)           \
  X(containerd, kContainerd)   \
  X(crio, kCrio)               \
  X(runc, kRunc)               \
  X(crun, kCrun)               \
  X(lxc, kLxc)                 \
  X(lxd, kLxd)                 \
  X(incus, kIncus)             \
  X(libvirt_lxc, kLibvirtLxc)  \
  X(nspawn, kNspawn)           \
  X(ecs, kEcs)                 \
  X(garden, kGarden)           \
  X(bpm, kBpm)                 \
  X(unknown, kUnknown)

#define STILLFRAME_RUNTIME_ID(id, row) id,
enum class Runtime : std::uint8_t {
  STILLFRAME_RUNTIMES(STILLFRAME_RUNTIME_ID)
};
#undef STILLFRAME_RUNTIME_ID

#define STILLFRAME_RUNTIME_ROW(id, row) runtimes::row,
inline constexpr std::array kRuntimes = {
    STILLFRAME_RUNTIMES(STILLFRAME_RUNTIME_ROW)};
#undef STILLFRAME_RUNTIME_ROW

#define STILLFRAME_RUNTIME_NAME(id, row) runtimes::row.name,
inline constexpr std::array kRuntimeNames = {
    STILLFRAME_RUNTIMES(STILLFRAME_RUNTIME_NAME)};
#undef STILLFRAME_RUNTIME_NAME

constexpr const RuntimeTraits& traits_of(Runtime runtime) {
  return kRuntimes[static_cast<std::size_t>(runtime)];
}

constexpr std::string_view to_string(Runtime runtime) {
  return traits_of(runtime).name;
}

// A name that is not in the list, as annotations may hold, is unknown.
constexpr Runtime runtime_from(std::string_view name) {
  for (std::size_t i = 0; i < kRuntimeNames.size(); ++i) {
    if (kRuntimeNames[i] == name) return static_cast<Runtime>(i);
  }
  return Runtime::unknown;
}

// Whether what is run in a container descends from who asked for it. Elsewhere
// it descends from a daemon, whose login is that of who started the daemon.
constexpr bool enters_for_its_caller(Runtime runtime) {
  return runtime == Runtime::podman || runtime == Runtime::runc ||
         runtime == Runtime::crun;
}

constexpr const RuntimeTraits& traits_of(std::string_view name) {
  return traits_of(runtime_from(name));
}

}  // namespace stillframe
