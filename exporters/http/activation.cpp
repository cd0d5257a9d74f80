// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/activation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

namespace stillframe::http {
namespace {

bool is_tcp_listener(int socket) {
  constexpr int kListening = 1;
  return ::sd_is_socket_inet(socket, AF_UNSPEC, SOCK_STREAM, kListening, 0) > 0;
}

}  // namespace

Result<std::vector<Fd>> activated_sockets() {
  // The environment is left as it is: to change it is not safe beside other
  // threads, and nothing is executed that could take it for its own.
  const int count = ::sd_listen_fds(0);
  if (count < 0) return fail("LISTEN_FDS", -count);
  if (count == 0) {
    return fail(
        "systemd has handed over no socket: start the agent by a .socket unit, "
        "or without --web.systemd-socket");
  }
  std::vector<Fd> sockets;
  for (int i = 0; i < count; ++i) {
    sockets.emplace_back(SD_LISTEN_FDS_START + i);
  }
  for (const Fd& socket : sockets) {
    if (!is_tcp_listener(socket)) {
      return fail(fmt::format(
          "socket {} of systemd is not a listening TCP socket: ListenStream= "
          "needs a port, and Accept=no",
          static_cast<int>(socket)));
    }
    const int flags = ::fcntl(socket, F_GETFL);
    if (flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0) {
      return fail("fcntl", errno);
    }
  }
  return sockets;
}

}  // namespace stillframe::http
