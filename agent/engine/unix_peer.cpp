// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/unix_peer.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "agent/base/fd.h"

namespace stillframe::engine {
namespace {

// A monitor has two dozen; who has very many is not looked at to the end.
constexpr std::size_t kMaxDescriptors = 1024;

struct Request {
  nlmsghdr header;
  unix_diag_req wanted;
};

bool ask(int socket, std::uint32_t inode) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.wanted.sdiag_family = AF_UNIX;
  request.wanted.udiag_ino = inode;
  request.wanted.udiag_show = UDIAG_SHOW_PEER;
  // Any: INET_DIAG_NOCOOKIE (net/core/sock_diag.c, sock_diag_check_cookie()).
  request.wanted.udiag_cookie[0] = ~0u;
  request.wanted.udiag_cookie[1] = ~0u;
  return send(socket, &request, sizeof request, 0) == sizeof request;
}

// The answer, which is there by the time that the request was sent: netlink
// calls the other side.
std::optional<std::uint32_t> answer(int socket) {
  alignas(nlmsghdr) std::array<char, 4096> buffer;
  const ssize_t size = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(unix_diag_msg)))) {
    return std::nullopt;
  }
  nlmsghdr header;
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return std::nullopt;
  const auto end = static_cast<std::size_t>(size);
  std::size_t at = NLMSG_SPACE(sizeof(unix_diag_msg));
  while (at + sizeof(rtattr) <= end) {
    rtattr attribute;
    std::memcpy(&attribute, buffer.data() + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > end) {
      break;
    }
    if (attribute.rta_type == UNIX_DIAG_PEER &&
        attribute.rta_len == RTA_LENGTH(sizeof(std::uint32_t))) {
      std::uint32_t peer = 0;
      std::memcpy(&peer, buffer.data() + at + RTA_LENGTH(0), sizeof peer);
      return peer;
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
  return std::nullopt;
}

// "socket:[4711]"
std::optional<std::uint32_t> socket_inode(std::string_view link) {
  constexpr std::string_view kBegin = "socket:[";
  if (link.substr(0, kBegin.size()) != kBegin) return std::nullopt;
  std::uint32_t inode = 0;
  const auto [rest, error] = std::from_chars(link.data() + kBegin.size(),
                                             link.data() + link.size(), inode);
  if (error != std::errc() || inode == 0) return std::nullopt;
  return inode;
}

}  // namespace

std::vector<std::uint32_t> sockets_of(std::uint32_t pid) {
  namespace fs = std::filesystem;
  std::vector<std::uint32_t> inodes;
  std::error_code error;
  fs::directory_iterator it(fmt::format("/proc/{}/fd", pid), error);
  for (std::size_t i = 0;
       !error && it != fs::directory_iterator() && i < kMaxDescriptors; ++i) {
    std::error_code gone;
    const auto link = fs::read_symlink(it->path(), gone);
    if (!gone) {
      if (const auto inode = socket_inode(link.native())) {
        inodes.push_back(*inode);
      }
    }
    it.increment(error);
  }
  return inodes;
}

std::vector<std::uint32_t> peers_of(const std::vector<std::uint32_t>& inodes) {
  std::vector<std::uint32_t> peers;
  const Fd netlink(
      socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return peers;
  for (const std::uint32_t inode : inodes) {
    if (!ask(netlink, inode)) break;
    if (const auto peer = answer(netlink)) peers.push_back(*peer);
  }
  return peers;
}

}  // namespace stillframe::engine
