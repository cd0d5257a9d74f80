// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/decode.h"

#include <asm/unistd.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <string>
#include <vector>

namespace stillframe::sensors::test {
namespace {

sf_header header(std::uint16_t type) {
  sf_header h{};
  h.version = SF_ABI_VERSION;
  h.type = type;
  h.time_ns = 1'000'000'000'000;
  h.root = {7, 8, 9};
  h.process.pid = 42;
  std::strcpy(h.process.comm, "writer");
  return h;
}

std::vector<char> file_event(sf_file_event event, const std::string& name,
                             const std::string& hint) {
  event.header = header(SF_EVENT_FILE);
  event.name_len = static_cast<__u16>(name.size());
  event.hint_len = static_cast<__u16>(hint.size());
  const std::string text = name + hint;
  std::memcpy(event.text, text.data(), text.size());
  const std::size_t size = offsetof(sf_file_event, text) + text.size();
  const char* bytes = reinterpret_cast<const char*>(&event);
  return {bytes, bytes + size};
}

FileObservation decoded(const std::vector<char>& bytes,
                        std::int64_t offset = 0) {
  const auto seen = decode(bytes.data(), bytes.size(), offset);
  EXPECT_TRUE(seen);
  return std::get<FileObservation>(*seen);
}

TEST(Decode, OperationThatTheProgramKnowsGoesBeforeTheSystemCall) {
  sf_file_event raw{};
  raw.inode = {11, 12, 9};
  raw.nr = __NR_openat;
  raw.op = SF_OP_rename;
  EXPECT_EQ(decoded(file_event(raw, "a", "")).op, FileOp::rename);
}

TEST(Decode, UnknownOperationFails) {
  sf_file_event raw{};
  raw.op = SF_OP_COUNT;
  const auto bytes = file_event(raw, "a", "");
  EXPECT_FALSE(decode(bytes.data(), bytes.size(), 0));
}

TEST(Decode, NameTakenAwayMayHaveNoInode) {
  sf_file_event raw{};
  raw.parent = {13, 14, 9};
  raw.op = SF_OP_unlink;
  const auto seen = decoded(file_event(raw, "gone", ""));
  EXPECT_FALSE(seen.inode);
  EXPECT_EQ(seen.name, "gone");
}

TEST(Decode, FileEventKeepsNameAndHintAsBytes) {
  sf_file_event raw{};
  raw.inode = {11, 12, 9};
  raw.parent = {13, 14, 9};
  raw.nr = __NR_openat;
  raw.mode = S_IFREG | 0644;
  raw.flags = SF_FILE_CREATED | SF_FILE_LIVE;
  const auto seen = decoded(file_event(raw, "na\nme\xff", "/hi nt"));
  EXPECT_EQ(seen.name, "na\nme\xff");
  EXPECT_EQ(seen.hint, "/hi nt");
  EXPECT_EQ(seen.op, FileOp::create);
  EXPECT_EQ(seen.inode, (InodeId{11, 12}));
  EXPECT_EQ(seen.parent, (InodeId{13, 14}));
  EXPECT_EQ(seen.root, (UpperRoot{9, {7, 8}}));
  EXPECT_TRUE(seen.live);
  EXPECT_TRUE(seen.created);
  EXPECT_FALSE(seen.more_follow);
  raw.flags = SF_FILE_FOLLOW;
  EXPECT_TRUE(decoded(file_event(raw, "f", "")).more_follow);
  EXPECT_EQ(seen.process.pid, 42u);
  EXPECT_EQ(seen.process.comm, "writer");
}

TEST(Decode, ARenamesHintIsBothPaths) {
  sf_file_event raw{};
  raw.nr = __NR_renameat2;
  raw.flags = SF_FILE_ENTRIES;
  const std::string both{"/a/old\0/b/new", 13};
  auto seen = decoded(file_event(raw, "b", both));
  EXPECT_EQ(seen.hint, "/a/old");
  EXPECT_EQ(seen.hint_to, "/b/new");
  EXPECT_FALSE(seen.hint_cut);
  seen = decoded(file_event(raw, "b", "/a/old"));
  EXPECT_EQ(seen.hint, "/a/old");
  EXPECT_EQ(seen.hint_to, "");
}

TEST(Decode, AHintThatWasNotReadWholeIsNone) {
  sf_file_event raw{};
  raw.nr = __NR_unlink;
  raw.flags = SF_FILE_ENTRIES | SF_FILE_HINT_CUT;
  for (const auto* what : {"", "/long/pa"}) {
    const auto seen = decoded(file_event(raw, "b", what));
    EXPECT_TRUE(seen.hint_cut);
    EXPECT_EQ(seen.hint, "");
    EXPECT_EQ(seen.hint_to, "");
  }
}

// `room`: for each of the names.
std::vector<char> rename_event(std::size_t room, const std::string& name,
                               const std::string& directory,
                               const std::string& before) {
  sf_rename_event event{};
  event.header = header(SF_EVENT_RENAME);
  event.inode = {11, 12, 9};
  event.parent = {13, 14, 9};
  event.origin = {15, 16, 9};
  event.above = {17, 18, 9};
  event.mode = S_IFREG | 0644;
  event.flags = SF_FILE_LIVE;
  std::memcpy(event.text, name.data(), name.size());
  std::memcpy(event.text + room, directory.data(), directory.size());
  std::memcpy(event.text + 2 * room, before.data(), before.size());
  const char* bytes = reinterpret_cast<const char*>(&event);
  return {bytes, bytes + offsetof(sf_rename_event, text) + 3 * room};
}

TEST(Decode, ARenameIsSeenAtBothItsPlaces) {
  const std::string longest(SF_NAME_LEN - 1, 'x');
  struct Case {
    std::size_t room;
    std::string name, directory, before;
  };
  for (const Case& one :
       {Case{SF_SHORT_NAME, "n\nw\xff", "dir", "old"},
        Case{SF_SHORT_NAME, "n", "", "o"},
        Case{SF_NAME_LEN, longest, longest, longest},
        // Without their NULs they still end where their room does.
        Case{4, "abcd", "efgh", "ijkl"}}) {
    const auto bytes =
        rename_event(one.room, one.name, one.directory, one.before);
    const auto moved = decoded(bytes);
    EXPECT_EQ(moved.op, FileOp::rename);
    EXPECT_EQ(moved.inode, (InodeId{11, 12}));
    EXPECT_EQ(moved.parent, (InodeId{13, 14}));
    EXPECT_EQ(moved.name, one.name);
    EXPECT_EQ(moved.mode, S_IFREG | 0644u);
    EXPECT_FALSE(moved.entries);
    const auto origin = origin_of_rename(bytes.data(), bytes.size());
    ASSERT_TRUE(origin);
    EXPECT_EQ(origin->op, FileOp::rename);
    EXPECT_EQ(origin->inode, (InodeId{15, 16}));
    EXPECT_EQ(origin->parent, (InodeId{17, 18}));
    EXPECT_EQ(origin->name, one.directory);
    EXPECT_EQ(origin->hint, one.before);
    EXPECT_FALSE(origin->hint_cut);
    EXPECT_TRUE(S_ISDIR(origin->mode));
    EXPECT_TRUE(origin->entries);
    for (const auto* seen : {&moved, &*origin}) {
      EXPECT_EQ(seen->boot_ns, 1'000'000'000'000u);
      EXPECT_TRUE(seen->live);
      EXPECT_EQ(seen->process.pid, 42u);
      EXPECT_EQ(seen->process.comm, "writer");
    }
    EXPECT_FALSE(rearm_key(bytes.data(), bytes.size()));
  }
}

TEST(Decode, ARenameWhoseOldNameWasNotReadMayBeOfAnyEntry) {
  const auto bytes = rename_event(SF_SHORT_NAME, "new", "dir", "");
  const auto origin = origin_of_rename(bytes.data(), bytes.size());
  ASSERT_TRUE(origin);
  EXPECT_TRUE(origin->hint_cut);
}

TEST(Decode, OnlyARenameHasAnOrigin) {
  const auto renamed = rename_event(0, "", "", "");
  EXPECT_FALSE(origin_of_rename(renamed.data(), renamed.size() - 1));
  EXPECT_FALSE(decode(renamed.data(), renamed.size() - 1, 0));
  const auto other = file_event({}, "name", "");
  EXPECT_FALSE(origin_of_rename(other.data(), other.size()));
}

TEST(Decode, AnOldCtimeUnderIoUringIsARefresh) {
  sf_file_event raw{};
  raw.nr = __NR_io_uring_enter;
  raw.mode = S_IFREG;
  const std::int64_t offset = 5'000'000'000;  // boot was at 5 s past 1970
  raw.ctime_ns = 1'000'000'000'000 + offset - 60'000'000;
  EXPECT_TRUE(decoded(file_event(raw, "f", ""), offset).ambiguous);
  raw.ctime_ns = 1'000'000'000'000 + offset - 4'000'000;
  EXPECT_FALSE(decoded(file_event(raw, "f", ""), offset).ambiguous);
  raw.nr = __NR_write;
  raw.ctime_ns = 1;
  EXPECT_FALSE(decoded(file_event(raw, "f", ""), offset).ambiguous);
}

TEST(Decode, DamagedEventsAreRefused) {
  sf_file_event raw{};
  raw.nr = __NR_write;
  const auto good = file_event(raw, "name", "hint");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode(good.data(), size, 0)) << size;
  }
  auto bad = good;
  bad[0] = 99;  // version
  EXPECT_FALSE(decode(bad.data(), bad.size(), 0));
  bad = good;
  bad[2] = 99;  // type
  EXPECT_FALSE(decode(bad.data(), bad.size(), 0));
}

TEST(Decode, NamesEndWithinTheEventHoweverLongTheRecord) {
  sf_file_event raw{};
  raw.nr = __NR_write;
  auto bytes = file_event(raw, "name", "");
  bytes.resize(sizeof raw + 600);
  const __u16 length = sizeof raw.text + 1;
  std::memcpy(bytes.data() + offsetof(sf_file_event, name_len), &length,
              sizeof length);
  EXPECT_FALSE(decode(bytes.data(), bytes.size(), 0));
}

TEST(Decode, SessionCommandIsJoinedBySpaces) {
  sf_session_event raw{};
  raw.header = header(SF_EVENT_SESSION);
  raw.header.process.session = 5;
  raw.header.root = {.ino = 2, .generation = 3, .dev = 1};
  const char argv[] = "sh\0-c\0echo hi";
  std::memcpy(raw.argv, argv, sizeof argv);
  raw.argv_len = sizeof argv;
  std::strcpy(raw.tty, "pts3");
  auto seen = decode(&raw, sizeof raw, 0);
  ASSERT_TRUE(seen);
  const auto& session = std::get<SessionObservation>(*seen);
  EXPECT_EQ(session.first_cmd, "sh -c echo hi");
  EXPECT_EQ(session.root, (UpperRoot{1, {2, 3}}));
  EXPECT_EQ(session.tty, "pts3");
  raw.argv_len = sizeof raw.argv + 1;
  EXPECT_FALSE(decode(&raw, sizeof raw, 0));
}

TEST(Decode, ALoginThatIsNotSetIsNotANumber) {
  sf_session_event raw{};
  raw.header = header(SF_EVENT_SESSION);
  for (const std::uint32_t login : {0u, 1000u, SF_NO_LOGIN}) {
    raw.login = raw.header.process.login = {login, 3};
    const auto seen = decode(&raw, sizeof raw, 0);
    ASSERT_TRUE(seen);
    const auto& session = std::get<SessionObservation>(*seen);
    const auto expected =
        login == SF_NO_LOGIN ? std::nullopt : std::optional(LoginRef{login, 3});
    EXPECT_EQ(session.login, expected);
    EXPECT_EQ(session.process.login, expected);
  }
}

TEST(Decode, ASessionSaysByWhomItWasCalled) {
  sf_session_event raw{};
  raw.header = header(SF_EVENT_SESSION);
  raw.callers_count = 2;
  raw.callers[0].pid = 7;
  std::strcpy(raw.callers[0].comm, "runc");
  raw.callers[1].pid = 6;
  std::memset(raw.callers[1].comm, 'x', SF_COMM_LEN);
  auto seen = decode(&raw, sizeof raw, 0);
  ASSERT_TRUE(seen);
  const auto& callers = std::get<SessionObservation>(*seen).callers;
  ASSERT_EQ(callers.size(), 2u);
  EXPECT_EQ(callers[0].pid, 7u);
  EXPECT_EQ(callers[0].comm, "runc");
  EXPECT_EQ(callers[1].comm, std::string(SF_COMM_LEN, 'x'));
  raw.callers_count = SF_CALLERS + 1;
  EXPECT_FALSE(decode(&raw, sizeof raw, 0));
}

TEST(Decode, AnEnvironmentMayBeCut) {
  sf_session_event raw{};
  raw.header = header(SF_EVENT_SESSION);
  const char env[] = "A=b\0SPO_EXEC_REQUEST_UID=7a";
  std::memcpy(raw.env, env, sizeof env);
  raw.env_len = sizeof env;
  auto seen = decode(&raw, sizeof raw, 0);
  ASSERT_TRUE(seen);
  EXPECT_EQ(std::get<SessionObservation>(*seen).request_uid, "7a");
  EXPECT_FALSE(std::get<SessionObservation>(*seen).environment_cut);
  raw.env_len = SF_ENV_LEN;
  seen = decode(&raw, sizeof raw, 0);
  ASSERT_TRUE(seen);
  EXPECT_TRUE(std::get<SessionObservation>(*seen).environment_cut);
  std::memcpy(raw.env + SF_ENV_LEN - 26, "SPO_EXEC_REQUEST_UID=12345", 26);
  raw.env[SF_ENV_LEN - 27] = 0;
  std::memset(raw.env, 'x', 30);
  seen = decode(&raw, sizeof raw, 0);
  ASSERT_TRUE(seen);
  EXPECT_EQ(std::get<SessionObservation>(*seen).request_uid, "");
  raw.env_len = SF_ENV_LEN + 1;
  EXPECT_FALSE(decode(&raw, sizeof raw, 0));
}

TEST(Decode, UnterminatedTextStopsAtItsField) {
  sf_live_event raw{};
  raw.header = header(SF_EVENT_LIVE);
  std::memset(raw.name, 'n', sizeof raw.name);
  std::memset(raw.parent, 'p', sizeof raw.parent);
  const auto seen = decode(&raw, sizeof raw, 0);
  ASSERT_TRUE(seen);
  EXPECT_EQ(std::get<LiveObservation>(*seen).cgroup_name,
            std::string(sizeof raw.name, 'n'));
}

TEST(RearmKey, OnlyForDirectoriesChangedByAnEntry) {
  sf_file_event raw{};
  raw.inode = {11, 12, 9};
  raw.nr = __NR_unlinkat;
  raw.mode = S_IFDIR;
  auto bytes = file_event(raw, "", "x");
  EXPECT_FALSE(rearm_key(bytes.data(), bytes.size()));
  raw.flags = SF_FILE_ENTRIES;
  bytes = file_event(raw, "", "x");
  const auto key = rearm_key(bytes.data(), bytes.size());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->ino, 11u);
  EXPECT_EQ(key->actor, 42u);
  EXPECT_EQ(key->nr, __NR_unlinkat + SF_CHANGE_ENTRIES);
}

template <typename Seen, typename Raw>
Seen decoded_as(const Raw& raw) {
  const auto seen = decode(&raw, sizeof raw, 0);
  EXPECT_TRUE(seen);
  return std::get<Seen>(*seen);
}

// "leaf", "above" as the kernel side writes them.
template <std::size_t N>
__u32 put_names(char (&room)[N], std::initializer_list<std::string> names) {
  std::size_t at = 0;
  for (const auto& name : names) {
    std::memcpy(room + at, name.c_str(), name.size() + 1);
    at += name.size() + 1;
  }
  return static_cast<__u32>(at);
}

TEST(Decode, LibraryEventHasItsPathFromTheRoot) {
  sf_library_event raw{};
  raw.header = header(SF_EVENT_LIBRARY);
  raw.inode = {11, 12, 9};
  raw.kind = SF_EXEC_VOLUME;
  raw.names_size = put_names(raw.names, {"x\n.so", "lib", "opt"});
  const auto seen = decoded_as<ExecObservation>(raw);
  EXPECT_TRUE(seen.library);
  EXPECT_EQ(seen.kind, ExecKind::volume);
  EXPECT_EQ(seen.path, "/opt/lib/x\n.so");
  EXPECT_EQ(seen.inode, (InodeId{11, 12}));

  raw.kind = SF_EXEC_MEMFD;
  raw.names_size = put_names(raw.names, {"memfd:jit"});
  EXPECT_EQ(decoded_as<ExecObservation>(raw).path, "memfd:jit");

  raw.kind = SF_EXEC_SCRIPT;
  EXPECT_FALSE(decode(&raw, sizeof raw, 0));
  raw.kind = SF_EXEC_UPPER;
  raw.names_size = sizeof raw.names + 1;
  EXPECT_FALSE(decode(&raw, sizeof raw, 0));
}

TEST(Decode, MemoryEventNamesItsVictim) {
  sf_memory_event raw{};
  raw.header = header(SF_EVENT_MEMORY);
  raw.victim.cgroup = 5;
  raw.victim.pid = 77;
  std::strcpy(raw.victim.comm, "worker");
  std::strcpy(raw.victim.exe, "server");
  raw.op = SF_MEMORY_WRITE;
  raw.repeats = 3;
  const auto seen = decoded_as<MemoryObservation>(raw);
  EXPECT_EQ(seen.op, MemoryOp::write);
  EXPECT_EQ(seen.cgroup, 5u);
  EXPECT_EQ(seen.pid, 77u);
  EXPECT_EQ(seen.comm, "worker");
  EXPECT_EQ(seen.exe, "server");
  EXPECT_EQ(seen.repeats, 3u);
  EXPECT_EQ(seen.process.pid, 42u);
  raw.op = 9;
  EXPECT_FALSE(decode(&raw, sizeof raw, 0));
}

TEST(Decode, MountEventHasItsTarget) {
  sf_mount_event raw{};
  raw.header = header(SF_EVENT_MOUNT);
  raw.cgroup = 5;
  raw.op = SF_MOUNT_MOUNT;
  raw.flags = 1;
  std::strcpy(raw.type, "tmpfs");
  std::strcpy(raw.source, "none");
  raw.names_size = put_names(raw.names, {"www", "srv"});
  auto seen = decoded_as<MountObservation>(raw);
  EXPECT_EQ(seen.op, MountOp::mount);
  EXPECT_EQ(seen.target, "/srv/www");
  EXPECT_EQ(seen.type, "tmpfs");
  EXPECT_EQ(seen.source, "none");
  EXPECT_EQ(seen.flags, 1u);
  EXPECT_EQ(seen.cgroup, 5u);

  raw.op = SF_MOUNT_PIVOT;
  raw.names_size = 0;
  EXPECT_EQ(decoded_as<MountObservation>(raw).target, "/");

  raw.op = SF_MOUNT_ATTRIBUTES;
  EXPECT_EQ(decoded_as<MountObservation>(raw).target, "");
  std::strcpy(raw.source, "/data");
  seen = decoded_as<MountObservation>(raw);
  EXPECT_EQ(seen.target, "/data");
  EXPECT_EQ(seen.source, "");

  raw.op = 99;
  EXPECT_FALSE(decode(&raw, sizeof raw, 0));
}

TEST(Decode, DeviceEventSaysWhatWasAskedFor) {
  sf_device_event raw{};
  raw.header = header(SF_EVENT_DEVICE);
  raw.block = 1;
  raw.major = 8;
  raw.minor = 1;
  raw.access = 2 | 4;  // BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE
  const auto seen = decoded_as<DeviceObservation>(raw);
  EXPECT_TRUE(seen.block);
  EXPECT_EQ(seen.major, 8u);
  EXPECT_EQ(seen.minor, 1u);
  EXPECT_FALSE(seen.make);
  EXPECT_TRUE(seen.read);
  EXPECT_TRUE(seen.write);
}

TEST(Decode, MountsTouchedNamesTheContainer) {
  sf_mounts_event raw{};
  raw.header = header(SF_EVENT_MOUNTS_TOUCHED);
  raw.cgroup = 5;
  EXPECT_EQ(decoded_as<MountsTouchedObservation>(raw).cgroup, 5u);
}

}  // namespace
}  // namespace stillframe::sensors::test
