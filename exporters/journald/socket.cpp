// SPDX-License-Identifier: Apache-2.0
#include "exporters/journald/socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <utility>

#include "exporters/journald/entry.h"

namespace stillframe::journald {

Result<> Socket::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return fail(path_, ENAMETOOLONG);
  }
  path_.copy(address.sun_path, path_.size());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd < 0) return fail("socket", errno);
  // More than one entry has room; less than is asked for will do.
  constexpr int kBuffer = 4 * kMostEntry;
  static_cast<void>(
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kBuffer, sizeof kBuffer));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) != 0) {
    return fail(path_, errno);
  }
  fd_ = std::move(fd);
  return {};
}

Result<> Socket::send(std::string_view entry) {
  if (fd_ < 0) {
    if (auto connected = connect(); !connected) return connected;
  }
  if (::send(fd_, entry.data(), entry.size(), MSG_NOSIGNAL) >= 0) return {};
  const int why = errno == ENOBUFS || errno == ENOMEM ? EAGAIN : errno;
  if (why != EAGAIN && why != EMSGSIZE) fd_ = Fd();
  return fail(path_, why);
}

}  // namespace stillframe::journald
