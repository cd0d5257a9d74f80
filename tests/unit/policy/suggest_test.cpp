// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/suggest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/explain.h"
#include "agent/policy/reader.h"

namespace stillframe::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PathChange change(const std::string& path, const std::vector<Kind>& kinds,
                  Origin origin = Origin::workload) {
  PathChange out;
  out.path = path;
  for (const Kind kind : kinds) out.kinds.add(kind);
  out.mutation_class = class_of(kinds.front());
  out.count = 3;
  Actor who;
  who.origin = origin;
  out.actors = {who};
  return out;
}

SeenContainer seen(ChangeList changes) {
  SeenContainer out;
  out.info.workload = "shop/web";
  out.changes = std::move(changes);
  return out;
}

Policy read(const std::string& text) {
  auto reading = read_policy(text, {});
  EXPECT_TRUE(reading.policy) << text << describe("p", reading.problems);
  return reading.policy ? std::move(*reading.policy) : Policy();
}

TEST(Suggest, AllowsAllThatWasSeenAndIsSound) {
  const auto container = seen({
      change("/var/log/app/a.log", {Kind::file_create, Kind::file_write}),
      change("/var/log/app/b.log", {Kind::file_create}, Origin::exec),
      change("/etc/app.conf", {Kind::file_write}),
      change("/srv/made", {Kind::dir_create}),
      change("/srv/made/deep/x", {Kind::file_create}),
      change("/opt/a*b?\"\\ c", {Kind::mode_change}),
      change("/opt/not-utf8-\xff\n", {Kind::file_create}),
      change("/usr/bin/tool", {Kind::file_create, Kind::exec_new}),
      change("memfd:x", {Kind::exec_memfd}),
      change("/proc/sys/net/x", {Kind::sysctl_write}),
  });
  const auto text = suggest("shop/web", {container});
  const Policy policy = read(text);
  for (const auto& one : container.changes) {
    for (const Kind kind : one.kinds.list()) {
      EXPECT_EQ(policy
                    .judge(container.info, class_of(kind), kind,
                           one.actors.back().origin, one.path.text())
                    .verdict,
                Verdict::allowed)
          << one.path.text() << " " << to_string(kind) << "\n"
          << text;
    }
  }
  EXPECT_EQ(policy.rules().size(), 2u);
}

TEST(Suggest, MakesSiblingsOnePatternButNotOfSharedPlaces) {
  const auto text =
      suggest("web", {seen({change("/var/log/app/a.log", {Kind::file_create}),
                            change("/var/log/app/b.log", {Kind::file_create}),
                            change("/etc/a", {Kind::file_write}),
                            change("/etc/b", {Kind::file_write})})});
  EXPECT_THAT(text, HasSubstr("path: \"/var/log/app/**\""));
  EXPECT_THAT(text, HasSubstr("# 2 paths, 6 changes"));
  EXPECT_THAT(text, HasSubstr("path: \"/etc/a\""));
  EXPECT_THAT(text, HasSubstr("path: \"/etc/b\""));
  EXPECT_THAT(text, Not(HasSubstr("/etc/**")));
}

TEST(Suggest, WarnsOfCodeAndOnlyThen) {
  EXPECT_THAT(suggest("web", {seen({change("/x/y", {Kind::file_write})})}),
              Not(HasSubstr("WARNING")));
  const auto text = suggest("web", {seen({change("/x/y", {Kind::exec_new})})});
  EXPECT_LT(text.find("WARNING"), text.find("class: [code]"));
}

TEST(Suggest, LeavesOutWhatIsToleratedOrFollows) {
  auto tolerated = change("/tmp/x", {Kind::file_write});
  tolerated.verdict = Verdict::scratch;
  const auto text =
      suggest("web", {seen({tolerated, change("/etc", {Kind::copy_up})})});
  EXPECT_THAT(text, HasSubstr("nothing to allow"));
  read(text);
}

TEST(Suggest, OfCodeInAScratchPlaceAllowsTheCodeAlone) {
  const auto text = suggest(
      "web", {seen({change("/tmp/ls", {Kind::file_create, Kind::exec_new})})});
  EXPECT_THAT(text, HasSubstr("class: [code]"));
  EXPECT_THAT(text, Not(HasSubstr("content")));
  EXPECT_EQ(read(text).rules().size(), 1u);
}

TEST(Explain, PutsTogetherWhatIsJudgedAlike) {
  const Policy policy = read(
      "version: 1\nrules:\n"
      "  - name: logs\n    reason: why\n"
      "    allow: [{origin: workload, path: /var/log/**}]\n");
  const auto rows = explain(policy, {}, "/var/log/x");
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].mutation_class, Class::content);
  EXPECT_EQ(rows[0].origins, std::vector<Origin>{Origin::workload});
  EXPECT_TRUE(rows[0].kinds.empty());
  EXPECT_EQ(rows[0].verdict, Verdict::allowed);
  EXPECT_EQ(rows[0].rule, "logs");
  EXPECT_EQ(rows[0].line, 3u);
  EXPECT_EQ(rows[0].why, "why");
  EXPECT_EQ(rows[1].origins.size(), 4u);
  EXPECT_EQ(rows[1].verdict, Verdict::violation);
  EXPECT_EQ(rows[4].mutation_class, Class::code);
  EXPECT_TRUE(rows[4].origins.empty());
  EXPECT_EQ(rows[4].why, "no rule allows it");
}

TEST(Explain, SaysThatScratchIsNotForCode) {
  const auto rows = explain(Policy(), {}, "/tmp/x");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].why, "in the scratch place /tmp/**");
  EXPECT_EQ(rows[2].verdict, Verdict::violation);
  EXPECT_EQ(rows[2].why, "a scratch place, but code needs a rule");
}

TEST(Explain, NamesARuleThatHasExpired) {
  const Policy policy = read(
      "version: 1\nrules:\n  - name: old\n    expires: 2027-01-31\n"
      "    allow: [{path: /a}]\n");
  const auto rows =
      explain(policy.as_of(*parse_rfc3339("2027-02-01T00:00:00Z")), {}, "/a");
  EXPECT_EQ(rows[0].verdict, Verdict::violation);
  EXPECT_EQ(rows[0].why,
            "rule 'old' (line 3) would allow it but expired 2027-01-31");
}

}  // namespace
}  // namespace stillframe::policy
