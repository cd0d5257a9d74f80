// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/decode.h"

#include <linux/bpf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "agent/base/text.h"
#include "agent/model/request_uid.h"
#include "agent/sensors/file_op.h"

namespace stillframe::sensors {
namespace {

// A change through overlay carries the ctime of the upper inode. When that is
// older than this, the upper inode was not changed by the call in progress. Two
// ticks of the slowest clock (HZ=100) and some scheduling.
constexpr std::int64_t kFreshNs = 50'000'000;

template <std::size_t N>
std::string text(const char (&field)[N]) {
  return std::string(field, strnlen(field, N));
}

InodeId inode_id(const sf_inode& inode) {
  return {inode.ino, inode.generation};
}

UpperRoot upper_root(const sf_inode& inode) {
  return {inode.dev, inode_id(inode)};
}

std::optional<LoginRef> login_ref(const sf_login& from) {
  if (from.uid == SF_NO_LOGIN) return std::nullopt;
  return LoginRef{from.uid, from.session};
}

// One list of operations for both sides.
#define STILLFRAME_SAME_OP(name)                  \
  static_assert(static_cast<int>(FileOp::name) == \
                static_cast<int>(SF_OP_##name));
SF_OPS(STILLFRAME_SAME_OP)
#undef STILLFRAME_SAME_OP

Result<Observation> decode_file(const sf_file_event& raw, std::size_t size,
                                std::int64_t real_minus_boot_ns) {
  const std::size_t room =
      std::min(size, sizeof raw) - offsetof(sf_file_event, text);
  if (std::size_t{raw.name_len} + raw.hint_len > room) {
    return fail("file event with names beyond its end");
  }
  const SyscallNote note{
      .nr = raw.nr,
      .arg = raw.arg,
      .mode = raw.mode,
      .created = (raw.flags & SF_FILE_CREATED) != 0,
      .entries = (raw.flags & SF_FILE_ENTRIES) != 0,
      .compat = (raw.flags & SF_FILE_COMPAT) != 0,
      .acl = (raw.flags & SF_FILE_ACL) != 0,
      .direct = (raw.flags & SF_FILE_DIRECT) != 0,
      .content = (raw.flags & SF_FILE_CONTENT) != 0,
  };
  FileObservation seen;
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.inode = inode_id(raw.inode);
  seen.parent = inode_id(raw.parent);
  seen.name.assign(raw.text, raw.name_len);
  // One that may have been cut short says nothing of the entry's name.
  seen.hint_cut = (raw.flags & SF_FILE_HINT_CUT) != 0;
  if (!seen.hint_cut) {
    const std::string_view hint(raw.text + raw.name_len, raw.hint_len);
    const auto end = std::min(hint.find('\0'), hint.size());
    seen.hint = hint.substr(0, end);
    if (end < hint.size()) seen.hint_to = hint.substr(end + 1);
  }
  if (raw.op >= SF_OP_COUNT) return fail("file event of unknown operation");
  seen.op =
      raw.op != SF_OP_unknown ? static_cast<FileOp>(raw.op) : file_op(note);
  seen.mode = raw.mode;
  seen.repeats = raw.repeats;
  seen.ctime = {raw.ctime_ns};
  seen.live = (raw.flags & SF_FILE_LIVE) != 0;
  seen.entries = note.entries;
  seen.created = note.created;
  seen.direct = note.direct;
  seen.more_names = (raw.flags & SF_FILE_MORE_NAMES) != 0;
  seen.more_follow = (raw.flags & SF_FILE_FOLLOW) != 0;
  const bool by_ctime = raw.op == SF_OP_unknown && raw.ctime_ns != 0;
  if (by_ctime && !seen.direct && may_be_refresh(note)) {
    // Unsigned: a filesystem may hold any time, and a sum that wraps is
    // defined.
    const auto age = seen.boot_ns +
                     static_cast<std::uint64_t>(real_minus_boot_ns) -
                     static_cast<std::uint64_t>(raw.ctime_ns);
    seen.ambiguous = static_cast<std::int64_t>(age) > kFreshNs;
  }
  seen.process = process_ref(raw.header.process);
  // A kernel thread completes what somebody else began and was seen beginning.
  if (seen.process.kernel_thread) seen.ambiguous = true;
  return seen;
}

// What both places of a rename have in common.
FileObservation rename_at(const sf_rename_event& raw) {
  FileObservation seen;
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.op = FileOp::rename;
  seen.live = (raw.flags & SF_FILE_LIVE) != 0;
  seen.process = process_ref(raw.header.process);
  // A kernel thread completes what somebody else began and was seen beginning.
  seen.ambiguous = seen.process.kernel_thread;
  return seen;
}

// One of the three names, each with its share of the event's end.
std::string name_of_rename(const sf_rename_event& raw, std::size_t size,
                           std::size_t which) {
  const std::size_t room =
      (std::min(size, sizeof raw) - offsetof(sf_rename_event, text)) / 3;
  const char* name = raw.text + which * room;
  return std::string(name, strnlen(name, room));
}

Result<Observation> decode_rename(const sf_rename_event& raw,
                                  std::size_t size) {
  FileObservation seen = rename_at(raw);
  seen.inode = inode_id(raw.inode);
  seen.parent = inode_id(raw.parent);
  seen.name = name_of_rename(raw, size, 0);
  seen.mode = raw.mode;
  return seen;
}

Result<Observation> decode_exec(const sf_exec_event& raw) {
  if (raw.kind > SF_EXEC_SCRIPT) return fail("exec event of unknown kind");
  ExecObservation seen;
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.kind = static_cast<ExecKind>(raw.kind);
  seen.inode = inode_id(raw.inode);
  seen.directory = inode_id(raw.directory);
  seen.path = text(raw.path);
  seen.starts_life = raw.starts_life != 0;
  seen.process = process_ref(raw.header.process);
  return seen;
}

// Arguments as one text, spaces between them.
std::string command_line(const char* argv, std::size_t size) {
  std::string command(argv, size);
  while (!command.empty() && command.back() == '\0') command.pop_back();
  std::replace(command.begin(), command.end(), '\0', ' ');
  return command;
}

// Up to the last NUL.
std::string_view whole_parts(std::string_view text) {
  return text.substr(0, text.rfind('\0') + 1);
}

Result<Observation> decode_session(const sf_session_event& raw) {
  if (raw.argv_len > sizeof raw.argv || raw.env_len > sizeof raw.env ||
      raw.callers_count > SF_CALLERS) {
    return fail("session event that cannot be");
  }
  SessionObservation seen;
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.tty = text(raw.tty);
  seen.first_cmd = command_line(raw.argv, raw.argv_len);
  seen.process = process_ref(raw.header.process);
  seen.login = login_ref(raw.login);
  for (std::size_t i = 0; i < raw.callers_count; ++i) {
    seen.callers.push_back({raw.callers[i].pid, text(raw.callers[i].comm)});
  }
  // Of what is cut the last part may be, too.
  const bool env_cut = raw.env_len == sizeof raw.env;
  const bool argv_cut = raw.argv_len >= sizeof raw.argv - 1;
  const std::string_view env(raw.env, raw.env_len);
  const std::string_view argv(raw.argv, raw.argv_len);
  seen.request_uid =
      request_uid(argv_cut ? whole_parts(argv) : argv,
                  env_cut ? whole_parts(env.substr(0, env.size() - 1)) : env);
  seen.environment_cut = env_cut || argv_cut;
  return seen;
}

Result<Observation> decode_run(const sf_run_event& raw) {
  if (raw.argv_len > sizeof raw.argv) return fail("run event too long");
  return RunObservation{raw.header.time_ns, upper_root(raw.header.root),
                        raw.within, command_line(raw.argv, raw.argv_len),
                        process_ref(raw.header.process)};
}

// Names, leaf first and each with its NUL, as a path from the root.
std::string path_of(const char* names, std::size_t size) {
  std::string path;
  std::string_view rest(names, size);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\0'), rest.size());
    path.insert(0, rest.substr(0, end));
    path.insert(0, 1, '/');
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return path;
}

Result<Observation> decode_library(const sf_library_event& raw) {
  if (raw.kind >= SF_EXEC_SCRIPT || raw.names_size > sizeof raw.names) {
    return fail("library event that cannot be");
  }
  ExecObservation seen;
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.kind = static_cast<ExecKind>(raw.kind);
  seen.inode = inode_id(raw.inode);
  seen.path = path_of(raw.names, raw.names_size);
  // It has a name, and lies nowhere.
  if (seen.kind == ExecKind::memfd && !seen.path.empty()) seen.path.erase(0, 1);
  seen.library = true;
  seen.process = process_ref(raw.header.process);
  return seen;
}

Result<Observation> decode_memory(const sf_memory_event& raw) {
  MemoryObservation seen;
  switch (raw.op) {
    case SF_MEMORY_ATTACH:
      seen.op = MemoryOp::attach;
      break;
    case SF_MEMORY_WRITE:
      seen.op = MemoryOp::write;
      break;
    default:
      return fail("memory event of unknown operation");
  }
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.cgroup = raw.victim.cgroup;
  seen.pid = raw.victim.pid;
  seen.start_ns = raw.victim.start_ns;
  seen.comm = text(raw.victim.comm);
  seen.exe = text(raw.victim.exe);
  seen.repeats = raw.repeats;
  seen.process = process_ref(raw.header.process);
  return seen;
}

std::optional<MountOp> mount_op(std::uint32_t op) {
  switch (op) {
    case SF_MOUNT_MOUNT:
      return MountOp::mount;
    case SF_MOUNT_UMOUNT:
      return MountOp::umount;
    case SF_MOUNT_MOVE:
      return MountOp::move;
    case SF_MOUNT_PIVOT:
      return MountOp::pivot;
    case SF_MOUNT_ATTRIBUTES:
      return MountOp::attributes;
    default:
      return std::nullopt;
  }
}

Result<Observation> decode_mount(const sf_mount_event& raw) {
  const auto op = mount_op(raw.op);
  if (!op || raw.names_size > sizeof raw.names) {
    return fail("mount event that cannot be");
  }
  MountObservation seen;
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.cgroup = raw.cgroup;
  seen.op = *op;
  seen.type = text(raw.type);
  seen.source = text(raw.source);
  seen.flags = raw.flags;
  seen.target = path_of(raw.names, raw.names_size);
  if (seen.op == MountOp::attributes) {
    // What the caller named; of a relative path the start is not known.
    if (starts_with(seen.source, "/")) seen.target = seen.source;
    seen.source.clear();
  } else if (seen.target.empty()) {
    seen.target = "/";
  }
  seen.process = process_ref(raw.header.process);
  return seen;
}

Result<Observation> decode_device(const sf_device_event& raw) {
  DeviceObservation seen;
  seen.boot_ns = raw.header.time_ns;
  seen.root = upper_root(raw.header.root);
  seen.block = raw.block != 0;
  seen.major = raw.major;
  seen.minor = raw.minor;
  seen.make = (raw.access & BPF_DEVCG_ACC_MKNOD) != 0;
  seen.read = (raw.access & BPF_DEVCG_ACC_READ) != 0;
  seen.write = (raw.access & BPF_DEVCG_ACC_WRITE) != 0;
  seen.process = process_ref(raw.header.process);
  return seen;
}

// The event as a struct of its own: the ring buffer's memory need not be
// aligned for it, and a short event leaves zeroes.
template <typename Raw>
bool read_raw(Raw& raw, const void* data, std::size_t size,
              std::size_t minimum = sizeof(Raw)) {
  if (size < minimum) return false;
  std::memset(&raw, 0, sizeof raw);
  std::memcpy(&raw, data, size < sizeof raw ? size : sizeof raw);
  return true;
}

template <typename Raw, typename Decode>
Result<Observation> with(const void* data, std::size_t size, Decode decode,
                         std::size_t minimum = sizeof(Raw)) {
  Raw raw;
  if (!read_raw(raw, data, size, minimum)) return fail("event too short");
  return decode(raw);
}

}  // namespace

ProcessRef process_ref(const sf_process& from) {
  ProcessRef to;
  to.cgroup = from.cgroup;
  to.session = from.session;
  to.start_ns = from.start_ns;
  to.pid = from.pid;
  to.ppid = from.ppid;
  to.uid = from.uid;
  to.in_container = (from.flags & SF_PROCESS_IN_CONTAINER) != 0;
  to.followed = (from.flags & SF_PROCESS_FOLLOWED) != 0;
  to.crowd = (from.flags & SF_PROCESS_CROWD) != 0;
  to.host_mounts = (from.flags & SF_PROCESS_HOST_MNT_NS) != 0;
  to.kernel_thread = (from.flags & SF_PROCESS_KERNEL) != 0;
  to.comm = text(from.comm);
  to.parent_comm = text(from.parent_comm);
  to.exe = text(from.exe);
  to.run = from.run;
  to.login = login_ref(from.login);
  return to;
}

Result<Observation> decode(const void* data, std::size_t size,
                           std::int64_t real_minus_boot_ns) {
  sf_header header;
  if (!read_raw(header, data, size)) return fail("event too short");
  if (header.version != SF_ABI_VERSION) return fail("event of another version");
  switch (header.type) {
    case SF_EVENT_FILE:
      return with<sf_file_event>(
          data, size,
          [&](const auto& raw) {
            return decode_file(raw, size, real_minus_boot_ns);
          },
          offsetof(sf_file_event, text));
    case SF_EVENT_RENAME:
      return with<sf_rename_event>(
          data, size, [&](const auto& raw) { return decode_rename(raw, size); },
          offsetof(sf_rename_event, text));
    case SF_EVENT_EXEC:
      return with<sf_exec_event>(data, size, decode_exec);
    case SF_EVENT_SESSION:
      return with<sf_session_event>(data, size, decode_session);
    case SF_EVENT_SYSCTL:
      return with<sf_sysctl_event>(
          data, size, [](const auto& raw) -> Result<Observation> {
            return SysctlObservation{
                raw.header.time_ns, upper_root(raw.header.root), text(raw.name),
                text(raw.value), process_ref(raw.header.process)};
          });
    case SF_EVENT_LIVE:
      return with<sf_live_event>(
          data, size, [](const auto& raw) -> Result<Observation> {
            return LiveObservation{
                raw.header.time_ns, upper_root(raw.header.root), text(raw.name),
                text(raw.parent), process_ref(raw.header.process)};
          });
    case SF_EVENT_EXIT:
      return with<sf_exit_event>(
          data, size, [](const auto& raw) -> Result<Observation> {
            return ExitObservation{raw.header.time_ns, raw.init != 0,
                                   raw.leader != 0,
                                   process_ref(raw.header.process)};
          });
    case SF_EVENT_RUN:
      return with<sf_run_event>(data, size, decode_run);
    case SF_EVENT_CGROUP:
      return with<sf_cgroup_event>(
          data, size, [](const auto& raw) -> Result<Observation> {
            return CgroupObservation{raw.header.time_ns,
                                     upper_root(raw.header.root), raw.cgroup,
                                     raw.removed != 0, text(raw.name)};
          });
    case SF_EVENT_BUDGET:
      return with<sf_budget_event>(
          data, size, [](const auto& raw) -> Result<Observation> {
            return LossObservation{raw.header.time_ns,
                                   upper_root(raw.header.root), "budget",
                                   raw.suppressed};
          });
    case SF_EVENT_LIBRARY:
      return with<sf_library_event>(data, size, decode_library);
    case SF_EVENT_MEMORY:
      return with<sf_memory_event>(data, size, decode_memory);
    case SF_EVENT_MOUNT:
      return with<sf_mount_event>(data, size, decode_mount);
    case SF_EVENT_MOUNTS_TOUCHED:
      return with<sf_mounts_event>(
          data, size, [](const auto& raw) -> Result<Observation> {
            return MountsTouchedObservation{
                raw.header.time_ns, upper_root(raw.header.root), raw.cgroup};
          });
    case SF_EVENT_DEVICE:
      return with<sf_device_event>(data, size, decode_device);
    default:
      return fail("event of unknown type");
  }
}

std::optional<FileObservation> origin_of_rename(const void* data,
                                                std::size_t size) {
  sf_rename_event raw;
  if (!read_raw(raw, data, size, offsetof(sf_rename_event, text)) ||
      raw.header.type != SF_EVENT_RENAME) {
    return std::nullopt;
  }
  FileObservation seen = rename_at(raw);
  seen.inode = inode_id(raw.origin);
  seen.parent = inode_id(raw.above);
  seen.name = name_of_rename(raw, size, 1);
  seen.hint = name_of_rename(raw, size, 2);
  seen.hint_cut = seen.hint.empty();
  seen.mode = S_IFDIR;
  seen.entries = true;
  return seen;
}

std::optional<sf_change_key> rearm_key(const void* data, std::size_t size) {
  sf_file_event raw;
  if (!read_raw(raw, data, size, offsetof(sf_file_event, text)) ||
      raw.header.type != SF_EVENT_FILE || (raw.flags & SF_FILE_ENTRIES) == 0) {
    return std::nullopt;
  }
  const auto nr = static_cast<__u32>(raw.nr) + SF_CHANGE_ENTRIES;
  return sf_change_key{raw.inode.ino, raw.inode.generation, raw.inode.dev,
                       raw.header.process.pid, static_cast<__s32>(nr)};
}

}  // namespace stillframe::sensors
