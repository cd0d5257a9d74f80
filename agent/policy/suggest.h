// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/model/change_list.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"

namespace stillframe::policy {

// One container of a workload and what changed in it.
struct SeenContainer {
  ContainerInfo info;
  ChangeList changes;
};

// A policy file with the few rules that would have allowed all violations seen
// in these containers of `workload`, counts as comments: for a human to prune.
// Code is warned of in a comment of its own. Paths next to each other become
// one pattern.
std::string suggest(const std::string& workload,
                    const std::vector<SeenContainer>& containers);

// `path` as a pattern, as YAML writes it: quoted where it has to be; bytes
// that are not UTF-8 text become ?.
std::string yaml_pattern(std::string_view pattern);

}  // namespace stillframe::policy
