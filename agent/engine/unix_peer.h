// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace stillframe::engine {

// The inode numbers of a process' sockets, of whatever family. Empty: it has
// none, is gone, or may not be looked at.
std::vector<std::uint32_t> sockets_of(std::uint32_t pid);

// What the unix sockets with these inode numbers are connected to, in the
// agent's network namespace (sock_diag(7)).
std::vector<std::uint32_t> peers_of(const std::vector<std::uint32_t>& inodes);

}  // namespace stillframe::engine
