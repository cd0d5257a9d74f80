// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/judge.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>

namespace stillframe::drift {
namespace {

// Content below /srv/** is allowed to the workload.
policy::PolicyPtr workload_may_write_srv() {
  policy::Rule rule;
  rule.name = "srv";
  policy::Entry entry;
  entry.origins = policy::bit(Origin::workload);
  entry.paths = {*policy::PathGlob::compile("/srv/**")};
  rule.allow = {entry};
  return std::make_shared<const policy::Policy>(policy::built_in_scratch(),
                                                std::vector{rule});
}

class Judging : public ::testing::Test {
 protected:
  ActorId by(Origin origin) {
    Actor a;
    a.origin = origin;
    return actors.intern(a);
  }
  Record record(std::vector<Kind> kinds, std::vector<Origin> origins) {
    Record r;
    for (const Kind kind : kinds) r.kinds.add(kind);
    for (const Origin o : origins) {
      r.actors = actors.add(r.actors, by(o), r.left_out);
    }
    r.observed = r.live = true;
    return r;
  }
  ContainerRecord container;
  ActorTable actors;
  Judge judge{container, actors, workload_may_write_srv()};
};

struct EventCase {
  std::string name;
  Kind kind;
  Origin origin;
  std::string path;
  Verdict verdict;
  std::string rule = {};
};

class AnEvent : public Judging,
                public ::testing::WithParamInterface<EventCase> {};

TEST_P(AnEvent, IsJudgedByThePolicy) {
  const auto& c = GetParam();
  const auto judged = judge.verdict(c.kind, c.origin, c.path);
  EXPECT_EQ(judged.verdict, c.verdict);
  EXPECT_EQ(judged.rule, c.rule);
}

INSTANTIATE_TEST_SUITE_P(
    Each, AnEvent,
    ::testing::Values(EventCase{"write", Kind::file_write, Origin::workload,
                                "/x", Verdict::violation},
                      EventCase{"allowed", Kind::file_write, Origin::workload,
                                "/srv/x", Verdict::allowed, "srv"},
                      EventCase{"not_to_another", Kind::file_write,
                                Origin::exec, "/srv/x", Verdict::violation},
                      EventCase{"scratch", Kind::file_create, Origin::exec,
                                "/tmp/x", Verdict::scratch},
                      EventCase{"code_in_scratch", Kind::exec_new, Origin::exec,
                                "/tmp/x", Verdict::violation},
                      EventCase{"mere_open", Kind::copy_up, Origin::exec, "/x",
                                Verdict::restored},
                      EventCase{"mere_open_in_scratch", Kind::copy_up,
                                Origin::exec, "/tmp/x", Verdict::scratch}),
    [](const auto& info) { return info.param.name; });

struct RowCase {
  std::string name;
  Change change = Change::changed;
  std::string path = "/x";
  std::uint32_t mode = S_IFREG | 0644;
  Difference differs = {};
  std::vector<Kind> kinds = {};
  std::vector<Origin> origins = {};
  bool recorded = true;
  bool others_below = false;
  Verdict verdict = Verdict::violation;
  Origin origin = Origin::unattributed;
};

class ARow : public Judging, public ::testing::WithParamInterface<RowCase> {};

TEST_P(ARow, JoinsRecordAndState) {
  const auto& c = GetParam();
  Entry entry;
  entry.inode = {50, 1};
  entry.change = c.change;
  entry.mode = c.mode;
  entry.links = 1;
  entry.size = c.differs.content ? 5 : 0;
  entry.differs = c.differs;
  auto r = record(c.kinds, c.origins);
  const auto judged =
      judge.row(entry, c.path, c.recorded ? &r : nullptr, c.others_below);
  EXPECT_EQ(judged.judgement.verdict, c.verdict);
  EXPECT_EQ(judged.origin, c.origin);
  EXPECT_EQ(judged.unexplained, !c.recorded && c.verdict != Verdict::runtime);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ARow,
    ::testing::Values(
        RowCase{.name = "written",
                .differs = {.content = true},
                .kinds = {Kind::file_write},
                .origins = {Origin::exec},
                .origin = Origin::exec},
        RowCase{.name = "seen_by_nobody",
                .differs = {.content = true},
                .recorded = false},
        RowCase{.name = "written_back",
                .kinds = {Kind::file_write},
                .origins = {Origin::exec},
                .verdict = Verdict::restored,
                .origin = Origin::exec},
        // What the workload may do does not cover for a session before it.
        RowCase{.name = "the_worst_of_its_actors",
                .path = "/srv/x",
                .differs = {.content = true},
                .kinds = {Kind::file_write},
                .origins = {Origin::exec, Origin::workload},
                .origin = Origin::exec},
        RowCase{.name = "allowed",
                .path = "/srv/x",
                .differs = {.content = true},
                .kinds = {Kind::file_write},
                .origins = {Origin::workload},
                .verdict = Verdict::allowed,
                .origin = Origin::workload},
        RowCase{.name = "executed_is_never_the_runtimes",
                .change = Change::added,
                .path = "/etc/hosts",
                .kinds = {Kind::exec_new},
                .origins = {Origin::exec},
                .origin = Origin::exec},
        RowCase{.name = "what_runtimes_make",
                .change = Change::added,
                .path = "/etc/hosts",
                .recorded = false,
                .verdict = Verdict::runtime,
                .origin = Origin::runtime},
        RowCase{.name = "with_content_it_is_not",
                .change = Change::added,
                .path = "/etc/hosts",
                .differs = {.content = true},
                .recorded = false},
        RowCase{.name = "nor_when_it_was_seen_made",
                .change = Change::added,
                .path = "/etc/hosts",
                .kinds = {Kind::file_create},
                .origins = {Origin::exec},
                .origin = Origin::exec},
        RowCase{.name = "a_mount_point",
                .change = Change::added,
                .path = "/proc",
                .mode = S_IFDIR | 0755,
                .recorded = false,
                .verdict = Verdict::runtime,
                .origin = Origin::runtime},
        RowCase{.name = "a_mount_point_with_more_in_it",
                .change = Change::added,
                .path = "/proc",
                .mode = S_IFDIR | 0755,
                .recorded = false,
                .others_below = true}),
    [](const auto& info) { return info.param.name; });

TEST_F(Judging, OutsideTheTreeWhatIsAsItWasIsRestored) {
  const auto r = record({Kind::mount_change}, {Origin::exec});
  EXPECT_EQ(judge.row("/mnt", r, false).judgement.verdict, Verdict::violation);
  EXPECT_EQ(judge.row("/mnt", r, true).judgement.verdict, Verdict::restored);
}

TEST_F(Judging, TheContainersFirstProgramOnAVolumeIsItsOwn) {
  auto r = record({Kind::exec_volume}, {Origin::workload});
  EXPECT_EQ(judge.row("/data/app", r, false).judgement.verdict,
            Verdict::violation);
  r.first_exec = true;
  EXPECT_EQ(judge.row("/data/app", r, false).judgement.verdict,
            Verdict::runtime);
  r.kinds.add(Kind::exec_memfd);
  EXPECT_EQ(judge.row("/data/app", r, false).judgement.verdict,
            Verdict::violation);
}

TEST_F(Judging, GoesByThePolicyAndMountsOfTheMoment) {
  EXPECT_EQ(judge.verdict(Kind::file_write, Origin::exec, "/x").verdict,
            Verdict::violation);
  judge.set_policy(std::make_shared<const policy::Policy>(
      std::vector{*policy::PathGlob::compile("/x")},
      std::vector<policy::Rule>()));
  EXPECT_EQ(judge.verdict(Kind::file_write, Origin::exec, "/x").verdict,
            Verdict::scratch);
  EXPECT_FALSE(judge.runtime_writes_at("/mnt/data"));
  container.mounts.push_back({"/mnt/data", "tmpfs", false});
  judge.started({}, {});
  EXPECT_TRUE(judge.runtime_writes_at("/mnt/data"));
}

}  // namespace
}  // namespace stillframe::drift
