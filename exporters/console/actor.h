// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "exporters/console/style.h"

namespace stillframe::console {

// Who, in one phrase: `exec apt (dpkg[4711]) in "sh -c …"`. Printable.
std::string who(const Actor& actor);

// Who, in one word or two: `exec apt`, `host sed`, `unattributed`. Printable.
std::string who_briefly(const Actor& actor);

// Through which programs it came, the nearest of them: "… > bash > podman"; or
// empty. Printable.
std::string ancestors_text(const Actor& actor);

// A container's name, or the first twelve digits of its id. Printable.
std::string container_name(const ContainerInfo& info);
std::string short_id(std::string_view id);

Color verdict_color(std::string_view verdict);
Color state_color(ContainerState state);

// 1 -> "1 path", 2 -> "2 paths"
std::string counted(std::uint64_t count, std::string_view noun);

}  // namespace stillframe::console
