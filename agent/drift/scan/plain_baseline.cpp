// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/plain_baseline.h"

#include <fcntl.h>

#include <cerrno>

namespace stillframe::drift {

Tried<PlainBaseline::Look> PlainBaseline::look(int dir, const std::string& name,
                                               struct stat* st) const {
  if (::fstatat(dir, name.c_str(), st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) !=
      0) {
    if (means_gone(errno) || errno == ENAMETOOLONG) return Look::absent;
    return failed("stat");
  }
  return of_rootfs(*st) ? Look::there : Look::elsewhere;
}

}  // namespace stillframe::drift
