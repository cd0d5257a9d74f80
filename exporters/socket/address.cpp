// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/address.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "agent/base/fd.h"
#include "agent/base/text.h"

namespace stillframe::socket_api {

Result<> probe(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(printable(path), ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  // Not to hang on a listener whose queue is full.
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd < 0) return fail("socket", errno);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) == 0 ||
      errno == EAGAIN) {
    return {};
  }
  return fail(printable(path), errno);
}

Error unreachable(const std::string& path, const Error& why) {
  const std::string agent = "cannot reach the agent at " + printable(path);
  switch (why.code) {
    case ENOENT:
    case ECONNREFUSED:
      return {why.code, agent +
                            ": is it running? Start it with: stillframe run "
                            "(as root)"};
    case EACCES:
    case EPERM:
      return {why.code, agent +
                            ": permission denied. Use sudo, or join the group "
                            "that owns the socket"};
    default:
      return {why.code, agent + ": " + std::strerror(why.code)};
  }
}

}  // namespace stillframe::socket_api
