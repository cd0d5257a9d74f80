// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/proc_text.h"

#include <gmock/gmock.h>

namespace stillframe::containers {
namespace {

using testing::ElementsAre;

const std::string kNumbers =
    " S 7 1 1 0 -1 4 1 0 0 0 1 1 0 0 20 0 1 0 154581 2";

TEST(ProcText, StatsCommMayHoldAnything) {
  for (const std::string& comm :
       {std::string("sleep"), std::string("a) R 1 (b"), std::string("x\ny"),
        std::string(")"), std::string(""), std::string("\x1b[0m \xff")}) {
    SCOPED_TRACE(comm);
    const auto stat = parse_stat("42 (" + comm + ")" + kNumbers);
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->comm, comm);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->ppid, 7u);
    EXPECT_EQ(stat->start_ticks, 154581u);
  }
  EXPECT_EQ(ticks_to_ns(154581), 1'545'810'000'000u);
}

TEST(ProcText, RefusesBrokenStats) {
  for (const std::string& text :
       {std::string(), std::string("42 (x"), std::string("42 x) S 1"),
        std::string(")("), std::string("42 (x) S 1 2 3"),
        "42 (x)" +
            std::string(" S -7 1 1 0 -1 4 1 0 0 0 1 1 0 0 20 0 1 0 1")}) {
    EXPECT_FALSE(parse_stat(text)) << text;
  }
}

TEST(ProcText, StatusHasUidAndNamespacePids) {
  const auto status = parse_status(
      "Name:\tNSpid:\\n1\nUid:\t1000\t0\t0\t0\nNSpid:\t8496\t17\t1\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->uid, 1000u);
  EXPECT_THAT(status->namespace_pids, ElementsAre(8496, 17, 1));
  EXPECT_FALSE(parse_status(""));
  EXPECT_FALSE(parse_status("Uid:\tx\n"));
  EXPECT_FALSE(parse_status("Uid:\t1\nNSpid:\t1\t-1\n"));
}

TEST(ProcText, AUidMapLeadsBothWays) {
  const IdMap map =
      parse_id_map("         0     100000      65536\n 70000 5 1\nrubbish\n");
  EXPECT_EQ(map.inside(100'000), 0u);
  EXPECT_EQ(map.inside(165'535), 65'535u);
  EXPECT_EQ(map.inside(5), 70'000u);
  EXPECT_EQ(map.outside(0), 100'000u);
  EXPECT_EQ(map.outside(33), 100'033u);
  EXPECT_EQ(map.inside(165'536), std::nullopt);
  EXPECT_EQ(map.inside(0), std::nullopt);
  EXPECT_EQ(map.outside(65'536), std::nullopt);
}

TEST(ProcText, CgroupHasThePathInTheObservedHierarchy) {
  const std::string text =
      "9:name=systemd:/sys\n8:cpu,cpuacct:/a:b\n4:memory:/m (deleted)\n"
      "0::/unified/x\n";
  EXPECT_EQ(parse_cgroup(text, ""), "/unified/x");
  EXPECT_EQ(parse_cgroup(text, "cpuacct"), "/a:b");
  EXPECT_EQ(parse_cgroup(text, "memory"), "/m");
  EXPECT_EQ(parse_cgroup(text, "name=systemd"), "/sys");
  EXPECT_EQ(parse_cgroup(text, "pids"), std::nullopt);
  EXPECT_EQ(parse_cgroup("0:\n::\nrubbish\n0::relative\n", ""), std::nullopt);
}

TEST(ProcText, ARootOptionIsFoundInACommand) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{"runc", "--root", "/a b", "run", "x"}, "/a b"},
      {{"runc", "--log", "l", "--root=/a", "run", "x"}, "/a"},
      {{"runc", "-root", "/a", "create"}, "/a"},
      {{"/usr/bin/crun", "--root", "/a", "run", "x"}, "/a"},
      {{"unshare", "--root", "/a", "sh"}, ""},
      {{"/a/--root", "run", "x"}, ""},
      {{"--root", "/a"}, ""},
      {{"runc", "--", "--root", "/a"}, ""},
      {{"runc", "root", "/a"}, ""},
      {{"runc", "--root"}, ""},
      {{"runc", "--rootless=/a"}, ""},
      {{}, ""},
  };
  for (const auto& [arguments, root] : cases) {
    std::string text;
    for (const char* one : arguments) text.append(one).push_back('\0');
    EXPECT_EQ(parse_root_option(text), root) << text;
  }
}

TEST(ProcText, NamespaceLinksAreNumbers) {
  EXPECT_EQ(parse_namespace("mnt:[4026531840]"), 4026531840u);
  EXPECT_EQ(parse_namespace("mnt:[]"), 0u);
  EXPECT_EQ(parse_namespace("mnt:[12"), 0u);
  EXPECT_EQ(parse_namespace(""), 0u);
}

}  // namespace
}  // namespace stillframe::containers
