// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/base/result.h"

namespace stillframe::socket_api {

inline constexpr char kDefaultPath[] = "/run/stillframe/stillframe.sock";

// Connects to the Unix socket and hangs up again. The error's code says why:
// ENOENT no socket, ECONNREFUSED a stale one that nobody listens on, EACCES not
// permitted, ENAMETOOLONG over the 107 bytes that an address can hold.
Result<> probe(const std::string& path);

// The error of probe() as one line with its fix, for whoever wanted to ask.
Error unreachable(const std::string& path, const Error& why);

}  // namespace stillframe::socket_api
