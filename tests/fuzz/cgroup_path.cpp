// SPDX-License-Identifier: Apache-2.0
//
// Cgroup paths, which whoever may make a cgroup chooses.
#include "agent/containers/cgroup_path.h"

#include "tests/fuzz/fuzz.h"

using namespace stillframe::containers;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string_view rest = stillframe::fuzz::text_of(data, size);
  const auto path = stillframe::fuzz::next_part(rest);
  const auto other = stillframe::fuzz::next_part(rest);
  (void)is_image_build(path);
  (void)user_of_cgroup(path);
  (void)same_cgroup(path, other, rest);
  if (const auto name = parse_cgroup_path(path)) {
    require(path.substr(0, name->path.size()) == name->path,
            "the container's cgroup is a prefix of the path");
    require(name->outer.size() < name->path.size(),
            "the outer container's cgroup lies above");
    require(name->id.empty() || is_plain_name(name->id),
            "an id is fit to be a directory's name");
    require(!name->id.empty() || name->helper,
            "only a helper's cgroup may name no container");
    require(name->system_name.empty() || is_plain_name(name->system_name),
            "a name is fit to be shown");
  }
  return 0;
}
