// SPDX-License-Identifier: Apache-2.0
//
// A client that sends and reads exactly what a test says, and no faster.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "agent/base/fd.h"

namespace stillframe::test {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address),
                           sizeof address) == 0;
  }

  bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Leaves at once, with whatever is under way (RST).
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_ = Fd(-1);
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }

  // Waits for bytes and returns those that came; empty: the server has hung up,
  // or ten seconds went by.
  std::string receive() {
    pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 10'000) != 1) return {};
    char bytes[64 << 10];
    const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
    return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : "";
  }
  // Until what came so far ends with `end`.
  std::string receive_until(std::string_view end) {
    std::string all;
    while (!all.ends_with(end)) {
      const std::string more = receive();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  // Until the server hangs up.
  std::string receive_all() {
    std::string all;
    for (std::string more; !(more = receive()).empty();) all += more;
    return all;
  }
  // True as soon as the server has ended the connection, read or unread.
  bool is_ended() {
    pollfd wait{.fd = socket_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&wait, 1, 10'000) == 1;
  }
  bool has_ended_already() {
    pollfd wait{.fd = socket_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&wait, 1, 0) == 1;
  }

 private:
  Fd socket_;
  bool connected_ = false;
};

}  // namespace stillframe::test
