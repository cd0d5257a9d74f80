// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <string>

namespace stillframe::cli {

Result<> write_out(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return fail("writing the output", errno);
    }
  }
  return {};
}

void say(int fd, std::string_view text) {
  std::string line(text);
  line += '\n';
  static_cast<void>(write_out(fd, line));
}

}  // namespace stillframe::cli
