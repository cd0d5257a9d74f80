// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/runtime_writes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <optional>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/drift/scan/failure.h"
#include "agent/model/runtime.h"

namespace stillframe::drift {
namespace {

// A container may mount as often and from as long a path as it likes; what it
// was started with comes first.
constexpr std::size_t kMaxPlaceBytes = 4u << 20;
constexpr std::size_t kMaxUserFile = 1u << 20;
// From the start of init, or of the first program, to the last of what the
// runtime does ahead of it, on a machine that has much else to do; and file
// times come from a coarse clock.
constexpr std::int64_t kPreparesNs = 10'000'000'000;
// What nothing that a runtime makes has for a mode.
constexpr std::uint32_t kOddMode = S_ISUID | S_IWGRP | S_IWOTH;

// A look into one layer's /etc.
struct Look {
  std::optional<std::string> text;  // none: it is not there
  bool failed = false;
};

// Nothing there, or nobody knows. A link in the way is not what runtimes make.
Look nothing_found(int code) {
  return {std::nullopt, !means_gone(code) && code != ELOOP};
}

// LAYER/etc, with no symbolic link followed below the layer itself.
Fd open_etc(const std::string& layer) {
  Fd root(::open(layer.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root < 0) return Fd(-1);
  return Fd(
      ::openat(root, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Look read_etc(const std::string& layer, const char* name) {
  Fd etc = open_etc(layer);
  if (etc < 0) return nothing_found(errno);
  Fd file(::openat(etc, name,
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (file < 0) return nothing_found(errno);
  struct stat st{};
  if (::fstat(file, &st) != 0) return nothing_found(errno);
  if (!S_ISREG(st.st_mode)) return {};
  auto text =
      read_file("/proc/self/fd/" + std::to_string(int(file)), kMaxUserFile);
  // Larger than any such file is: not one that a runtime adds to.
  if (!text && text.error().code == EFBIG) return {};
  if (!text) return nothing_found(text.error().code);
  return {*std::move(text)};
}

Look read_mtab_link(const std::string& upper) {
  Fd etc = open_etc(upper);
  if (etc < 0) return nothing_found(errno);
  char target[PATH_MAX];
  const ssize_t n = ::readlinkat(etc, "mtab", target, sizeof target);
  if (n < 0 && errno != EINVAL) return nothing_found(errno);
  if (n < 0) return {};  // not a link any more
  return {std::string(target, static_cast<std::size_t>(n))};
}

// The one line that `now` has more than `before`, without its newline.
std::optional<std::string_view> added_line(std::string_view before,
                                           std::string_view now) {
  if (!starts_with(now, before)) return std::nullopt;
  now.remove_prefix(before.size());
  if (!before.empty() && before.back() != '\n') {
    if (now.empty() || now.front() != '\n') return std::nullopt;
    now.remove_prefix(1);
  }
  if (ends_with(now, "\n")) now.remove_suffix(1);
  if (now.empty() || now.find('\n') != std::string_view::npos) {
    return std::nullopt;
  }
  return now;
}

bool unprivileged_number(std::string_view text) {
  return !text.empty() && text.front() != '0' && text.size() <= 10 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool adds_user_line(std::string_view before, std::string_view now,
                    std::uint32_t uid) {
  const auto line = added_line(before, now);
  if (!line || uid == 0) return false;
  const auto field = split(*line, ':');
  return field.size() == 7 && !field[0].empty() &&
         (field[1] == "*" || field[1] == "x") &&
         field[2] == std::to_string(uid) &&
         (field[3] == "0" || unprivileged_number(field[3]));
}

bool adds_group_line(std::string_view before, std::string_view now,
                     std::uint32_t uid, std::string_view user) {
  const auto line = added_line(before, now);
  if (!line || uid == 0) return false;
  const auto field = split(*line, ':');
  return field.size() == 4 && !field[0].empty() && field[1] == "x" &&
         unprivileged_number(field[2]) &&
         (field[3] == std::to_string(uid) ||
          (!user.empty() && field[3] == user));
}

std::string user_name(std::string_view passwd, std::uint32_t uid) {
  for (const auto& line : split(passwd, '\n')) {
    const auto field = split(line, ':');
    if (field.size() == 7 && field[2] == std::to_string(uid)) return field[0];
  }
  return "";
}

RuntimeWrites::RuntimeWrites(const ContainerRecord& record,
                             const std::vector<MountEntry>& mounts,
                             WallTime began)
    : layers_(record.layers),
      init_uid_(record.asked.uid.value_or(record.init_uid)),
      owners_known_(record.init_pid != 0),
      root_(record.owners.root),
      user_(record.owners.user),
      work_dir_(record.asked.work_dir) {
  if (began.ns != 0) until_ = {began.ns + kPreparesNs};
  const auto writes = traits_of(record.info.runtime).own_writes;
  for (const auto path : writes) add_place(std::string(path));
  add_place(record.asked.work_dir);
  for (const auto& path : record.asked.mounts) add_place(path);
  for (const auto& mount : mounts) add_place(mount.target);
  for (const auto& mount : record.mounts) add_place(mount.path);
}

// With the directories above it, which are made for it where they are missing.
void RuntimeWrites::add_place(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  while (path.size() > 1 && path.front() == '/') {
    if (place_bytes_ + path.size() > kMaxPlaceBytes) return;
    if (!places_.insert(path).second) return;
    place_bytes_ += path.size();
    path.resize(path.rfind('/'));
  }
}

bool RuntimeWrites::listed(std::string_view path) const {
  return path == "/etc/passwd" || path == "/etc/group" ||
         places_.contains(std::string(path));
}

bool RuntimeWrites::made(const Entry& entry, const std::string& path,
                         bool others_below, Seen seen) {
  if (seen == Seen::not_at_all && !in_time(entry)) return false;
  if (path == "/etc/passwd" || path == "/etc/group") {
    return user_entry(entry, path);
  }
  if (entry.change != Change::added) return false;
  if (seen != Seen::by_runtime && !listed(path)) return false;
  if (!owned(entry, path)) return false;
  if (S_ISDIR(entry.mode)) return !others_below;
  return runtimes_file(entry, path);
}

bool RuntimeWrites::runtimes_file(const Entry& entry, const std::string& path) {
  if (S_ISREG(entry.mode)) {
    return entry.size == 0 && entry.links <= 1 && (entry.mode & S_ISGID) == 0;
  }
  if (!S_ISLNK(entry.mode) || path != "/etc/mtab") return false;
  if (mtab_.inode == entry.inode && mtab_.ctime == entry.ctime) {
    return mtab_.own;
  }
  const Look link = read_mtab_link(layers_.upper);
  if (link.failed) {
    uncertain_ = true;
    return true;
  }
  mtab_ = {entry.inode, entry.ctime, link.text == "/proc/mounts"};
  return mtab_.own;
}

// Nothing was made as late as that, where nobody saw it. Of a directory ctime
// does not say so: it moves with what comes and goes in it.
bool RuntimeWrites::in_time(const Entry& entry) const {
  return S_ISDIR(entry.mode) || until_.ns == 0 || entry.ctime.ns <= until_.ns;
}

// By the host's root or the container's; the working directory may have been
// given to the user.
bool RuntimeWrites::owned(const Entry& entry, const std::string& path) const {
  if (!S_ISLNK(entry.mode) && (entry.mode & kOddMode) != 0) return false;
  if (!owners_known_ || entry.uid == 0 || entry.uid == root_) return true;
  return path == work_dir_ && (entry.uid == user_ || entry.uid == init_uid_);
}

std::string RuntimeWrites::own_user() {
  const Look passwd = read_etc(layers_.upper, "passwd");
  uncertain_ = uncertain_ || passwd.failed;
  return passwd.text ? user_name(*passwd.text, init_uid_) : "";
}

bool RuntimeWrites::user_entry(const Entry& entry, const std::string& path) {
  if (entry.change != Change::changed || !S_ISREG(entry.mode)) return false;
  const auto& d = entry.differs;
  if (d.type || d.any_metadata()) return false;
  const bool passwd = path == "/etc/passwd";
  Answer& known = passwd ? passwd_ : group_;
  if (known.inode == entry.inode && known.ctime == entry.ctime) {
    return known.own;
  }
  const char* name = passwd ? "passwd" : "group";
  const Look now = read_etc(layers_.upper, name);
  Look before;
  for (const auto& lower : layers_.lower) {
    before = read_etc(lower, name);
    if (before.text || before.failed) break;
  }
  if (now.failed || before.failed) {
    uncertain_ = true;
    return true;
  }
  known = {entry.inode, entry.ctime,
           now.text && before.text &&
               (passwd ? adds_user_line(*before.text, *now.text, init_uid_)
                       : adds_group_line(*before.text, *now.text, init_uid_,
                                         own_user()))};
  return known.own;
}

}  // namespace stillframe::drift
