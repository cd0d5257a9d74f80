// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::jsonl {
namespace {

// What is written of one by itself, as it is read.
nlohmann::json value_of(const PathChange& change) {
  return *parse_json(ChangeWriter()(change));
}

using nlohmann::json;
using test::kHostile;
using test::kNoon;

constexpr char kNoonText[] = "2026-11-22T12:00:00.000000001Z";

const json kContainer = {{"id", "3f2a00"},
                         {"name", "web"},
                         {"image", "docker.io/library/nginx:1"},
                         {"image_id", "beef"},
                         {"runtime", "podman"},
                         {"namespace", ""},
                         {"pod", ""},
                         {"workload", "shop"}};

const json kActor = {{"origin", "exec"},
                     {"tool", "apt"},
                     {"comm", "dpkg"},
                     {"exe", "/usr/bin/dpkg"},
                     {"pid", 4711},
                     {"uid", 0},
                     {"user", nullptr},
                     {"login_uid", nullptr},
                     {"login_user", nullptr},
                     {"session",
                      {{"id", 7},
                       {"first_cmd", "sh -c x"},
                       {"tty", "pts/3"},
                       {"uid", 0},
                       {"start", kNoonText},
                       {"ancestors", {"sshd", "podman"}}}}};

TEST(DiffJson, HasExactlyTheContractedFields) {
  DiffAnswer diff = test::make_diff();
  test::drop(diff, 1);
  const json expected = {{"container", kContainer},
                         {"state", "mutated"},
                         {"ever_mutated", true},
                         {"complete", true},
                         {"updates", json::array()},
                         {"changes",
                          {{{"path", "/etc/x"},
                            {"change", "A"},
                            {"kinds", {"file_create", "file_write"}},
                            {"class", "content"},
                            {"verdict", "violation"},
                            {"rule", nullptr},
                            {"shown_by_runtime", true},
                            {"first_seen", kNoonText},
                            {"last_seen", kNoonText},
                            {"count", 2},
                            {"actors", {kActor}}}}}};
  EXPECT_EQ(json::parse(whole(diff_listing(diff))), expected);
}

TEST(DiffJson, IsEmptyForAStillContainer) {
  DiffAnswer diff;
  diff.container = test::make_container("3f2a00", "web");
  diff.complete = false;
  const json expected = {
      {"container", kContainer},  {"state", "still"},
      {"ever_mutated", false},    {"complete", false},
      {"updates", json::array()}, {"changes", json::array()}};
  EXPECT_EQ(json::parse(whole(diff_listing(diff))), expected);
}

Update an_update() {
  Update update;
  update.id = 7;
  update.tool = "apt";
  update.command = "apt-get install jq\x1b[31m";
  update.started = update.ended = test::kNoon;
  update.paths = 3;
  update.packages = {{"dpkg", "jq", "1.6", false}, {"dpkg", "vi", "", true}};
  update.actor = SharedActor(test::make_actor());
  return update;
}

const json kPackages = {{{"manager", "dpkg"},
                         {"name", "jq"},
                         {"version", "1.6"},
                         {"removed", false}},
                        {{"manager", "dpkg"},
                         {"name", "vi"},
                         {"version", nullptr},
                         {"removed", true}}};

TEST(DiffJson, HasTheUpdates) {
  DiffAnswer diff;
  diff.updates = {an_update()};
  const json expected = {{"id", 7},
                         {"tool", "apt"},
                         {"command", "apt-get install jq\x1b[31m"},
                         {"started", kNoonText},
                         {"ended", kNoonText},
                         {"paths", 3},
                         {"packages", kPackages},
                         {"actor", kActor}};
  EXPECT_EQ(json::parse(whole(diff_listing(diff)))["updates"][0], expected);
  Actor actor = test::make_actor();
  actor.update = 7;
  EXPECT_EQ(actor_value(actor)["update"], 7);
}

TEST(EventJson, SaysOfAnUpdateWhatIsKnown) {
  StreamEvent event;
  event.update = std::make_shared<const Update>(an_update());
  json expected = {{"id", 7},
                   {"tool", "apt"},
                   {"command", "apt-get install jq\x1b[31m"},
                   {"started", kNoonText},
                   {"ended", kNoonText},
                   {"paths", 3},
                   {"packages", kPackages}};
  EXPECT_EQ(json::parse(event_json(event, "n"))["detail"], expected);
  Update begun = an_update();
  begun.ended = {};
  event.update = std::make_shared<const Update>(begun);
  expected["ended"] = nullptr;
  expected.erase("paths");
  expected.erase("packages");
  EXPECT_EQ(json::parse(event_json(event, "n"))["detail"], expected);
}

TEST(DiffJson, SaysWhyTheStateIsUnknown) {
  DiffAnswer diff;
  diff.container = test::make_container("3f2a00", "web");
  diff.container.state = ContainerState::unknown;
  diff.container.why_unknown = "no rootfs";
  const json value = json::parse(whole(diff_listing(diff)));
  EXPECT_EQ(value["state"], "unknown");
  EXPECT_EQ(value["why_unknown"], "no rootfs");
}

TEST(PsJson, HasExactlyTheContractedFields) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a00", "web")};
  json still = kContainer;
  still.update({{"state", "still"},
                {"running", true},
                {"started", kNoonText},
                {"mutated_paths", 0},
                {"first_mutation", nullptr},
                {"last_actor", nullptr}});
  EXPECT_EQ(json::parse(ps_json(test::listed(snapshot))),
            json({{"containers", {still}}}));

  auto& view = snapshot.containers.edit(0);
  view.state = ContainerState::mutated;
  view.mutated_paths = 3;
  view.first_mutation = kNoon;
  view.last_actor = test::make_actor();
  json mutated = still;
  mutated.update({{"state", "mutated"},
                  {"mutated_paths", 3},
                  {"first_mutation", kNoonText},
                  {"last_actor", kActor}});
  EXPECT_EQ(json::parse(ps_json(test::listed(snapshot))),
            json({{"containers", {mutated}}}));
}

TEST(PsJson, CarriesHostileNamesAsSurrogatesOnOneLine) {
  Snapshot snapshot;
  snapshot.containers = {test::make_container("3f2a00", kHostile)};
  const std::string text = ps_json(test::listed(snapshot));
  EXPECT_NE(text.find(R"("name":"a\n\u001b[31m\udcff\"b\\c")"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ActorJson, SaysNullForWhatThereIsNot) {
  const json value = actor_value(Actor{});
  EXPECT_EQ(value, json({{"origin", "unattributed"},
                         {"tool", nullptr},
                         {"comm", ""},
                         {"exe", ""},
                         {"pid", 0},
                         {"uid", 0},
                         {"user", nullptr},
                         {"login_uid", nullptr},
                         {"login_user", nullptr},
                         {"session", nullptr}}));
}

TEST(ActorJson, NamesWhoHadLoggedIn) {
  Actor actor = test::make_actor();
  EXPECT_FALSE(actor_value(actor).contains("audit_session"));
  actor.login = Login{1000, 3, "ann"};
  EXPECT_EQ(actor_value(actor)["login_uid"], 1000);
  EXPECT_EQ(actor_value(actor)["login_user"], "ann");
  EXPECT_EQ(actor_value(actor)["audit_session"], 3);
  actor.login->user.clear();
  EXPECT_EQ(actor_value(actor)["login_user"], nullptr);
}

TEST(ActorJson, SaysByWhomItWasCalled) {
  Actor actor = test::make_actor();
  actor.session->request_uid = "7a-\xff";
  EXPECT_EQ(actor_value(actor)["session"]["request_uid"], json_text("7a-\xff"));
  actor.session.reset();
  actor.ancestors = NameList({"sshd", "\x1b"});
  EXPECT_EQ(actor_value(actor)["ancestors"], json({"sshd", "\x1b"}));
}

TEST(ActorJson, NamesAmbiguityOnlyWhereThereIsSome) {
  Actor actor = test::make_actor();
  EXPECT_FALSE(actor_value(actor).contains("ambiguous"));
  actor.ambiguous = true;
  EXPECT_EQ(actor_value(actor)["ambiguous"], true);
}

TEST(ChangeJson, HasRuleRenameAndChangesWithoutALetter) {
  PathChange change = test::make_change("/b", Verdict::allowed);
  change.rule = "data";
  change.from = std::make_shared<const SharedPath>("/a");
  change.change = Change::none;
  const json value = value_of(change);
  EXPECT_EQ(value["rule"], "data");
  EXPECT_EQ(value["from"], "/a");
  EXPECT_EQ(value["change"], nullptr);
}

TEST(ChangeJson, CountsTheActorsThatAreNotKept) {
  PathChange change = test::make_change("/b", Verdict::violation);
  EXPECT_FALSE(value_of(change).contains("actors_left_out"));
  change.actors_left_out = 3;
  EXPECT_EQ(value_of(change)["actors_left_out"], 3);
}

TEST(DiffJson, WritesEachRowAsByItself) {
  DiffAnswer diff = test::make_diff();
  diff.changes.clear();
  const ActorList shared = {test::make_actor()};
  Actor other = test::make_actor();
  other.comm = "other";
  std::string expected;
  for (const ActorList& actors :
       {ActorList(), shared, shared, ActorList{other}, shared, ActorList()}) {
    PathChange change = test::make_change("/b", Verdict::violation);
    change.actors = actors;
    diff.changes.push_back(change);
    expected += (expected.empty() ? "" : ",") + dump_json(value_of(change));
  }
  const Listing listing = diff_listing(diff);
  std::string rows;
  for (std::size_t i = 0; i < listing.rows; ++i) rows += listing.row(i);
  EXPECT_EQ(rows, expected);
}

TEST(EventJson, HasExactlyTheContractedFields) {
  StreamEvent event = test::make_event(42, "3f2a00");
  event.detail = "1";
  event.rule = "r";
  event.count = 3;
  json container = kContainer;
  container.update(
      {{"image", ""}, {"image_id", ""}, {"runtime", ""}, {"workload", ""}});
  const json expected = {{"v", 1},
                         {"seq", 42},
                         {"time", kNoonText},
                         {"node", "n1"},
                         {"class", "content"},
                         {"kind", "file_create"},
                         {"verdict", "violation"},
                         {"rule", "r"},
                         {"container", container},
                         {"path", "/etc/x"},
                         {"from", nullptr},
                         {"detail", {{"text", "1"}, {"count", 3}}},
                         {"actor", kActor}};
  EXPECT_EQ(json::parse(event_json(event, "n1")), expected);
}

TEST(EventJson, SaysNullWhereTheAgentSpeaksOfItself) {
  StreamEvent event;
  event.class_name = "agent";
  event.kind = "started";
  event.facts = {{"version", "1"}};
  const json value = json::parse(event_json(event, "n1"));
  for (const char* key :
       {"container", "verdict", "rule", "path", "from", "actor"}) {
    EXPECT_EQ(value[key], nullptr) << key;
  }
  EXPECT_EQ(value["detail"], json({{"version", "1"}}));
}

TEST(DoctorJson, HasExactlyTheContractedFields) {
  DoctorReport report;
  report.sensors = {{.sensor = "files",
                     .implementation = "tp_btf ctime",
                     .coverage = Coverage::events,
                     .reason = "",
                     .fix = "",
                     .tried = {}},
                    {.sensor = "memory",
                     .implementation = "",
                     .coverage = Coverage::none,
                     .reason = "fentry refused",
                     .fix = "boot with x",
                     .tried = {{.implementation = "fentry",
                                .in_use = false,
                                .answer = "EPERM",
                                .meaning = "fentry refused",
                                .fix = "boot with x"}}}};
  report.machine.kernel_release = "6.18";
  report.machine.btf = true;
  report.machine.missing_capabilities = {"CAP_BPF"};
  report.machine.cgroup_mode = "v2";
  report.machine.cgroup_observed = "/sys/fs/cgroup";
  report.machine.runtimes = {"podman"};
  report.machine.storage_drivers = {"podman overlay"};
  report.agent = {AgentPhase::Name::running, ""};
  report.policy = {.file = "/p.yaml",
                   .rules = 3,
                   .expired = {"old"},
                   .load_success = false,
                   .last_success = test::kNoon,
                   .error = "p.yaml:1:1: x"};
  const json expected = {
      {"sensors",
       {{{"sensor", "files"},
         {"implementation", "tp_btf ctime"},
         {"coverage", "events"},
         {"reason", nullptr},
         {"cure", nullptr},
         {"tried", json::array()}},
        {{"sensor", "memory"},
         {"implementation", nullptr},
         {"coverage", "none"},
         {"reason", "fentry refused"},
         {"cure", "boot with x"},
         {"tried", json::array({{{"implementation", "fentry"},
                                 {"in_use", false},
                                 {"answer", "EPERM"},
                                 {"meaning", "fentry refused"},
                                 {"cure", "boot with x"}}})}}}},
      {"kernel",
       {{"release", "6.18"},
        {"btf", true},
        {"lsm", nullptr},
        {"lockdown", nullptr},
        {"missing_capabilities", json::array({"CAP_BPF"})}}},
      {"cgroup", {{"mode", "v2"}, {"observed", "/sys/fs/cgroup"}}},
      {"runtimes", json::array({"podman"})},
      {"storage_drivers", json::array({"podman overlay"})},
      {"policy",
       {{"file", "/p.yaml"},
        {"rules", 3},
        {"expired", json::array({"old"})},
        {"loaded", rfc3339(test::kNoon)},
        {"error", "p.yaml:1:1: x"}}},
      {"agent", {{"phase", "running"}, {"activity", nullptr}}}};
  EXPECT_EQ(json::parse(doctor_json(report)), expected);
}

TEST(ContainerValue, HasWhatFewHaveOnlyWhereItIs) {
  ContainerInfo info;
  EXPECT_FALSE(container_value(info).contains("containerd_namespace"));
  EXPECT_FALSE(container_value(info).contains("sandbox"));
  info.space = "default";
  info.sandbox = true;
  EXPECT_EQ(container_value(info)["containerd_namespace"], "default");
  EXPECT_EQ(container_value(info)["sandbox"], true);
}

}  // namespace
}  // namespace stillframe::jsonl
