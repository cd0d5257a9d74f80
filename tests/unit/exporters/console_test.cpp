// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/console.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/table.h"
#include "exporters/console/update.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::console {
namespace {

using test::kHostile;
using test::kNoon;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const WallTime kLater{kNoon.ns + 125'000'000'000};  // 2m05s
const Style kPlain;

TEST(UpdateText, IsOneLine) {
  Update update;
  update.tool = "apt";
  update.command = "apt-get install jq\n\x1b[31m";
  update.paths = 31;
  update.packages = {{"dpkg", "jq", "1.6", false}, {"dpkg", "vi", "", true}};
  const auto text = update_text(update, true);
  EXPECT_THAT(text, HasSubstr(", 31 paths, packages: jq 1.6, vi removed"));
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(update_text(update, false), Not(HasSubstr("31 paths")));
  update.packages.resize(1000, {"dpkg", "x", "1", false});
  EXPECT_THAT(update_text(update, true), EndsWith(", 990 more"));
}

TEST(PsTable, IsAsWideAsItGetsWhereThatIsAskedFor) {
  Snapshot snapshot;
  snapshot.containers = {
      test::make_container("3f2a00112233445566", "web"),
      test::make_container("aaaaaaaaaaaabbbb", "a-longer-name")};
  auto& mutated = snapshot.containers.edit(1);
  mutated.info.image_id = std::string(64, 'a');
  mutated.info.runtime = "podman";
  mutated.info.workload = "shop";
  mutated.info.image = std::string(100, 'i');
  mutated.first_mutation = {1'700'000'000'123'456'789};
  mutated.started = {};
  const auto text = ps_table(test::listed(snapshot), kLater,
                             {.color = false, .width = 70}, {.wide = true});
  const auto lines = split(text, '\n');
  for (const char* column : {"IMAGE ID", "RUNTIME", "WORKLOAD", "LAST ACTOR",
                             "FIRST MUTATION", "STARTED", "AGE"}) {
    EXPECT_THAT(std::string(lines.at(0)), HasSubstr(column));
  }
  EXPECT_THAT(std::string(lines.at(2)),
              HasSubstr(std::string(100, 'i') + "  aaaaaaaaaaaa  podman"));
  EXPECT_THAT(std::string(lines.at(2)), HasSubstr("2023-11-14T22:13:20Z  -"));
}

TEST(PsNames, AreWhatOtherCommandsTake) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a00112233445566", "web"),
                         test::make_container("aaaaaaaaaaaabbbb", "twice"),
                         test::make_container("bbbbbbbbbbbbcccc", "twice"),
                         test::make_container("ccccccccccccdddd", "nginx")};
  auto& pod = snapshot.containers.edit(3).info;
  pod.pod_namespace = "shop";
  pod.pod = "web-0";
  EXPECT_EQ(ps_names(test::listed(snapshot)),
            "web\naaaaaaaaaaaabbbb\nbbbbbbbbbbbbcccc\nshop/web-0/nginx\n");
  EXPECT_EQ(ps_names({}), "");
}

TEST(PsTable, AlignsItsColumns) {
  Snapshot snapshot;
  snapshot.containers = {
      test::make_container("3f2a00112233445566", "web"),
      test::make_container("aaaaaaaaaaaabbbb", "a-longer-name")};
  auto& mutated = snapshot.containers.edit(1);
  mutated.state = ContainerState::mutated;
  mutated.mutated_paths = 12;
  mutated.complete = false;
  mutated.running = false;
  mutated.last_actor = test::make_actor();
  EXPECT_EQ(
      ps_table(test::listed(snapshot), kLater, kPlain),
      "CONTAINER     NAME           STATE    PATHS  IMAGE                      "
      "LAST ACTOR  AGE\n"
      "3f2a00112233  web            still    0      docker.io/library/nginx:1  "
      "-           2m05s\n"
      "aaaaaaaaaaaa  a-longer-name  mutated  12+    docker.io/library/nginx:1  "
      "exec apt    stopped\n"
      "\n"
      "2 containers: 1 still, 1 mutated, 0 unknown\n");
}

TEST(PsTable, HasColumnsForNamespacesWhereThereAreSome) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("aaaa", "web"),
                         test::make_container("bbbb", "bbbb"),
                         test::make_container("cccc", "c1"),
                         test::make_container("dddd", "plain")};
  for (const std::size_t i : {0u, 1u}) {
    auto& info = snapshot.containers.edit(i).info;
    info.space = "k8s.io";
    info.pod_namespace = "shop";
    info.pod = "web-1";
    info.sandbox = i == 1;
  }
  snapshot.containers.edit(2).info.space = "default";
  const auto lines =
      split(ps_table(test::listed(snapshot), kLater, kPlain), '\n');
  EXPECT_EQ(lines[0].substr(0, 45),
            "CONTAINER  NAMESPACE  POD    NAME       STATE");
  EXPECT_EQ(lines[1].substr(0, 45),
            "aaaa       shop       web-1  web        still");
  EXPECT_EQ(lines[2].substr(0, 45),
            "bbbb       shop       web-1  (sandbox)  still");
  EXPECT_EQ(lines[3].substr(0, 45),
            "cccc       default    -      c1         still");
  EXPECT_EQ(lines[4].substr(0, 45),
            "dddd       -          -      plain      still");
}

TEST(PsTable, HasAColumnForPodsWithoutNamespaces) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("aaaa", "web"),
                         test::make_container("dddd", "plain")};
  snapshot.containers.edit(0).info.pod = "shop";
  const auto lines =
      split(ps_table(test::listed(snapshot), kLater, kPlain), '\n');
  EXPECT_EQ(lines[0].substr(0, 29), "CONTAINER  POD   NAME   STATE");
  EXPECT_EQ(lines[1].substr(0, 29), "aaaa       shop  web    still");
  EXPECT_EQ(lines[2].substr(0, 29), "dddd       -     plain  still");
}

TEST(PsTable, ShowsWhoIsGoneAndSinceWhen) {
  ContainerList list;
  list.rows = {{test::make_container("3f2a", "web"), std::nullopt},
               {test::make_container("aaaa", "old"),
                Gone{.since = kNoon, .as_of = kNoon}}};
  list.rows[0].view.running = false;
  const std::string text = ps_table(list, kLater, kPlain);
  EXPECT_THAT(text, HasSubstr("  -           stopped\n"));
  EXPECT_THAT(text, HasSubstr("  -           gone 2m05s\n"));
  EXPECT_THAT(text, EndsWith("0 unknown; 1 of them gone\n"));
}

TEST(PsTable, SaysHowManyItDoesNotShow) {
  ContainerList list;
  list.rows = {{test::make_container("3f2a", "web"), std::nullopt}};
  list.stopped = 2;
  list.stopped_mutated = 1;
  const char* expected =
      "Not shown (--all): 2 that do not run, 1 of them mutated\n";
  EXPECT_THAT(ps_table(list, kLater, kPlain), EndsWith(expected));
  EXPECT_THAT(workloads_table(list, kPlain), EndsWith(expected));
  list.stopped = 1;
  list.stopped_mutated = 0;
  EXPECT_EQ(left_out_text(list), "Not shown (--all): 1 that does not run");
}

TEST(PsTable, CutsNothingWhereThatIsAskedFor) {
  Snapshot snapshot;
  const std::string id(64, 'a');
  snapshot.containers = {test::make_container(id, "web")};
  snapshot.containers.edit(0).info.image = std::string(100, 'i');
  snapshot.containers.edit(0).info.image_id = std::string(64, 'b');
  const std::string text =
      ps_table(test::listed(snapshot), kLater, {.color = false, .width = 70},
               {.wide = true, .whole = true});
  for (const auto& part : {id, std::string(100, 'i'), std::string(64, 'b')}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(PsTable, ShowsTheLastActorInFullWhereItIsWide) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a", "web")};
  snapshot.containers.edit(0).last_actor = test::make_actor();
  EXPECT_THAT(ps_table(test::listed(snapshot), kLater, kPlain, {.wide = true}),
              HasSubstr("  2m05s  exec apt (dpkg[4711]) through sshd > podman "
                        "in \"sh -c x\"\n"));
}

TEST(PsIds, AreWhatOtherCommandsTake) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a00112233445566", "web"),
                         test::make_container("aaaaaaaaaaaabbbb", "twice"),
                         test::make_container("aaaaaaaaaaaacccc", "twice"),
                         test::make_container("web", "web")};
  snapshot.containers.edit(3).info.space = "default";
  const auto list = test::listed(snapshot);
  EXPECT_EQ(ps_ids(list, false),
            "3f2a00112233\naaaaaaaaaaaabbbb\naaaaaaaaaaaacccc\nweb\n");
  EXPECT_EQ(ps_ids(list, true),
            "3f2a00112233445566\naaaaaaaaaaaabbbb\naaaaaaaaaaaacccc\nweb\n");
}

TEST(PsTable, ShowsThatAStateIsUnknown) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a", "web")};
  snapshot.containers.edit(0).state = ContainerState::unknown;
  snapshot.containers.edit(0).complete = false;
  EXPECT_THAT(ps_table(test::listed(snapshot), kLater, kPlain),
              HasSubstr("3f2a       web   unknown  ?      docker.io"));
  const std::string colored =
      ps_table(test::listed(snapshot), kLater, {.color = true});
  EXPECT_THAT(colored, HasSubstr("\x1b[33munknown\x1b[0m"));
  EXPECT_THAT(colored, HasSubstr("1 container: 0 still, 0 mutated, "
                                 "\x1b[33m1 unknown\x1b[0m\n"));
}

TEST(PsTable, IsNothingWithoutContainers) {
  EXPECT_EQ(ps_table(ContainerList{}, kLater, kPlain), "");
  EXPECT_EQ(workloads_table(ContainerList{}, kPlain), "");
}

TEST(PsTable, CutsTheImageToTheTerminal) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a00112233445566", "web")};
  const std::string text =
      ps_table(test::listed(snapshot), kLater, {.color = false, .width = 70});
  for (const auto& line : split(text, '\n')) EXPECT_LE(columns(line), 70u);
  EXPECT_THAT(text, HasSubstr("docker.io"));
  EXPECT_THAT(text, HasSubstr("…"));
}

TEST(PsTable, ShowsHostileNamesQuotedOnOneLine) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a", kHostile)};
  snapshot.containers.edit(0).info.image = "i\x1b]0;x\x07";
  const std::string text = ps_table(test::listed(snapshot), kLater, kPlain);
  EXPECT_THAT(text, HasSubstr(R"("a\n\x1b[31m\xff\"b\\c")"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_EQ(split(text, '\n').size(), 5u);  // header, row, counts after a gap
}

TEST(WorkloadsTable, CountsByWorkload) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("1", "a"),
                         test::make_container("2", "b"),
                         test::make_container("3", "c")};
  snapshot.containers.edit(1).state = ContainerState::mutated;
  snapshot.containers.edit(1).mutated_paths = 4;
  snapshot.containers.edit(2).info.workload = "";
  snapshot.containers.edit(2).state = ContainerState::unknown;
  // Is nobody's workload.
  snapshot.containers.push_back(test::make_container("4", "d"));
  snapshot.containers.edit(3).info.sandbox = true;
  EXPECT_EQ(workloads_table(test::listed(snapshot), kPlain),
            "WORKLOAD  NAMESPACE  CONTAINERS  RUNNING  MUTATED  UNKNOWN  PATHS"
            "  IMAGES\n"
            "-         -          1           1        0        1        0    "
            "  docker.io/library/nginx:1\n"
            "shop      -          2           2        1        0        4    "
            "  docker.io/library/nginx:1\n");
}

TEST(DiffTable, ShowsWhatWhoAndWhen) {
  EXPECT_EQ(
      whole(diff_table(test::make_diff(), kLater, kPlain, false)),
      "   PATH    VERDICT    KINDS                   WHO"
      "                                                       WHEN\n"
      "A  /etc/x  violation  file_create,file_write  exec apt (dpkg[4711]) "
      "through sshd > podman in \"sh -c x\"  2m05s ago\n"
      "A  /tmp/y  scratch    file_create,file_write  exec apt (dpkg[4711]) "
      "through sshd > podman in \"sh -c x\"  2m05s ago\n"
      "\n"
      "mutated: 1 path changed by exec (apt), first 2m05s ago; tolerated: 1 "
      "scratch\n");
}

TEST(DiffTable, NamesWhoMadeItAndLeavesOutTheRuntime) {
  DiffAnswer diff = test::make_diff();
  test::edit(diff, 0, [](PathChange& change) {
    Actor runner;
    runner.origin = Origin::workload;
    runner.comm = "evil";
    change.actors = {change.actors.back(), runner};
  });
  test::edit(diff, 1,
             [](PathChange& change) { change.verdict = Verdict::runtime; });
  const std::string text = whole(diff_table(diff, kLater, kPlain, false));
  EXPECT_THAT(text,
              HasSubstr("  exec apt (dpkg[4711]) through sshd > podman in "
                        "\"sh -c x\" +1 more  "));
  EXPECT_THAT(text, Not(HasSubstr("/tmp/y")));
  EXPECT_THAT(
      text,
      HasSubstr("\nNot shown (--all): 1 written by the runtime\nmutated: "));
  EXPECT_THAT(whole(diff_table(diff, kLater, kPlain, true)),
              HasSubstr("A  /tmp/y  runtime"));
}

TEST(DiffTable, ShowsTheNearestCallers) {
  DiffAnswer diff = test::make_diff();
  test::edit(diff, 0, [](PathChange& change) {
    Actor actor = change.actors.back();
    actor.session->ancestors =
        NameList({"sshd", "sshd", "bash", "sudo", "\x1b", "podman"});
    change.actors = {actor};
  });
  EXPECT_THAT(whole(diff_table(diff, kLater, kPlain, false)),
              HasSubstr("through … > bash > sudo > \"\\x1b\" > podman in"));
}

TEST(DiffTable, ALongPathMovesNoOtherLine) {
  DiffAnswer diff = test::make_diff();
  const std::string line = "A  /etc/x  violation  file_create";
  ASSERT_THAT(whole(diff_table(diff, kLater, kPlain, false)), HasSubstr(line));
  const std::string path = "/" + std::string(10'000, 'y');
  test::edit(diff, 1, [&](PathChange& change) { change.path = path; });
  const std::string text = whole(diff_table(diff, kLater, kPlain, false));
  EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, HasSubstr("A  " + path + "  scratch"));
}

TEST(DiffTable, CountsTheActorsThatAreNotKeptAsWell) {
  DiffAnswer diff = test::make_diff();
  test::edit(diff, 0, [](PathChange& change) {
    change.actors = {change.actors.back(), change.actors.back()};
    change.actors_left_out = 3;
  });
  EXPECT_THAT(whole(diff_table(diff, kLater, kPlain, false)),
              HasSubstr(" +4 more"));
}

TEST(DiffTable, ShowsHostileNamesQuoted) {
  DiffAnswer diff = test::make_diff();
  diff.container.info.name = kHostile;
  test::edit(diff, 0, [](PathChange& change) {
    change.path = "/" + kHostile;
    change.from = std::make_shared<const SharedPath>("/" + kHostile);
    Actor hostile = change.actors.back();
    hostile.tool.clear();
    hostile.comm = kHostile;
    hostile.session->first_cmd = kHostile;
    change.actors = {hostile};
  });
  const std::string text = whole(diff_table(diff, kLater, kPlain, false));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\xff")));
  EXPECT_EQ(split(text, '\n').size(), 6u);
}

struct SummaryCase {
  const char* name;
  void (*prepare)(DiffAnswer&);
  const char* expected;
};

void PrintTo(const SummaryCase& c, std::ostream* out) { *out << c.name; }

class DiffSummary : public testing::TestWithParam<SummaryCase> {};

TEST_P(DiffSummary, IsShortAndTrue) {
  DiffAnswer diff = test::make_diff();
  GetParam().prepare(diff);
  EXPECT_EQ(diff_summary(diff, kLater), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, DiffSummary,
    testing::Values(
        SummaryCase{"still",
                    [](DiffAnswer& d) {
                      d.changes.clear();
                      d.container.state = ContainerState::still;
                      d.container.ever_mutated = false;
                    },
                    "still: web is the image it was started from"},
        SummaryCase{"tolerated",
                    [](DiffAnswer& d) {
                      test::drop(d, 0);
                      d.container.state = ContainerState::still;
                    },
                    "still: web is the image it was started from, but for what "
                    "is tolerated: 1 scratch (it was mutated before)"},
        SummaryCase{"unknown",
                    [](DiffAnswer& d) {
                      d.changes.clear();
                      d.complete = false;
                      d.container.state = ContainerState::unknown;
                      d.container.why_unknown = "/a\n: Too many open files";
                    },
                    "unknown: web could not be compared with its image: "
                    "/a\\n: Too many open files"},
        SummaryCase{"not_scanned_yet",
                    [](DiffAnswer& d) {
                      d.changes.clear();
                      d.container.state = ContainerState::unknown;
                    },
                    "unknown: web could not be compared with its image: no "
                    "scan has been complete yet"},
        SummaryCase{"unseen",
                    [](DiffAnswer& d) {
                      test::drop(d, 1);
                      test::edit(d, 0, [](PathChange& change) {
                        change.actors = {Actor{}};
                      });
                    },
                    "mutated: 1 path changed by an unknown actor, first 2m05s "
                    "ago"},
        SummaryCase{"only_what_is_in_it_changed",
                    [](DiffAnswer& d) {
                      test::edit(d, 1, [](PathChange& change) {
                        change.verdict = Verdict::violation;
                        change.actors = {};
                      });
                    },
                    "mutated: 1 path changed by exec (apt), first 2m05s ago"},
        SummaryCase{"several",
                    [](DiffAnswer& d) {
                      test::edit(d, 1, [](PathChange& change) {
                        change.verdict = Verdict::violation;
                        Actor host;
                        host.origin = Origin::host;
                        host.comm = "podman";
                        change.actors = {host};
                      });
                      d.complete = false;
                    },
                    "mutated: 2 paths changed by exec (apt) and host (podman), "
                    "first 2m05s ago (incomplete: a scan is still due)"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(DockerLines, AreRawBytes) {
  EXPECT_EQ(whole(docker_lines(test::make_diff())), "A /etc/x\nC /\xff\n\n");
}

TEST(EventLine, FitsOnOneLine) {
  StreamEvent event = test::make_event(1, "3f2a00");
  event.count = 3;
  EXPECT_EQ(event_line(event, kPlain),
            "2026-11-22T12:00:00.000Z  web  violation file_create  /etc/x x3  "
            "by exec apt (dpkg[4711]) through sshd > podman in \"sh -c x\"\n");
  event = StreamEvent{};
  event.time = kNoon;
  event.class_name = "agent";
  event.kind = "started";
  event.detail = kHostile;
  const std::string line = event_line(event, kPlain);
  EXPECT_THAT(line, HasSubstr("  agent  agent started  \"a\\n"));
  EXPECT_EQ(split(line, '\n').size(), 2u);
}

TEST(DoctorText, NamesTheFix) {
  DoctorReport report;
  report.sensors = {{.sensor = "files",
                     .implementation = "tp_btf ctime",
                     .coverage = Coverage::events,
                     .reason = "",
                     .fix = "",
                     .tried = {}},
                    {.sensor = "mounts",
                     .implementation = "mountinfo",
                     .coverage = Coverage::state,
                     .reason = "fentry refused",
                     .fix = "allow trampolines",
                     .tried = {{.implementation = "fentry",
                                .in_use = false,
                                .answer = "fentry/x: EPERM",
                                .meaning = "fentry refused",
                                .fix = "allow trampolines"},
                               {.implementation = "mountinfo",
                                .in_use = true,
                                .answer = "",
                                .meaning = "",
                                .fix = ""}}},
                    {.sensor = "memory",
                     .implementation = "",
                     .coverage = Coverage::none,
                     .reason = "",
                     .fix = "",
                     .tried = {}}};
  report.machine.kernel_release = "6.18";
  report.machine.missing_capabilities = {"CAP_BPF", "CAP_PERFMON"};
  report.machine.cgroup_mode = "v1";
  const std::string text = doctor_text(report, kPlain);
  EXPECT_THAT(text, HasSubstr("kernel        6.18, no BTF\n"));
  EXPECT_THAT(text, HasSubstr("missing CAP_BPF, CAP_PERFMON\n"));
  EXPECT_THAT(text, HasSubstr("files   events    tp_btf ctime\n"));
  EXPECT_THAT(text, HasSubstr("memory  none      -\n"));
  EXPECT_THAT(text, HasSubstr("mounts\n"
                              "  - fentry: fentry refused\n"
                              "      kernel: fentry/x: EPERM\n"
                              "      fix: allow trampolines\n"
                              "  + mountinfo: works\n"));
  EXPECT_THAT(text, EndsWith("\n1 of 3 sensors see events; 1 sees only what "
                             "changed, not who; 1 sees nothing.\n"));
}

struct LastLine {
  const char* name;
  std::vector<SensorStatus> sensors;
  const char* expected;
};

SensorStatus sensor(const char* name, Coverage coverage,
                    std::vector<std::string> by_scan = {}) {
  SensorStatus status;
  status.sensor = name;
  status.coverage = coverage;
  status.by_scan = std::move(by_scan);
  return status;
}

TEST(DoctorText, EndsWithWhatIsSeenAndWhatIsNot) {
  const LastLine cases[] = {
      {"all",
       {sensor("files", Coverage::events), sensor("code", Coverage::events)},
       "\nAll sensors see every event as it happens.\n"},
      {"by scan",
       {sensor("files", Coverage::events,
               {"direct writes into the upper directory", "renames"}),
        sensor("code", Coverage::events)},
       "\n2 of 2 sensors see events. Found by scans only, without an actor: "
       "direct writes into the upper directory, renames (files).\n"},
      {"two blind",
       {sensor("files", Coverage::none), sensor("code", Coverage::none)},
       "\n0 of 2 sensors see events; 2 see nothing.\n"},
      {"two late",
       {sensor("files", Coverage::state), sensor("code", Coverage::state)},
       "\n0 of 2 sensors see events; 2 see only what changed, not who.\n"},
  };
  for (const auto& c : cases) {
    DoctorReport report;
    report.sensors = c.sensors;
    EXPECT_THAT(doctor_text(report, kPlain), EndsWith(c.expected)) << c.name;
  }
}

TEST(DoctorText, ClaimsNothingForAnAgentThatIsStarting) {
  DoctorReport report;
  report.agent = {AgentPhase::Name::starting, "attaching the sensors"};
  const std::string text = doctor_text(report, kPlain);
  EXPECT_THAT(text, EndsWith("\nNot known yet what the sensors see: the agent "
                             "is starting: attaching the sensors.\n"));
  EXPECT_THAT(text, Not(HasSubstr("SENSOR")));
}

TEST(Table, CountsColumnsNotBytes) {
  EXPECT_EQ(columns("abc"), 3u);
  EXPECT_EQ(columns("é…"), 2u);
  EXPECT_EQ(columns("日本"), 4u);
  EXPECT_EQ(elide("日本語", 5), "日本…");
  EXPECT_EQ(elide("abc", 3), "abc");
  EXPECT_EQ(elide("abcd", 3), "ab…");
  EXPECT_EQ(elide("abcd", 0), "");
}

TEST(Color, PaintsOnlyWhenAsked) {
  EXPECT_EQ(paint({.color = true}, Color::red, "x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(paint({.color = false}, Color::red, "x"), "x");
  EXPECT_THAT(
      whole(diff_table(test::make_diff(), kLater, {.color = true}, false)),
      HasSubstr("\x1b[31mviolation\x1b[0m"));
}

TEST(Color, FollowsModeAndEnvironment) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  EXPECT_TRUE(use_color(ColorMode::always, fds[1]));
  EXPECT_FALSE(use_color(ColorMode::never, fds[1]));
  EXPECT_FALSE(use_color(ColorMode::automatic, fds[1]));
  ::close(fds[0]);
  ::close(fds[1]);

  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(use_color(ColorMode::automatic, terminal));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(use_color(ColorMode::automatic, terminal));
  EXPECT_TRUE(use_color(ColorMode::always, terminal));
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(use_color(ColorMode::automatic, terminal));
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(use_color(ColorMode::automatic, terminal));
  ::close(terminal);
}

}  // namespace
}  // namespace stillframe::console
