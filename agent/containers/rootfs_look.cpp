// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/rootfs_look.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/base/fd.h"
#include "agent/containers/process.h"

namespace stillframe::containers {

std::optional<bool> rootfs_holds(std::uint32_t pid, std::uint64_t start_ns,
                                 const std::string& path) {
  const Fd root(::open(fmt::format("/proc/{}/root", pid).c_str(),
                       O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root < 0) return std::nullopt;
  // The number may be another process' by now; what is open is not.
  const auto process = Proc("").read_stat(pid);
  if (!process || !same_start(process->start_ns, start_ns)) return std::nullopt;
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  const Fd file(static_cast<int>(::syscall(SYS_openat2, static_cast<int>(root),
                                           path.c_str(), &how, sizeof how)));
  if (file >= 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return std::nullopt;
}

}  // namespace stillframe::containers
