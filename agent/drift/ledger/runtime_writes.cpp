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

constexpr std::size_t kMaxMounts = 4096;
constexpr std::size_t kMaxUserFile = 1u << 20;

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
                     std::uint32_t uid) {
  const auto line = added_line(before, now);
  if (!line || uid == 0) return false;
  const auto field = split(*line, ':');
  return field.size() == 4 && !field[0].empty() && field[1] == "x" &&
         unprivileged_number(field[2]) && field[3] == std::to_string(uid);
}

RuntimeWrites::RuntimeWrites(const ContainerRecord& record)
    : layers_(record.layers), init_uid_(record.init_uid) {
  const auto writes = traits_of(record.info.runtime).own_writes;
  for (const auto path : writes) places_.emplace(path);
  for (const auto& mount : record.mounts) {
    if (places_.size() >= kMaxMounts) break;
    std::string path = mount.path;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    while (path.size() > 1 && path.front() == '/') {
      if (!places_.insert(path).second) break;
      path.resize(path.rfind('/'));
    }
  }
}

bool RuntimeWrites::listed(std::string_view path) const {
  return path == "/etc/passwd" || path == "/etc/group" ||
         places_.contains(std::string(path));
}

bool RuntimeWrites::made(const Entry& entry, const std::string& path,
                         bool others_below) {
  if (path == "/etc/passwd" || path == "/etc/group") {
    return user_entry(entry, path);
  }
  if (entry.change != Change::added || !listed(path)) return false;
  if (S_ISDIR(entry.mode)) return !others_below;
  if (S_ISREG(entry.mode)) return entry.size == 0 && entry.links <= 1;
  if (!S_ISLNK(entry.mode) || path != "/etc/mtab") return false;
  const Look link = read_mtab_link(layers_.upper);
  uncertain_ = uncertain_ || link.failed;
  return link.failed || link.text == "/proc/mounts";
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
  const auto adds = passwd ? adds_user_line : adds_group_line;
  known = {entry.inode, entry.ctime,
           now.text && before.text && adds(*before.text, *now.text, init_uid_)};
  return known.own;
}

}  // namespace stillframe::drift
