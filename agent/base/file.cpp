// SPDX-License-Identifier: Apache-2.0
#include "agent/base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "agent/base/fd.h"
#include "agent/base/text.h"

namespace stillframe {
namespace {

bool is_kernel_file(const std::string& path) {
  return starts_with(path, "/proc/") || starts_with(path, "/sys/");
}

}  // namespace

Result<> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail("write", errno);
    }
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  // O_NONBLOCK so that a FIFO put in the place of a file cannot hang us.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd < 0) return fail(path, errno);
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail(path, errno);
  if (!S_ISREG(st.st_mode) && !is_kernel_file(path)) {
    return tl::unexpected<Error>(
        Error{EINVAL, path + " is not a regular file"});
  }
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(path, errno);
    }
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > limit) return fail(path, EFBIG);
  }
}

namespace {

Result<> replace_file(const std::string& path, std::string_view content,
                      unsigned mode, bool durably) {
  std::string temporary = path + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (fd < 0) return fail(temporary, errno);
  auto written = write_all(fd, content);
  if (written && ::fchmod(fd, mode) != 0) written = fail("chmod", errno);
  if (written && durably && ::fsync(fd) != 0) written = fail("fsync", errno);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = fail("rename", errno);
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return fail(written, path);
  }
  return {};
}

}  // namespace

Result<> write_file_atomic(const std::string& path, std::string_view content,
                           unsigned mode) {
  return replace_file(path, content, mode, false);
}

Result<> write_file_durably(const std::string& path, std::string_view content,
                            unsigned mode) {
  auto written = replace_file(path, content, mode, true);
  if (!written) return written;
  const std::size_t slash = path.rfind('/');
  return sync_directory(slash == std::string::npos ? "."
                                                   : path.substr(0, slash));
}

Result<> sync_directory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return fail(path, errno);
  if (::fsync(fd) != 0) return fail(path, errno);
  return {};
}

Fd open_without_links(const std::string& path, int flags) {
  struct open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_NO_SYMLINKS;
  return Fd(static_cast<int>(
      ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

Result<std::string> read_link(const std::string& path) {
  char buffer[PATH_MAX];
  const ssize_t n = ::readlink(path.c_str(), buffer, sizeof buffer);
  if (n < 0) return fail(path, errno);
  return std::string(buffer, static_cast<std::size_t>(n));
}

Result<> make_directories(const std::string& path, unsigned mode) {
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return fail(part, errno);
    }
  }
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return fail(path, errno);
  if (!S_ISDIR(st.st_mode)) return fail(path, ENOTDIR);
  return {};
}

}  // namespace stillframe
