// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "agent/base/descriptors.h"
#include "agent/base/text.h"

namespace stillframe::http {
namespace {

constexpr int kFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
// A Unix socket turns away what the queue does not hold: enough for a burst of
// requests from a script.
constexpr int kBacklog = 1024;
constexpr std::size_t kFewestConnections = 16;

Result<Fd> listen_at(const sockaddr* address, socklen_t length) {
  Fd socket(::socket(address->sa_family, kFlags, 0));
  if (socket < 0) return fail("socket", errno);
  const int on = 1;
  const int off = 0;
  // Not SO_REUSEPORT, with which a second agent would take half of the requests
  // instead of failing.
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->sa_family == AF_INET6) {
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (::bind(socket, address, length) != 0) return fail("bind", errno);
  if (::listen(socket, kBacklog) != 0) return fail("listen", errno);
  return socket;
}

Result<Fd> listen_host(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return fail(::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(
      found, ::freeaddrinfo);
  Result<Fd> result = fail("no address");
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    result = listen_at(each->ai_addr, each->ai_addrlen);
    if (result) break;
  }
  return result;
}

}  // namespace

Result<Fd> listen_tcp(const std::string& host, std::uint16_t port) {
  if (!host.empty()) return listen_host(host, port);
  // An IPv6 socket takes IPv4, too; without IPv6 there is only 0.0.0.0.
  auto both = listen_host("::", port);
  if (both || both.error().code == EADDRINUSE || both.error().code == EACCES) {
    return both;
  }
  return listen_host("0.0.0.0", port);
}

Result<Fd> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(printable(path), ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  // Nobody else may connect before its mode is set.
  const mode_t before = ::umask(0177);
  auto socket =
      listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  return socket;
}

std::uint16_t port_of(const Fd& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(socket, generic, &length) != 0) return 0;
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

std::string host_of(const Fd& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  char host[NI_MAXHOST] = {};
  if (::getsockname(socket, generic, &length) != 0 ||
      ::getnameinfo(generic, length, host, sizeof host, nullptr, 0,
                    NI_NUMERICHOST) != 0) {
    return {};
  }
  return host;
}

std::size_t connection_bound(std::size_t wanted, std::size_t percent,
                             std::size_t descriptor_limit) {
  const std::size_t free = descriptor_limit > kKeptFromClients
                               ? descriptor_limit - kKeptFromClients
                               : 0;
  return std::min(wanted, std::max(kFewestConnections, free * percent / 100));
}

std::size_t descriptor_limit() {
  rlimit limit{};
  constexpr std::size_t kUsual = 1024;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUsual;
  return limit.rlim_cur;
}

}  // namespace stillframe::http
