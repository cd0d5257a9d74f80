// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stillframe {

// A UUID has 36 bytes; what is longer is cut.
inline constexpr std::size_t kMaxRequestUid = 128;

// The value of SPO_EXEC_REQUEST_UID, the API server's number of the request
// that a command was started for, as webhooks put it there
// (security-profiles-operator): in its environment, or in that which the
// command line gives to another program by `env NAME=VALUE … PROGRAM`. Both
// have a NUL after each part, and may be cut. Empty: it has none.
std::string request_uid(std::string_view arguments,
                        std::string_view environment);

}  // namespace stillframe
