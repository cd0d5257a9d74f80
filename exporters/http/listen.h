// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace stillframe::http {

// A listening TCP socket. An empty host is all addresses, IPv6 and IPv4.
Result<Fd> listen_tcp(const std::string& host, std::uint16_t port);

// A listening Unix socket at `path`, for its owner alone until somebody changes
// its mode.
Result<Fd> listen_unix(const std::string& path);

// The port that the system chose where 0 was asked for.
std::uint16_t port_of(const Fd& socket);
// The address of a TCP socket in numbers, without brackets.
std::string host_of(const Fd& socket);

// How many of `wanted` connections a server may hold, so that all clients
// together leave descriptors for scans whatever they do. `percent` is this
// server's part of what clients may have.
std::size_t connection_bound(std::size_t wanted, std::size_t percent,
                             std::size_t descriptor_limit);
std::size_t descriptor_limit();  // of this process, now

}  // namespace stillframe::http
