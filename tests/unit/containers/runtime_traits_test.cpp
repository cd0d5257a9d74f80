// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "agent/containers/cgroup_path.h"
#include "agent/model/runtime.h"

namespace stillframe {
namespace {

TEST(RuntimeTraits, EachRuntimeIsFoundByItsOwnName) {
  std::set<std::string_view> names;
  for (const auto& row : kRuntimes) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(names.insert(row.name).second);
    EXPECT_EQ(&traits_of(row.name), &row);
    EXPECT_EQ(to_string(runtime_from(row.name)), row.name);
  }
}

TEST(RuntimeTraits, AnyOtherNameIsUnknown) {
  for (const char* name : {"", "Podman", "podman ", "unknown"}) {
    EXPECT_EQ(runtime_from(name), Runtime::unknown) << name;
  }
}

// A pattern that another runtime's comes before would never match.
TEST(RuntimeTraits, EachCgroupPatternNamesItsOwnRuntime) {
  const std::string id(64, 'a');
  for (const auto& row : kRuntimes) {
    for (const auto& pattern : row.cgroups) {
      std::string path(pattern.before);
      if (path.empty() || path[0] != '/') path.insert(0, "/");
      path += pattern.id == CgroupPattern::Id::hex ? id : "web";
      path += pattern.after;
      SCOPED_TRACE(path);
      const auto name = containers::parse_cgroup_path(path);
      ASSERT_TRUE(name);
      EXPECT_EQ(name->runtime, row.name);
      EXPECT_EQ(name->helper, pattern.helper);
      EXPECT_EQ(!name->system_name.empty(), pattern.machine);
    }
  }
}

TEST(RuntimeTraits, PathsAreAbsolute) {
  for (const auto& row : kRuntimes) {
    for (const auto& list : {row.traces, row.states, row.layer_roots,
                             row.diff_hides, row.own_writes}) {
      for (const auto path : list) EXPECT_EQ(path[0], '/') << path;
    }
    for (const auto& place : row.storage) EXPECT_EQ(place.path[0], '/');
  }
}

}  // namespace
}  // namespace stillframe
