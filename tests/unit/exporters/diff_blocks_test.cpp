// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "exporters/console/console.h"
#include "exporters/console/table.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::console {
namespace {

using test::kHostile;
using test::kNoon;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const WallTime kLater{kNoon.ns + 125'000'000'000};  // 2m05s

std::string text_of(const DiffAnswer& diff, const Style& style = {},
                    bool all = false) {
  return whole(diff_blocks(diff, kLater, style, all));
}

Actor someone(Origin origin, const std::string& comm, std::uint32_t pid,
              std::uint64_t session = 0) {
  Actor actor;
  actor.origin = origin;
  actor.comm = comm;
  actor.pid = pid;
  if (session != 0) {
    actor.session.emplace();
    actor.session->id = session;
    actor.session->first_cmd = comm + " --now";
  }
  return actor;
}

PathChange by(const std::string& path, std::initializer_list<Actor> actors) {
  PathChange change = test::make_change(path, Verdict::violation);
  change.actors = actors;
  return change;
}

TEST(DiffBlocks, ShowsWhoWhatAndWhen) {
  DiffAnswer diff = test::make_diff();
  for (std::size_t i = 0; i < 2; ++i) {
    test::edit(diff, i, [](PathChange& change) {
      Actor actor = change.actors.back();
      actor.login = Login{.uid = 1000, .session = 3, .user = "ann"};
      actor.update = 9;
      change.actors = {actor};
    });
  }
  Update update;
  update.id = 9;
  update.tool = "apt";
  update.command = "sh -c x";
  update.paths = 1;
  update.started = update.ended = kNoon;
  update.packages = {{"dpkg", "jq", "1.6", false}};
  diff.updates = {update};
  EXPECT_EQ(text_of(diff),
            "exec apt: 2 paths (1 violation, 1 scratch), 2m05s ago\n"
            "  process  dpkg[4711], as root\n"
            "  session  \"sh -c x\", on pts/3\n"
            "  through  sshd > podman\n"
            "  login    ann (uid 1000)\n"
            "  update   apt, 1 path, packages: jq 1.6\n"
            "    A  /etc/x  file_create,file_write\n"
            "    A  /tmp/y  scratch: file_create,file_write\n"
            "\n"
            "mutated: 1 path changed by exec (apt), first 2m05s ago; "
            "tolerated: 1 scratch\n");
}

TEST(DiffBlocks, PutsWhoCreatedItBeforeWhoRanIt) {
  const Actor maker = someone(Origin::exec, "sh", 1, 7);
  const Actor runner = someone(Origin::exec, "evil", 2, 3);
  DiffAnswer diff = test::make_diff();
  diff.changes = {by("/bin/evil", {maker, runner})};
  const std::string text = text_of(diff);
  EXPECT_THAT(text, StartsWith("exec sh: 1 path, "));
  EXPECT_THAT(text, HasSubstr("    A  /bin/evil  file_create,file_write; then "
                              "exec evil[2]\n\nexec evil: 1 path"));
  EXPECT_THAT(text, HasSubstr("    A  /bin/evil  file_create,file_write; after "
                              "exec sh[1]\n\nmutated: 1 path changed"));
}

TEST(DiffBlocks, HasOneBlockForAllProcessesOfASession) {
  DiffAnswer diff = test::make_diff();
  diff.changes = {by("/a", {someone(Origin::exec, "apt", 1, 7)}),
                  by("/b", {someone(Origin::exec, "dpkg", 2, 7),
                            someone(Origin::exec, "sh", 3, 7)}),
                  by("/c", {someone(Origin::exec, "tar", 4, 7),
                            someone(Origin::exec, "sh", 5, 7)}),
                  by("/d", {someone(Origin::exec, "apt", 6, 8)})};
  const std::string text = text_of(diff);
  EXPECT_THAT(text, StartsWith("exec apt, dpkg, sh and 1 more: 3 paths, "));
  EXPECT_THAT(text, HasSubstr("  process  apt[1], dpkg[2], sh[3] and 2 more, "
                              "as root\n"));
  EXPECT_THAT(text, HasSubstr("\n    A  /b  file_create,file_write\n"));
  EXPECT_THAT(text, HasSubstr("\n\nexec apt: 1 path, "));
}

TEST(DiffBlocks, SetsApartWhoIsInNoSession) {
  Actor other = someone(Origin::workload, "nginx", 8);
  other.uid = 101;
  DiffAnswer diff = test::make_diff();
  diff.changes = {
      by("/a", {someone(Origin::workload, "nginx", 7)}), by("/b", {other}),
      by("/c", {someone(Origin::workload, "nginx", 9)}), by("/d", {Actor{}})};
  const std::string text = text_of(diff);
  EXPECT_THAT(text, StartsWith("workload nginx: 2 paths"));
  EXPECT_THAT(text, HasSubstr("  process  nginx[7], nginx[9], as root\n"));
  EXPECT_THAT(text, HasSubstr("  process  nginx[8], as uid 101\n"));
  EXPECT_THAT(text, HasSubstr("\nunattributed: 1 path, 2m05s ago\n    A  /d"));
}

TEST(DiffBlocks, PutsViolationsBeforeWhatIsTolerated) {
  DiffAnswer diff = test::make_diff();
  PathChange scratch = by("/tmp/a", {someone(Origin::workload, "log", 1)});
  scratch.verdict = Verdict::scratch;
  scratch.first_seen.ns -= 1'000'000'000;
  PathChange own = by("/tmp/b", {someone(Origin::exec, "vi", 2, 4)});
  own.verdict = Verdict::allowed;
  diff.changes = {scratch, own, by("/z", {someone(Origin::exec, "vi", 2, 4)})};
  const std::string text = text_of(diff);
  EXPECT_THAT(text, StartsWith("exec vi: 2 paths (1 violation, 1 allowed)"));
  EXPECT_THAT(text, HasSubstr("    A  /z      file_create,file_write\n"
                              "    A  /tmp/b  allowed: file_create"));
  EXPECT_THAT(text,
              HasSubstr("\n\nworkload log: 1 path (scratch), first 2m06s"));
}

TEST(DiffBlocks, CountsWhatItLeavesOut) {
  DiffAnswer diff = test::make_diff();
  PathChange runtime = by("/etc/hosts", {someone(Origin::runtime, "runc", 1)});
  runtime.verdict = Verdict::runtime;
  PathChange entries = by("/etc", {});
  diff.changes.push_back(runtime);
  diff.changes.push_back(entries);
  const std::string text = text_of(diff);
  EXPECT_THAT(text, Not(HasSubstr("/etc/hosts")));
  EXPECT_THAT(text,
              HasSubstr("\nNot shown (--all): 1 written by the runtime, "
                        "1 directory with changed entries\nmutated: 1 path "));
  const std::string all = text_of(diff, {}, true);
  EXPECT_THAT(all, HasSubstr("\nruntime runc: 1 path (runtime), "));
  EXPECT_THAT(all, HasSubstr("\nOnly entries changed: 1 directory\n    A  "
                             "/etc  file_create,file_write\n\n"));
  EXPECT_THAT(all, Not(HasSubstr("Not shown")));
}

TEST(DiffBlocks, CutsLongListsAndSaysByHowMuch) {
  DiffAnswer diff = test::make_diff();
  diff.changes.clear();
  for (int i = 0; i < 25; ++i) {
    diff.changes.push_back(by("/a" + std::to_string(100 + i),
                              {someone(Origin::exec, "sh", 1, 1)}));
  }
  for (int i = 0; i < 22; ++i) {
    const auto session = static_cast<std::uint64_t>(100 + i);
    diff.changes.push_back(by("/b" + std::to_string(100 + i),
                              {someone(Origin::exec, "sh", 2, session)}));
  }
  const std::string text = text_of(diff);
  EXPECT_THAT(text, HasSubstr("exec sh: 25 paths"));
  EXPECT_THAT(text, HasSubstr("/a119  file_create,file_write\n    … and 5 more "
                              "(--all)\n\n"));
  EXPECT_THAT(text, Not(HasSubstr("/a120")));
  EXPECT_THAT(text, HasSubstr("/b118"));
  EXPECT_THAT(text, HasSubstr("\n… and 3 others with 3 paths (--all)\n\n"));
  EXPECT_THAT(text, Not(HasSubstr("/b119")));
  const std::string all = text_of(diff, {}, true);
  EXPECT_THAT(all, HasSubstr("/a124"));
  EXPECT_THAT(all, HasSubstr("/b121"));
  EXPECT_THAT(all, Not(HasSubstr("…")));
}

TEST(DiffBlocks, ShowsViolationsOfALongListFirst) {
  DiffAnswer diff = test::make_diff();
  diff.changes.clear();
  const Actor actor = someone(Origin::exec, "sh", 1, 1);
  for (int i = 0; i < 30; ++i) {
    PathChange change = by("/a" + std::to_string(100 + i), {actor});
    change.verdict = Verdict::scratch;
    diff.changes.push_back(change);
  }
  diff.changes.push_back(by("/y", {actor}));
  PathChange code = by("/z", {actor});
  code.kinds = {Kind::exec_new};
  code.mutation_class = Class::code;
  diff.changes.push_back(code);
  const std::string text = text_of(diff);
  EXPECT_THAT(text,
              HasSubstr("    A  /z     exec_new\n    A  /y     "
                        "file_create,file_write\n    A  /a100  scratch: "));
  EXPECT_THAT(text, HasSubstr("… and 12 more"));
}

TEST(DiffBlocks, FitsEightyColumns) {
  DiffAnswer diff = test::make_diff();
  Actor actor = someone(Origin::exec, "sh", 1, 1);
  actor.session->first_cmd = "sh -c " + std::string(200, 'x');
  PathChange change = by("/usr/share/nginx/html/maintenance.html", {actor});
  change.kinds = {Kind::file_create, Kind::file_write, Kind::owner_change,
                  Kind::mode_change, Kind::time_change};
  diff.changes = {change};
  const std::string text = text_of(diff, {.color = false, .width = 80});
  for (const auto& line : split(text, '\n')) EXPECT_LE(columns(line), 80u);
  EXPECT_THAT(text, HasSubstr("  session  \"sh -c xxx"));
  EXPECT_THAT(text, HasSubstr("    A  /usr/share/nginx/html/maintenance.html\n"
                              "         file_create,file_write,"));
  EXPECT_THAT(text_of(diff), HasSubstr(std::string(200, 'x') + '"'));
  EXPECT_THAT(text_of(diff, {.color = false, .width = 80}, true),
              HasSubstr(std::string(200, 'x') + '"'));
}

TEST(DiffBlocks, ShowsHostileNamesQuoted) {
  DiffAnswer diff = test::make_diff();
  Actor hostile = someone(Origin::exec, kHostile, 1, 1);
  hostile.tool = kHostile;
  hostile.user = kHostile;
  hostile.session->tty = kHostile;
  hostile.session->ancestors = NameList({kHostile});
  hostile.login = Login{.uid = 1, .session = 1, .user = kHostile};
  diff.container.info.name = kHostile;
  diff.changes = {
      by("/" + kHostile, {hostile, someone(Origin::host, kHostile, 2)})};
  const std::string text = text_of(diff);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
  EXPECT_EQ(split(text, '\n').size(), 13u);
}

TEST(DiffBlocks, KeepsUpdatesOfWhichNoChangeIsLeft) {
  DiffAnswer diff = test::make_diff();
  Update update;
  update.id = 5;
  update.tool = "apk";
  update.command = "apk add jq";
  update.paths = 3;
  update.actor = SharedActor(someone(Origin::exec, "apk", 4, 2));
  diff.updates = {update};
  EXPECT_THAT(
      text_of(diff),
      HasSubstr("\nupdate: apk \"apk add jq\", 3 paths\n  by       exec "
                "apk[4] in \"apk --now\"\n\nmutated:"));
}

TEST(DiffBlocks, IsOneLineWhereNothingChanged) {
  DiffAnswer diff = test::make_diff();
  diff.changes.clear();
  diff.container.state = ContainerState::still;
  diff.container.ever_mutated = false;
  EXPECT_EQ(text_of(diff), "still: web is the image it was started from\n");
}

TEST(DiffBlocks, ColorsOnlyWhereAskedTo) {
  const DiffAnswer diff = test::make_diff();
  EXPECT_THAT(text_of(diff, {.color = true}),
              StartsWith("\x1b[31mexec apt\x1b[0m: 2 paths"));
  EXPECT_THAT(text_of(diff), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace stillframe::console
