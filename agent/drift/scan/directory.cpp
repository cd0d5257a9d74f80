// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>

namespace stillframe::drift {
namespace {

Fd open_beneath(int parent, const std::string& path, int flags) {
  struct open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return Fd(static_cast<int>(
      ::syscall(SYS_openat2, parent, path.c_str(), &how, sizeof how)));
}

}  // namespace

std::vector<std::string> read_names(int fd, std::size_t limit,
                                    const std::stop_token& stop, int* error) {
  std::vector<std::string> out;
  alignas(dirent64) std::array<char, 32768> buffer;
  *error = 0;
  for (;;) {
    if (stop.stop_requested()) {
      *error = ECANCELED;
      return out;
    }
    const long size =
        ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
    if (size == 0) return out;
    if (size < 0) {
      *error = errno;
      return out;
    }
    for (long at = 0; at < size;) {
      // The kernel lays struct linux_dirent64 out as glibc's dirent64.
      const char* record = buffer.data() + at;
      std::uint16_t length = 0;
      std::memcpy(&length, record + offsetof(dirent64, d_reclen), 2);
      at += length;
      const char* name = record + offsetof(dirent64, d_name);
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      if (out.size() >= limit) {
        *error = EFBIG;
        return out;
      }
      out.emplace_back(name);
    }
  }
}

Fd open_directory(int parent, const char* path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(parent, path, kFlags | O_NOATIME));
  // O_NOATIME takes ownership of the directory or CAP_FOWNER.
  if (fd < 0 && errno == EPERM) fd = ::openat(parent, path, kFlags);
  return fd;
}

Fd open_below(int root, const std::string& path) {
  constexpr std::size_t kAtOnce = PATH_MAX - 1;
  Fd at;
  int parent = root;
  std::size_t from = path.find_first_not_of('/');
  while (from != std::string::npos && path.size() - from > kAtOnce) {
    const std::size_t end = path.rfind('/', from + kAtOnce);
    at = open_beneath(parent, path.substr(from, end - from),
                      O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return at;
    parent = at;
    from = path.find_first_not_of('/', end);
  }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const std::string rest = from == std::string::npos ? "." : path.substr(from);
  Fd fd = open_beneath(parent, rest, kFlags | O_NOATIME);
  if (fd < 0 && errno == EPERM) fd = open_beneath(parent, rest, kFlags);
  return fd;
}

}  // namespace stillframe::drift
