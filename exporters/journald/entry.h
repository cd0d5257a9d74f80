// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "exporters/agent_api.h"

namespace stillframe::journald {

// A datagram of this size fits into a socket as the kernel makes it.
inline constexpr std::size_t kMostEntry = 160 << 10;

// An event in the form that systemd-journald takes, its native protocol: each
// field by name, length and bytes, so that no text of a container's can begin
// another. Where it would be larger than kMostEntry, the JSON is left out; the
// journal has the event under its number.
std::string to_entry(const StreamEvent& event, std::string_view node);

}  // namespace stillframe::journald
