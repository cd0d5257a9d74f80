// SPDX-License-Identifier: Apache-2.0
//
// What each path is judged to be, the totals, and what takes part in the diff.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct Case {
  std::string name;
  Difference differs;
  std::vector<FileOp> ops;
  Verdict verdict;
};

class Changed : public ::testing::TestWithParam<Case> {};

TEST_P(Changed, IsJudgedByWhatIsLeft) {
  const auto& c = GetParam();
  World w;
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/x", 50, Change::changed).differs = c.differs;
  for (const auto op : c.ops) {
    w.drift->observe(w.seen(op, "/x", 50), actor("sh"));
  }
  w.drift->request_full_scan();
  w.settle();
  ASSERT_NE(w.row("/x"), nullptr);
  EXPECT_EQ(w.row("/x")->verdict, c.verdict);
  EXPECT_EQ(w.drift->summary().state == ContainerState::mutated,
            c.verdict == Verdict::violation);
}

INSTANTIATE_TEST_SUITE_P(
    All, Changed,
    ::testing::Values(
        Case{"copied_up", {}, {FileOp::open}, Verdict::restored},
        Case{"written_back",
             {.time = true},
             {FileOp::write, FileOp::truncate},
             Verdict::restored},
        Case{"mode_set_back", {}, {FileOp::chmod}, Verdict::restored},
        Case{"touched", {.time = true}, {FileOp::utimes}, Verdict::violation},
        Case{"written_back_and_touched",
             {.time = true},
             {FileOp::write, FileOp::utimes},
             Verdict::violation},
        Case{"time_unexplained", {.time = true}, {}, Verdict::violation},
        Case{"time_after_mere_open",
             {.time = true},
             {FileOp::open},
             Verdict::violation},
        Case{"other_bytes",
             {.content = true},
             {FileOp::write},
             Verdict::violation},
        Case{"other_bytes_after_mere_open",
             {.content = true},
             {FileOp::open},
             Verdict::violation},
        Case{
            "other_mode", {.mode = true}, {FileOp::chmod}, Verdict::violation}),
    [](const auto& info) { return info.param.name; });

class Verdicts : public ::testing::Test {
 protected:
  Verdicts() {
    w.put("/etc", 10, Change::none, kDirectory);
    w.put("/tmp", 11, Change::none, kDirectory);
    w.drift->started(w.record, 1);
    w.settle();
  }
  void make(const std::string& path, std::uint64_t ino,
            Origin origin = Origin::exec) {
    w.put(path, ino, Change::added);
    w.drift->observe(w.seen(FileOp::create, path, ino), actor("sh", origin));
  }
  World w;
};

TEST_F(Verdicts, ADirectoryTakesTheWorstOfItsEntries) {
  w.put("/usr", 20, Change::none, kDirectory);
  w.put("/usr/lib", 21, Change::none, kDirectory);
  w.drift->request_full_scan();
  w.settle();
  make("/usr/lib/x", 50, Origin::host);
  make("/tmp/y", 51);
  w.settle();
  for (const auto* path : {"/usr", "/usr/lib"}) {
    ASSERT_NE(w.row(path), nullptr) << path;
    EXPECT_EQ(w.row(path)->verdict, Verdict::violation);
    EXPECT_EQ(w.row(path)->change, Change::changed);
    EXPECT_EQ(w.row(path)->kinds, (KindList{Kind::copy_up}));
    EXPECT_THAT(w.who(path), ElementsAre());
    EXPECT_TRUE(w.row(path)->shown_by_runtime);
  }
  EXPECT_EQ(w.row("/tmp")->verdict, Verdict::scratch);
  const auto summary = w.drift->summary();
  // The directories themselves are as the image has them.
  EXPECT_EQ(summary.mutated_paths, 1u);
  EXPECT_EQ(summary.violations.at({Class::content, Origin::host}), 1u);
  EXPECT_THAT(summary.violations, SizeIs(1));
}

// Whatever the workload is allowed to write.
policy::PolicyPtr workload_may_write() {
  policy::Rule rule;
  rule.name = "own";
  policy::Entry entry;
  entry.origins = policy::bit(Origin::workload);
  rule.allow = {entry};
  return std::make_shared<const policy::Policy>(
      std::vector<policy::PathGlob>{}, std::vector<policy::Rule>{rule});
}

TEST_F(Verdicts, ANewPolicyJudgesThePastAnew) {
  make("/etc/x", 50, Origin::workload);
  w.settle();
  EXPECT_EQ(w.drift->summary().state, ContainerState::mutated);
  w.drift->set_policy(workload_may_write());
  EXPECT_EQ(w.row("/etc/x")->verdict, Verdict::allowed);
  EXPECT_EQ(w.row("/etc/x")->rule, "own");
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
  EXPECT_TRUE(w.drift->summary().ever_mutated);
}

TEST_F(Verdicts, NoCrowdOfTheWorkloadCoversForASession) {
  w.drift->set_policy(workload_may_write());
  make("/etc/x", 50, Origin::exec);
  for (std::uint32_t pid = 200; pid < 300; ++pid) {
    w.drift->observe(w.seen(FileOp::write, "/etc/x", 50),
                     actor("app", Origin::workload, pid));
  }
  w.settle();
  const auto* row = w.row("/etc/x");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->verdict, Verdict::violation);
  EXPECT_EQ(row->actors.at(0).origin, Origin::exec);
  EXPECT_EQ(row->actors.size() + row->actors_left_out, 101u);
}

TEST_F(Verdicts, WhatTheWorkloadMayDoesNotCoverForASession) {
  w.drift->set_policy(workload_may_write());
  make("/etc/x", 50, Origin::exec);
  w.drift->observe(w.seen(FileOp::write, "/etc/x", 50),
                   actor("app", Origin::workload, 200));
  w.settle();
  EXPECT_EQ(w.row("/etc/x")->verdict, Verdict::violation);
  const auto summary = w.drift->summary();
  EXPECT_EQ(summary.violations.at({Class::content, Origin::exec}), 1u);
}

TEST_F(Verdicts, ADirectoryChangedItselfIsJudgedByItself) {
  make("/tmp/x", 50);
  w.at("/etc").change = Change::changed;
  w.at("/etc").differs.mode = true;
  w.drift->observe(w.seen(FileOp::chmod, "/etc", 10), actor("chmod"));
  w.settle();
  EXPECT_THAT(w.kinds("/etc"), ElementsAre("mode_change"));
  EXPECT_THAT(w.who("/etc"), ElementsAre("exec:chmod"));
  EXPECT_EQ(w.row("/etc")->mutation_class, Class::metadata);
}

TEST_F(Verdicts, DirectoriesThatTheToolHidesAreLeftOut) {
  w.put("/opt", 30, Change::none, kDirectory);
  w.drift->request_full_scan();
  w.settle();
  EXPECT_EQ(w.row("/opt"), nullptr);
}

TEST_F(Verdicts, AllThatTheToolPrintsIsInTheDiff) {
  make("/etc/x", 50);
  w.whiteout("/etc/y");
  w.put("/etc/hosts", 51, Change::added).size = 0;
  w.put("/etc/z", 52, Change::changed).differs.mode = true;
  w.drift->request_full_scan();
  w.settle();
  const auto rows = w.drift->diff();
  for (const auto& line : w.drift->runtime_lines()) {
    const std::string path = line.path.text();
    const auto* row = w.row(path);
    ASSERT_NE(row, nullptr) << line.text();
    EXPECT_TRUE(row->shown_by_runtime) << line.text();
  }
  EXPECT_FALSE(w.row("/etc/hosts")->shown_by_runtime);
  // A directory of which only the entries changed has none.
  const KindList below{Kind::copy_up};
  for (const auto& row : rows) {
    EXPECT_EQ(row.actors.empty(), row.kinds == below) << row.path.text();
  }
}

TEST_F(Verdicts, ADirectoryThatIsAsItWasAgainIsRestored) {
  w.put("/opt", 20, Change::changed, kDirectory).differs = {.mode = true};
  w.drift->observe(w.seen(FileOp::chmod, "/opt", 20), actor("chmod"));
  w.settle();
  EXPECT_EQ(w.row("/opt")->verdict, Verdict::violation);
  w.at("/opt").change = Change::none;
  w.at("/opt").differs = {};
  w.drift->observe(w.seen(FileOp::chmod, "/opt", 20), actor("chmod"));
  w.settle();
  const auto* row = w.row("/opt");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->kinds, (KindList{Kind::mode_change}));
  EXPECT_EQ(row->verdict, Verdict::restored);
  EXPECT_FALSE(row->shown_by_runtime);
  EXPECT_THAT(w.who("/opt"), ElementsAre("exec:chmod"));
  EXPECT_THAT(w.tool_lines(), Not(Contains("C /opt")));
  EXPECT_EQ(w.drift->summary().mutated_paths, 0u);
}

TEST_F(Verdicts, TotalsFollowEachChange) {
  make("/etc/a", 50);
  make("/etc/b", 51);
  w.settle();
  EXPECT_EQ(w.drift->summary().mutated_paths, 2u);
  w.take("/etc/a");
  w.drift->observe(w.seen(FileOp::unlink, "/etc/a", 50), actor("rm"));
  w.settle();
  EXPECT_EQ(w.drift->summary().mutated_paths, 1u);
  w.take("/etc/b");
  w.drift->observe(w.seen(FileOp::unlink, "/etc/b", 51), actor("rm"));
  w.settle();
  const auto summary = w.drift->summary();
  EXPECT_EQ(summary.mutated_paths, 0u);
  EXPECT_NE(summary.state, ContainerState::mutated);
  EXPECT_TRUE(summary.ever_mutated);
  EXPECT_THAT(summary.violations, IsEmpty());
}

TEST_F(Verdicts, TotalsAgreeWithTheDiffWhateverHappens) {
  // A fixed sequence that makes, moves, replaces and removes.
  std::uint64_t ino = 100;
  std::uint32_t seed = 12345;
  const auto pick = [&](std::uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 16) % n;
  };
  const std::vector<std::string> places = {"/etc", "/tmp", "/etc/d", "/tmp/d",
                                           "/etc/d/e"};
  for (int step = 0; step < 400; ++step) {
    const std::string place = places[pick(5)];
    const std::string path = place + "/" + std::string(1, 'a' + pick(4));
    const bool parent = w.entries.contains(place);
    switch (pick(6)) {
      case 0:
      case 1:
        if (!parent) break;
        w.take(path);
        w.put(path, ++ino, Change::added);
        w.drift->observe(w.seen(FileOp::create, path, ino), actor("sh"));
        break;
      case 2:
        if (place.size() < 5 || !w.entries.contains(parent_path(place))) break;
        w.take(place);
        w.put(place, ++ino, Change::added, kDirectory);
        w.drift->observe(w.seen(FileOp::mkdir, place, ino), actor("sh"));
        w.drift->observe(w.entries_seen(FileOp::mkdir, parent_path(place)),
                         actor("sh"));
        break;
      case 3:
        if (!parent) break;
        w.take(path);
        w.drift->observe(w.entries_seen(FileOp::unlink, place), actor("rm"));
        break;
      case 4:
        if (!parent) break;
        w.take(path);
        w.whiteout(path);
        w.drift->observe(w.entries_seen(FileOp::unlink, place), actor("rm"));
        break;
      case 5:
        if (!w.entries.contains("/etc/d") || w.entries.contains("/tmp/d")) {
          break;
        }
        w.move("/etc/d", "/tmp/d");
        w.drift->observe(w.entries_seen(FileOp::rename, "/etc"), actor("mv"));
        w.drift->observe(w.entries_seen(FileOp::rename, "/tmp"), actor("mv"));
        break;
    }
    w.settle();
    std::uint64_t violations = 0;
    std::uint64_t scratch = 0;
    const auto summary = w.drift->summary();
    for (const auto& row : w.drift->diff()) {
      const bool derived = row.kinds.only(Kind::copy_up);
      if (row.verdict == Verdict::violation && !derived) ++violations;
      if (row.verdict == Verdict::scratch && !derived) ++scratch;
    }
    ASSERT_EQ(summary.mutated_paths, violations) << "step " << step;
    const auto counted = [&](Verdict verdict) {
      return summary.verdicts[static_cast<std::size_t>(verdict)];
    };
    ASSERT_EQ(counted(Verdict::violation), violations) << "step " << step;
    ASSERT_EQ(counted(Verdict::scratch), scratch) << "step " << step;
    std::uint64_t by_class = 0;
    for (const auto& [key, n] : summary.violations) by_class += n;
    ASSERT_EQ(by_class, violations) << "step " << step;
    ASSERT_TRUE(summary.complete) << "step " << step;
  }
}

TEST_F(Verdicts, RowsComeInPathOrder) {
  make("/etc/a", 50);
  make("/etc/a-b", 51);
  w.drift->observe(SysctlObservation{.boot_ns = w.tick(),
                                     .root = {},
                                     .name = "net/x",
                                     .value = "1",
                                     .process = {}},
                   actor("sysctl"));
  w.settle();
  std::vector<std::string> paths;
  for (const auto& row : w.drift->diff()) paths.push_back(row.path.text());
  EXPECT_THAT(paths,
              ElementsAre("/etc", "/etc/a", "/etc/a-b", "/proc/sys/net/x"));
}

TEST_F(Verdicts, FirstMutationStaysTheFirst) {
  make("/etc/a", 50);
  w.settle();
  const auto first = w.drift->summary().first_mutation;
  EXPECT_EQ(first, w.row("/etc/a")->first_seen);
  make("/etc/b", 51);
  w.take("/etc/a");
  w.drift->observe(w.seen(FileOp::unlink, "/etc/a", 50), actor("rm"));
  w.settle();
  EXPECT_EQ(w.drift->summary().first_mutation, first);
}

TEST_F(Verdicts, ANewPolicyJudgesTheLedgerAnew) {
  make("/etc/a", 50);
  w.settle();
  ASSERT_EQ(w.drift->summary().state, ContainerState::mutated);
  w.drift->set_policy(std::make_shared<const policy::Policy>());
  EXPECT_EQ(w.drift->summary().mutated_paths, 1u);
  EXPECT_TRUE(w.drift->summary().complete);
}

TEST_F(Verdicts, ALaterLifeGoesOnWithTheLedger) {
  make("/etc/a", 50);
  w.settle();
  w.drift->stopped(w.tick());
  EXPECT_FALSE(w.drift->record().running());
  w.put("/mnt", 60, Change::added, kDirectory);
  w.record.mounts = {{"/mnt", "tmpfs", false}};
  w.drift->started(w.record, w.tick());
  w.drift->request_full_scan();
  w.settle();
  EXPECT_TRUE(w.drift->record().running());
  EXPECT_EQ(w.row("/mnt")->verdict, Verdict::runtime);
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:sh"));
  EXPECT_EQ(w.drift->summary().mutated_paths, 1u);
}

TEST_F(Verdicts, EachNameOfALinkedFileIsJudgedByItsPlace) {
  w.put("/etc/x", 50, Change::added).links = 2;
  w.put("/tmp/x", 50, Change::added).links = 2;
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 50), actor("sh"));
  w.drift->observe(w.seen(FileOp::link, "/etc/x", 50), actor("ln"));
  w.settle();
  EXPECT_EQ(w.row("/etc/x")->verdict, Verdict::violation);
  EXPECT_EQ(w.row("/tmp/x")->verdict, Verdict::scratch);
  EXPECT_EQ(w.drift->summary().mutated_paths, 1u);
}

// More than are judged at each event.
TEST_F(Verdicts, EachOfManyNamesIsJudged) {
  constexpr std::uint32_t kNames = 200;
  w.drift->set_policy(workload_may_write());
  for (std::uint32_t i = 0; i < kNames; ++i) {
    w.put("/etc/x" + std::to_string(i), 50, Change::added).links = kNames;
  }
  w.drift->observe(w.seen(FileOp::create, "/etc/x0", 50),
                   actor("app", Origin::workload));
  w.drift->request_full_scan();
  w.settle();
  EXPECT_EQ(w.drift->summary().mutated_paths, 0u);
  w.drift->observe(w.seen(FileOp::write, "/etc/x0", 50),
                   actor("sh", Origin::exec));
  EXPECT_EQ(w.drift->summary().mutated_paths, kNames);
}

}  // namespace
}  // namespace stillframe::drift::test
