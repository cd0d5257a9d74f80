// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/input.h"

#include <unistd.h>

namespace stillframe::cli {

Result<std::string> read_in(int fd, std::size_t limit) {
  std::string out;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return out;
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail("reading the input", errno);
    }
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > limit) return fail("reading the input", EFBIG);
  }
}

}  // namespace stillframe::cli
