// SPDX-License-Identifier: Apache-2.0
//
// What sensors say. One format for every implementation of every sensor:
// nothing above sensors/ knows which one produced it. Strings are raw bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/inode.h"
#include "agent/model/mount.h"

namespace stillframe {

// Who had logged in, by the kernel's numbers.
struct LoginRef {
  std::uint32_t uid = 0;      // host's user namespace
  std::uint32_t session = 0;  // audit's
  bool operator==(const LoginRef&) const = default;
};

// The process that acted, as the kernel saw it at that instant.
struct ProcessRef {
  // Id, in the observed hierarchy, of the cgroup of the container that it
  // belongs to, wherever it has moved since; else of the one it is in.
  std::uint64_t cgroup = 0;
  std::uint64_t session = 0;   // 0: not in a container, or its init's own tree
  std::uint64_t start_ns = 0;  // boot time at which its thread group started
  std::uint32_t pid = 0;       // thread-group id, host's pid namespace
  std::uint32_t ppid = 0;
  std::uint32_t uid = 0;  // host's user namespace
  bool in_container =
      false;              // it belongs to a container, by its cgroup or descent
  bool followed = false;  // it descends from one: `session` is right
  bool crowd = false;     // of more than could be followed: whose session it
                          // is in is not known
  bool host_mounts = false;  // in the agent's own mount namespace
  bool kernel_thread = false;
  std::string comm;
  std::string parent_comm;
  std::string exe;  // file name of its executable, no directories
  // Of a tool, that it is part of, as sf_run() in bpf/tools.h has it; 0: of
  // none.
  std::uint64_t run = 0;
  // Of one that descends from no container.
  std::optional<LoginRef> login;
};

struct CallerRef {
  std::uint32_t pid = 0;
  std::string comm;
};

// The operation in the course of which an inode changed.
enum class FileOp : std::uint8_t {
  unknown,  // io_uring, 32-bit system calls, …: its state must show
  open,     // of an existing file for writing: at least a copy-up
  create,
  write,
  truncate,
  unlink,
  rmdir,
  rename,
  link,
  symlink,
  mkdir,
  mknod,
  chmod,
  chown,
  xattr,
  acl,
  flags,
  utimes,
};

// An inode of an upper directory changed.
struct FileObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  InodeId inode;     // what changed
  InodeId parent;    // the directory it was in; none for the root itself
  std::string name;  // its name there; empty for the root
  FileOp op = FileOp::unknown;
  std::uint32_t mode = 0;     // st_mode
  std::uint32_t repeats = 0;  // further changes folded into this observation
  WallTime ctime;     // of the upper inode when it was done; 0: not known
  bool live = false;  // the container had begun to run
  // A directory changed because of one of its entries: which one, only a
  // rescan of that directory can show. `hint` is the path that the caller
  // passed, which can be changed while the call runs: a hint and no more.
  bool entries = false;
  bool created = false;      // the inode is being made in this very operation
  bool direct = false;       // came through the upper filesystem, not overlay
  bool ambiguous = false;    // may be a refresh after another's mmap store
  bool more_names = false;   // it has, or had: `name` may be another of them
  bool more_follow = false;  // what repeats it within a second is not reported
  // Where `entries`: until then (boot time) the process did more there by the
  // same call, which is not reported; 0: it did not.
  std::uint64_t folded_until_ns = 0;
  std::string hint;
  std::string hint_to;    // of a rename: the new path
  bool hint_cut = false;  // they could not be read whole: both are empty
  ProcessRef process;
};

enum class ExecKind : std::uint8_t { upper, memfd, deleted, volume, script };

// A program was run that the image does not hold as such.
struct ExecObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  ExecKind kind = ExecKind::upper;
  InodeId inode;      // of the executable, where it is an upper inode
  InodeId directory;  // script: upper inode where `path` starts; none: the root
  std::string path;   // as the kernel knows it: bprm->filename
  bool starts_life = false;  // it was the container's first exec
  bool library = false;      // not run but mapped to be run
  // It was not seen to be run: it runs, and `path` is where its file lies. The
  // image may hold it.
  bool found_running = false;
  ProcessRef process;
};

struct SysctlObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  std::string name;   // net/ipv4/ip_forward
  std::string value;  // what was written
  ProcessRef process;
};

// A container asked for a device: to make its node, or to open it.
struct DeviceObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  bool block = false;  // else a character device
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  bool make = false;
  bool read = false;
  bool write = false;
  ProcessRef process;
};

enum class MemoryOp : std::uint8_t { attach, write };

// One process got hold of another's memory or registers.
struct MemoryObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;            // the victim's container; none: see `cgroup`
  std::uint64_t cgroup = 0;  // the victim's
  MemoryOp op = MemoryOp::attach;
  std::uint32_t pid = 0;  // the victim's thread group, host's pid namespace
  std::uint64_t start_ns = 0;
  std::string comm;  // the victim's
  std::string exe;   // file name of its executable, no directories
  std::uint32_t repeats = 0;
  ProcessRef process;
};

enum class MountOp : std::uint8_t { mount, umount, move, pivot, attributes };

// A process changed the mounts of a live container, from within or after it
// entered the container's mount namespace.
struct MountObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  std::uint64_t cgroup = 0;  // of the container whose mounts these are
  MountOp op = MountOp::mount;
  std::string target;  // as seen from the container's root
  std::string type;    // of the filesystem, where the call names one
  std::string source;  // as the caller named it: a hint
  std::uint64_t flags = 0;
  ProcessRef process;
};

// The mounts of a container are not what they were when the kernel side last
// compared their number of changes: look at them.
struct MountsTouchedObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  std::uint64_t cgroup = 0;
};

// The mounts that a container's init sees, all of them.
struct MountsObservation {
  std::uint64_t boot_ns = 0;
  std::uint64_t cgroup = 0;
  std::vector<MountEntry> mounts;
  std::string trouble = {};  // why they are not known; empty: they are
};

// Who wrote to a file, as /proc had it then.
struct Writer {
  ProcessRef process;
  std::vector<CallerRef> callers;  // the parent first
};

// What the kernel side knows of a process by its number; none: nothing.
struct KernelProcesses {
  // One that descends from a container, and started then (boot time): its
  // cgroup and session, nothing else of it.
  std::function<std::optional<ProcessRef>(std::uint32_t pid,
                                          std::uint64_t start_ns)>
      followed;
  // One that ended a moment ago.
  std::function<std::optional<ProcessRef>(std::uint32_t pid)> ended;
};

// The process with a number, now, or as it ended; none: it is gone.
using DescribeProcess = std::function<std::optional<Writer>(std::uint32_t pid)>;

// The limits of a container's cgroup, all that there are, by control file.
struct LimitsObservation {
  std::uint64_t boot_ns = 0;
  std::uint64_t cgroup = 0;
  std::map<std::string, std::string> values;
  // All who wrote to them since they were observed last; none where that is not
  // known.
  std::map<std::string, std::vector<Writer>> writers = {};
};

// A container's init has run its first program on its own rootfs.
struct LiveObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;             // none: a read-only overlay
  std::string cgroup_name;    // last path component, raw
  std::string cgroup_parent;  // the one before it
  ProcessRef process;         // process.cgroup is the container's
};

// A process entered a live container from outside: docker exec and the like.
struct SessionObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;         // of the container that was entered
  std::string tty;        // its controlling tty, "pts3"; or empty
  std::string first_cmd;  // argv joined by spaces, cut at 256 bytes
  ProcessRef process;     // process.session is the session's id
  std::optional<LoginRef> login;
  std::vector<CallerRef> callers;  // its ancestors, the parent first
  // The value of SPO_EXEC_REQUEST_UID in its environment, or as it sets it by
  // `env`; empty: there is none, or it lies behind what was read (see below).
  std::string request_uid;
  bool environment_cut = false;
};

// A process of a session began to be a tool's run, or may be: an interpreter is
// one by its command line.
struct RunObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  std::uint64_t within = 0;  // the run that it was part of before; 0: of none
  std::string command;       // argv joined by spaces, cut at 256 bytes
  ProcessRef process;        // process.run is the new one
};

// A container's init, a session's leader or the first process of a run ended.
struct ExitObservation {
  std::uint64_t boot_ns = 0;
  bool init = false;
  bool leader = false;
  ProcessRef process;
};

struct CgroupObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;  // of the container it belongs to, if any
  std::uint64_t cgroup = 0;
  bool removed = false;  // else: a child of a container's was made
  std::string name;
};

// The sensors' own troubles. `root` is set where they concern one container.
struct LossObservation {
  std::uint64_t boot_ns = 0;
  UpperRoot root;
  std::string reason;
  std::uint64_t count = 0;
};

using Observation =
    std::variant<FileObservation, ExecObservation, SysctlObservation,
                 DeviceObservation, MemoryObservation, MountObservation,
                 MountsTouchedObservation, LimitsObservation, LiveObservation,
                 SessionObservation, RunObservation, ExitObservation,
                 CgroupObservation, LossObservation>;

}  // namespace stillframe
