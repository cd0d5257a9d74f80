// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "exporters/jsonl/json.h"
#include "exporters/report/report.h"
#include "exporters/report/requirements.h"

namespace stillframe::report {
namespace {

using nlohmann::json;

json time_value(const std::optional<WallTime>& time) {
  return time ? json(rfc3339(*time)) : json(nullptr);
}

json seconds_value(const std::optional<double>& seconds) {
  return seconds ? json(*seconds) : json(nullptr);
}

json period_value(const Period& period) {
  return {{"since", rfc3339(period.since)}, {"until", rfc3339(period.until)}};
}

json times_value(const Times& times) {
  json value = json::object();
  for (std::size_t i = 0; i < times.size(); ++i) {
    value[std::string(kConditionNames[i])] = times[i];
  }
  return value;
}

json share_value(const Times& times) {
  const auto share = share_still(times);
  return share ? json(*share) : json(nullptr);
}

json counts_value(const std::map<std::string, std::uint64_t>& counts) {
  json value = json::object();
  for (const auto& [name, count] : counts) value[json_text(name)] = count;
  return value;
}

template <typename Names>
json texts_value(const Names& names) {
  json value = json::array();
  for (const auto& name : names) value.push_back(json_text(name));
  return value;
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(json_text(text));
}

json hand_value(const Hand& hand) {
  return {{"who", json_text(hand.who)},
          {"person", text_or_null(hand.person)},
          {"probable", hand.probable},
          {"through", text_or_null(hand.through)},
          {"changes", hand.changes},
          {"violations", hand.violations},
          {"classes", counts_value(hand.classes)},
          {"first", rfc3339(hand.first)},
          {"last", rfc3339(hand.last)},
          {"paths", texts_value(hand.paths)}};
}

json session_value(const SessionRow& row) {
  Actor actor;
  actor.session = row.session;
  json value = jsonl::actor_value(actor).at("session");
  value["person"] = text_or_null(row.person);
  value["probable"] = row.probable;
  value["audit_id"] = text_or_null(row.audit_id);
  value["ended"] = time_value(row.ended);
  value["changes"] = row.changes;
  return value;
}

json update_value(const Update& update) {
  json packages = json::array();
  for (const auto& one : update.packages) {
    packages.push_back({{"manager", json_text(one.manager)},
                        {"name", json_text(one.name)},
                        {"version", text_or_null(one.version)},
                        {"removed", one.removed}});
  }
  json ended = nullptr;
  if (update.ended.ns != 0) ended = rfc3339(update.ended);
  return {{"id", update.id},
          {"tool", json_text(update.tool)},
          {"command", json_text(update.command)},
          {"started", rfc3339(update.started)},
          {"ended", std::move(ended)},
          {"paths", update.ended.ns != 0 ? json(update.paths) : json(nullptr)},
          {"packages", std::move(packages)}};
}

json changes_value(const std::map<ChangeKey, std::uint64_t>& changes) {
  json value = json::array();
  for (const auto& [key, count] : changes) {
    value.push_back({{"class", key.mutation_class},
                     {"kind", json_text(key.kind)},
                     {"verdict", key.verdict},
                     {"origin", key.origin},
                     {"rule", text_or_null(key.rule)},
                     {"count", count}});
  }
  return value;
}

json replaced_value(const std::optional<ReplacementRow>& row) {
  if (!row) return nullptr;
  return {
      {"time", rfc3339(row->time)},
      {"by", text_or_null(row->by)},
      {"image_changed", row->image_changed},
      {"seconds_since_first_mutation", seconds_value(row->mutated_seconds)}};
}

json container_value(const ContainerReport& one) {
  json states = json::array();
  for (const auto& stretch : one.stretches) {
    states.push_back({{"state", to_string(stretch.condition)},
                      {"since", rfc3339(stretch.since)},
                      {"until", rfc3339(stretch.until)}});
  }
  json hands = json::array();
  for (const auto& hand : one.hands) hands.push_back(hand_value(hand));
  json sessions = json::array();
  for (const auto& row : one.sessions) sessions.push_back(session_value(row));
  json updates = json::array();
  for (const auto& row : one.updates) updates.push_back(update_value(row));
  return {{"node", json_text(one.node)},
          {"container", jsonl::container_value(one.info)},
          {"begin", rfc3339(one.begin)},
          {"end", time_value(one.end)},
          {"state", to_string(one.at_end)},
          {"seconds", times_value(one.times)},
          {"share_still", share_value(one.times)},
          {"states", std::move(states)},
          {"first_mutation", time_value(one.first_mutation)},
          {"last_comparison", time_value(one.last_comparison)},
          {"violations", one.violations},
          {"not_itemized", one.not_itemized},
          {"changes", changes_value(one.changes)},
          {"actors", std::move(hands)},
          {"actors_left_out", one.hands_left_out},
          {"changes_by_actors_left_out", one.changes_by_others},
          {"sessions", std::move(sessions)},
          {"sessions_left_out", one.sessions_left_out},
          {"updates", std::move(updates)},
          {"updates_left_out", one.updates_left_out},
          {"replaced", replaced_value(one.replaced)}};
}

json workload_value(const WorkloadReport& one) {
  return {{"namespace", json_text(one.space)},
          {"workload", json_text(one.name)},
          {"containers", one.containers},
          {"mutated", one.mutated},
          {"seconds", times_value(one.times)},
          {"share_still", share_value(one.times)},
          {"violations", counts_value(one.violations)},
          {"allowed", one.allowed},
          {"updates_in_place", one.updates_in_place},
          {"replacements", one.replacements},
          {"replacements_with_new_image", one.with_new_image},
          {"median_seconds_to_replacement",
           seconds_value(one.median_to_replacement)},
          {"mutated_and_not_replaced", one.not_replaced},
          {"image_ids", texts_value(one.image_ids)}};
}

json image_value(const ImageRow& one) {
  return {
      {"image_id", text_or_null(one.id)}, {"images", texts_value(one.names)},
      {"containers", one.containers},     {"mutated", one.mutated},
      {"first", rfc3339(one.first)},      {"last", rfc3339(one.last)}};
}

json exception_value(const ExceptionRow& one) {
  const auto used = [&](WallTime time) {
    return one.changes == 0 ? std::nullopt : std::optional(time);
  };
  return {{"rule", json_text(one.rule)},
          {"reason", text_or_null(one.reason)},
          {"expires", time_value(one.expires)},
          {"expired", time_value(one.expired)},
          {"changes", one.changes},
          {"containers", one.containers},
          {"first", time_value(used(one.first))},
          {"last", time_value(used(one.last))}};
}

json gap_value(const GapRow& one) {
  return {{"node", json_text(one.node)}, {"kind", json_text(one.kind)},
          {"what", json_text(one.what)}, {"may_hide", json_text(one.hides)},
          {"since", rfc3339(one.since)}, {"until", rfc3339(one.until)},
          {"times", one.times}};
}

json policy_value(const PolicyRow& one) {
  return {{"node", json_text(one.node)},
          {"time", rfc3339(one.time)},
          {"loaded", one.loaded},
          {"text", json_text(one.detail)},
          {"sha256", text_or_null(one.sha256)}};
}

json node_value(const NodeReport& one) {
  json sensors = json::object();
  for (const auto& [name, how] : one.sensors) {
    sensors[json_text(name)] = json_text(how);
  }
  return {{"node", json_text(one.node)},
          {"agent_version", text_or_null(one.version)},
          {"watched", period_value(one.watched)},
          {"seconds_without_agent", one.away_seconds},
          {"sensors", std::move(sensors)},
          {"lines_not_read", one.entries_not_read},
          {"journal", audit_value(one.audit)}};
}

json requirements_value() {
  json value = json::array();
  for (const auto& one : requirements()) {
    value.push_back({{"source", one.source},
                     {"number", one.number},
                     {"asks", one.asks},
                     {"evidence", one.evidence},
                     {"not_shown_here", one.not_this}});
  }
  return value;
}

template <typename Rows, typename Value>
json list(const Rows& rows, Value value) {
  json out = json::array();
  for (const auto& row : rows) out.push_back(value(row));
  return out;
}

}  // namespace

std::string report_json(const Report& report) {
  json nodes = json::array();
  json containers = json::array();
  json policies = json::array();
  json gaps = json::array();
  for (const auto& node : report.nodes) {
    nodes.push_back(node_value(node));
    for (const auto& one : node.containers) {
      containers.push_back(container_value(one));
    }
    for (const auto& one : node.policies) policies.push_back(policy_value(one));
    for (const auto& one : node.gaps) gaps.push_back(gap_value(one));
  }
  return dump_json({{"v", 1},
                    {"made", rfc3339(report.made)},
                    {"version", report.version},
                    {"period", period_value(report.period)},
                    {"kubernetes_audit", report.kubernetes_asked},
                    {"summary",
                     {{"containers", report.containers},
                      {"mutated", report.mutated},
                      {"share_still", share_value(report.times)},
                      {"seconds", times_value(report.times)},
                      {"violations", report.violations},
                      {"updates_in_place", report.updates_in_place},
                      {"replacements", report.replacements}}},
                    {"nodes", std::move(nodes)},
                    {"workloads", list(report.workloads, workload_value)},
                    {"containers", std::move(containers)},
                    {"exceptions", list(report.exceptions, exception_value)},
                    {"policies", std::move(policies)},
                    {"images", list(report.images, image_value)},
                    {"gaps", std::move(gaps)},
                    {"requirements", requirements_value()},
                    {"limits", texts_value(limits())}}) +
         '\n';
}

}  // namespace stillframe::report
