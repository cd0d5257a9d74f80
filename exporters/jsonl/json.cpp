// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/json.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "agent/base/text.h"
#include "exporters/jsonl/object_line.h"

namespace stillframe::jsonl {
namespace {

using nlohmann::json;

json text_or_null(std::string_view bytes) {
  if (bytes.empty()) return nullptr;
  return json_text(bytes);
}

json time_or_null(WallTime time) {
  if (time.ns == 0) return nullptr;
  return rfc3339(time);
}

json ancestors_value(const NameList& ancestors) {
  json names = json::array();
  for (const auto& name : ancestors.all()) names.push_back(json_text(name));
  return names;
}

json session_value(const Session& session) {
  json value = {{"id", session.id},
                {"first_cmd", json_text(session.first_cmd)},
                {"tty", text_or_null(session.tty)},
                {"uid", session.uid},
                {"start", time_or_null(session.start)},
                {"ancestors", ancestors_value(session.ancestors)}};
  if (!session.request_uid.empty()) {
    value["request_uid"] = json_text(session.request_uid);
  }
  return value;
}

// The state, and while that is unknown why.
void add_state(json& value, const ContainerView& view) {
  value["state"] = to_string(view.state);
  if (!view.why_unknown.empty()) {
    value["why_unknown"] = json_text(view.why_unknown);
  }
}

std::string_view phase_name(AgentPhase::Name phase) {
  switch (phase) {
    case AgentPhase::Name::starting:
      return "starting";
    case AgentPhase::Name::running:
      return "running";
    case AgentPhase::Name::stopping:
      break;
  }
  return "stopping";
}

json view_value(const ContainerView& view) {
  json value = container_value(view.info);
  add_state(value, view);
  value["running"] = view.running;
  value["started"] = time_or_null(view.started);
  value["mutated_paths"] = view.mutated_paths;
  value["first_mutation"] = time_or_null(view.first_mutation);
  value["last_actor"] =
      view.last_actor ? actor_value(*view.last_actor) : json(nullptr);
  return value;
}

std::string_view coverage_name(Coverage coverage) {
  switch (coverage) {
    case Coverage::events:
      return "events";
    case Coverage::state:
      return "state";
    case Coverage::none:
      break;
  }
  return "none";
}

json actors_value(const ActorList& actors) {
  json list = json::array();
  for (const auto& actor : actors) list.push_back(actor_value(actor));
  return list;
}

std::string time_json(WallTime time) {
  return time.ns == 0 ? "null" : '"' + rfc3339(time) + '"';
}

json text_list(const std::vector<std::string>& texts) {
  json list = json::array();
  for (const auto& text : texts) list.push_back(json_text(text));
  return list;
}

}  // namespace

json container_value(const ContainerInfo& info) {
  json value = {{"id", json_text(info.id)},
                {"name", json_text(info.name)},
                {"image", json_text(info.image)},
                {"image_id", json_text(info.image_id)},
                {"runtime", json_text(info.runtime)},
                {"namespace", json_text(info.pod_namespace)},
                {"pod", json_text(info.pod)},
                {"workload", json_text(info.workload)}};
  if (!info.space.empty())
    value["containerd_namespace"] = json_text(info.space);
  if (!info.outer.empty()) value["outer"] = json_text(info.outer);
  if (!info.pod_container.empty()) {
    value["pod_container"] = json_text(info.pod_container);
  }
  if (info.sandbox) value["sandbox"] = true;
  return value;
}

json actor_value(const Actor& actor) {
  json value = {
      {"origin", to_string(actor.origin)},
      {"tool", text_or_null(actor.tool)},
      {"comm", json_text(actor.comm)},
      {"exe", json_text(actor.exe)},
      {"pid", actor.pid},
      {"uid", actor.uid},
      {"user", text_or_null(actor.user)},
      {"login_uid", actor.login ? json(actor.login->uid) : json(nullptr)},
      {"login_user", actor.login ? text_or_null(actor.login->user) : nullptr},
      {"session",
       actor.session ? session_value(*actor.session) : json(nullptr)}};
  if (actor.login) value["audit_session"] = actor.login->session;
  if (!actor.ancestors.empty()) {
    value["ancestors"] = ancestors_value(actor.ancestors);
  }
  if (actor.ambiguous) value["ambiguous"] = true;
  if (actor.update != 0) value["update"] = actor.update;
  return value;
}

namespace {

json package_value(const PackageChange& package) {
  return {{"manager", json_text(package.manager)},
          {"name", json_text(package.name)},
          {"version", text_or_null(package.version)},
          {"removed", package.removed}};
}

void add_update(json& value, const Update& update) {
  value["id"] = update.id;
  value["tool"] = json_text(update.tool);
  value["command"] = text_or_null(update.command);
  value["started"] = time_or_null(update.started);
  value["ended"] = time_or_null(update.ended);
  if (update.ended.ns == 0) return;
  value["paths"] = update.paths;
  if (update.more_paths) value["more_paths"] = true;
  value["packages"] = json::array();
  for (const auto& package : update.packages) {
    value["packages"].push_back(package_value(package));
  }
}

json gone_value(const Gone& gone) {
  return {{"since", time_or_null(gone.since)},
          {"as_of", time_or_null(gone.as_of)},
          {"seen", gone.seen},
          {"left_out", gone.left_out}};
}

json updates_value(const std::vector<Update>& updates) {
  json list = json::array();
  for (const auto& update : updates) list.push_back(update_value(update));
  return list;
}

}  // namespace

json update_value(const Update& update) {
  json value;
  add_update(value, update);
  value["paths"] = update.paths;
  value["actor"] = actor_value(*update.actor);
  return value;
}

std::string ChangeWriter::operator()(const PathChange& change) {
  if (!written_ || actors_.id() != change.actors.id()) {
    actors_ = change.actors;  // so that its id stays its own
    text_ = dump_json(actors_value(actors_));
    written_ = true;
  }
  ObjectLine row;
  row.json("actors", text_);
  if (change.actors_left_out != 0) {
    row.number("actors_left_out", change.actors_left_out);
  }
  const char letter = static_cast<char>(change.change);
  row.text_if_any("change", change.change == Change::none
                                ? std::string_view()
                                : std::string_view(&letter, 1));
  row.text("class", to_string(change.mutation_class));
  row.number("count", change.count);
  row.json("first_seen", time_json(change.first_seen));
  if (change.from) row.text("from", change.from->text());
  std::vector<std::string_view> kinds;
  for (const Kind kind : change.kinds.list()) kinds.push_back(to_string(kind));
  row.texts("kinds", kinds);
  row.json("last_seen", time_json(change.last_seen));
  row.text("path", change.path.text());
  row.text_if_any("rule", change.rule);
  row.boolean("shown_by_runtime", change.shown_by_runtime);
  row.text("verdict", to_string(change.verdict));
  return std::move(row).end();
}

Listing diff_listing(const DiffAnswer& answer) {
  json rest = {{"container", container_value(answer.container.info)},
               {"ever_mutated", answer.container.ever_mutated},
               {"complete", answer.complete},
               {"updates", updates_value(answer.updates)}};
  add_state(rest, answer.container);
  if (answer.gone) rest["gone"] = gone_value(*answer.gone);
  auto row = [&changes = answer.changes,
              writer = ChangeWriter()](std::size_t i) mutable {
    return (i == 0 ? "" : ",") + writer(changes[i]);
  };
  return {.head = R"({"changes":[)",
          .rows = answer.changes.size(),
          .row = std::move(row),
          .tail = "]," + dump_json(rest).substr(1)};
}

std::string ps_json(const ContainerList& list) {
  json containers = json::array();
  for (const auto& row : list.rows) {
    containers.push_back(view_value(row.view));
    if (row.gone) containers.back()["gone"] = gone_value(*row.gone);
  }
  return dump_json({{"containers", std::move(containers)}});
}

std::string explain_json(const ExplainAnswer& answer) {
  json verdicts = json::array();
  for (const auto& row : answer.verdicts) {
    json kinds = json::array();
    for (const Kind kind : row.kinds) kinds.push_back(to_string(kind));
    json origins = json::array();
    for (const Origin origin : row.origins) {
      origins.push_back(to_string(origin));
    }
    verdicts.push_back(
        {{"class", to_string(row.mutation_class)},
         {"kinds", std::move(kinds)},
         {"origins", std::move(origins)},
         {"verdict", to_string(row.verdict)},
         {"rule", text_or_null(row.rule)},
         {"line", row.line == 0 ? json(nullptr) : json(row.line)},
         {"why", json_text(row.why)}});
  }
  return dump_json(
      {{"container", container_value(answer.container)},
       {"path", json_text(answer.path)},
       {"policy", text_or_null(answer.policy_file)},
       {"verdicts", std::move(verdicts)},
       {"mount", answer.mount ? json({{"path", json_text(answer.mount->path)},
                                      {"type", json_text(answer.mount->type)},
                                      {"read_only", answer.mount->read_only}})
                              : json(nullptr)},
       {"exists", answer.exists ? json(*answer.exists) : json(nullptr)},
       {"now", answer.now ? *parse_json(ChangeWriter()(*answer.now))
                          : json(nullptr)}});
}

// null: no agent runs.
json agent_value(const std::optional<AgentPhase>& phase) {
  if (!phase) return nullptr;
  return {{"phase", phase_name(phase->name)},
          {"activity", text_or_null(phase->activity)}};
}

// null: no agent runs, so that no policy is in use.
json policy_value(const std::optional<PolicyState>& policy) {
  if (!policy) return nullptr;
  return {{"file", text_or_null(policy->file)},
          {"rules", policy->rules},
          {"expired", text_list(policy->expired)},
          {"loaded", rfc3339(policy->last_success)},
          {"error", text_or_null(policy->error)}};
}

std::string doctor_json(const DoctorReport& report) {
  json sensors = json::array();
  for (const auto& sensor : report.sensors) {
    json tried = json::array();
    for (const auto& attempt : sensor.tried) {
      tried.push_back({{"implementation", json_text(attempt.implementation)},
                       {"in_use", attempt.in_use},
                       {"answer", text_or_null(attempt.answer)},
                       {"meaning", text_or_null(attempt.meaning)},
                       {"cure", text_or_null(attempt.fix)}});
    }
    sensors.push_back({{"sensor", json_text(sensor.sensor)},
                       {"implementation", text_or_null(sensor.implementation)},
                       {"coverage", coverage_name(sensor.coverage)},
                       {"reason", text_or_null(sensor.reason)},
                       {"cure", text_or_null(sensor.fix)},
                       {"tried", std::move(tried)}});
  }
  const MachineReport& machine = report.machine;
  return dump_json(
      {{"sensors", std::move(sensors)},
       {"kernel",
        {{"release", json_text(machine.kernel_release)},
         {"btf", machine.btf},
         {"lsm", text_or_null(machine.lsm)},
         {"lockdown", text_or_null(machine.lockdown)},
         {"missing_capabilities", text_list(machine.missing_capabilities)}}},
       {"cgroup",
        {{"mode", json_text(machine.cgroup_mode)},
         {"observed", json_text(machine.cgroup_observed)}}},
       {"runtimes", text_list(machine.runtimes)},
       {"storage_drivers", text_list(machine.storage_drivers)},
       {"policy", policy_value(report.policy)},
       {"agent", agent_value(report.agent)}});
}

std::string event_json(const StreamEvent& event, std::string_view node) {
  json detail = json::object();
  if (!event.detail.empty()) detail["text"] = json_text(event.detail);
  for (const auto& [name, value] : event.facts) {
    detail[name] = json_text(value);
  }
  if (event.count > 1) detail["count"] = event.count;
  if (event.update) add_update(detail, *event.update);
  for (const auto& repeat : event.repeats) {
    detail["repeats"].push_back({{"seq", repeat.seq},
                                 {"count", repeat.count},
                                 {"last", rfc3339(repeat.last)}});
  }
  return dump_json(
      {{"v", 1},
       {"seq", event.seq},
       {"time", rfc3339(event.time)},
       {"node", json_text(node)},
       {"class", json_text(event.class_name)},
       {"kind", json_text(event.kind)},
       {"verdict", text_or_null(event.verdict)},
       {"rule", text_or_null(event.rule)},
       {"container", event.container == nullptr
                         ? json(nullptr)
                         : container_value(*event.container)},
       {"path", text_or_null(event.path)},
       {"from", text_or_null(event.from)},
       {"detail", std::move(detail)},
       {"actor", event.actor ? actor_value(**event.actor) : json(nullptr)}});
}

}  // namespace stillframe::jsonl
