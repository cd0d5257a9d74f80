// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/answers.h"

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/base/number.h"
#include "agent/base/text.h"
#include "agent/model/container_name.h"
#include "exporters/console/console.h"
#include "exporters/jsonl/json.h"
#include "exporters/socket/container_list.h"
#include "exporters/socket/diff_feed.h"

namespace stillframe::socket_api {
namespace {

constexpr std::size_t kWidest = 10'000;
constexpr std::size_t kMostNames = 1000;

std::string text_type() { return "text/plain; charset=utf-8"; }

Answer json_answer(std::string body) {
  return {.status = 200,
          .body = std::move(body) + '\n',
          .type = "application/json",
          .notice = {},
          .state = {},
          .stream = {}};
}

Answer text_answer(std::string body) {
  return {.status = 200,
          .body = std::move(body),
          .type = text_type(),
          .notice = {},
          .state = {},
          .stream = {}};
}

Result<bool> flag_from(const std::string& name, const std::string& value) {
  if (value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  return fail(name + " is neither 0 nor 1: " + printable(value));
}

Result<std::size_t> width_from(const std::string& value) {
  const auto width = parse_number<std::size_t>(value);
  if (!width || *width > kWidest) {
    return fail("width is not a number of columns: " + printable(value));
  }
  return *width;
}

Result<std::uint64_t> count_from(const std::string& value) {
  const auto count = parse_number<std::uint64_t>(value);
  if (!count) return fail("not a number: " + printable(value));
  return *count;
}

// As paths are reported: without what adds nothing to a path (`//`, `/./`, a
// slash at the end). What `..` leads to depends on links that may have changed.
Result<std::string> path_from(const std::string& value) {
  if (!value.starts_with('/')) {
    return fail("a path must be absolute: " + printable(value));
  }
  std::string path;
  for (const auto& part : std::filesystem::path(value).relative_path()) {
    if (part == "..") {
      return fail("a path must not hold ..: " + printable(value));
    }
    if (!part.empty() && part != ".") path += "/" + part.string();
  }
  return path.empty() ? "/" : path;
}

// Stores one parameter.
Result<> apply(Query& query, const std::string& name,
               const std::string& value) {
  const auto store = [](auto& place, const auto& result) -> Result<> {
    if (!result) return tl::unexpected<Error>(result.error());
    place = *result;
    return {};
  };
  if (name == "output") return store(query.output, output_from(value));
  if (name == "color") return store(query.style.color, flag_from(name, value));
  if (name == "width") return store(query.style.width, width_from(value));
  if (name == "workloads") {
    return store(query.workloads, flag_from(name, value));
  }
  if (name == "all") return store(query.all, flag_from(name, value));
  if (name == "whole") return store(query.whole, flag_from(name, value));
  if (name == "scan") return store(query.scan, flag_from(name, value));
  if (name == "sort") return store(query.order, ContainerOrder::parse(value));
  if (name == "filter") return query.containers.add(value);
  if (name == "follow") return store(query.follow, flag_from(name, value));
  if (name == "since") return store(query.events.since, parse_rfc3339(value));
  if (name == "until") return store(query.events.until, parse_rfc3339(value));
  if (name == "after") return store(query.events.after, count_from(value));
  if (name == "last") return store(query.last, count_from(value));
  if (name == "glob") {
    return store(query.events.path, policy::PathGlob::compile(value));
  }
  for (const auto& [field, place] :
       {std::pair("class", &query.events.class_name),
        std::pair("kind", &query.events.kind),
        std::pair("verdict", &query.events.verdict),
        std::pair("origin", &query.events.origin),
        std::pair("tool", &query.events.tool)}) {
    if (name != field) continue;
    *place = value;
    return {};
  }
  if (name == "container") {
    query.container = query.events.container = value;
    return {};
  }
  if (name == "path") return store(query.path, path_from(value));
  if (name == "namespace") {
    query.space = value;
    return {};
  }
  if (name == "of") {
    query.of = value;
    return {};
  }
  if (name == "prefix") {
    query.prefix = value;
    return {};
  }
  if (name == "workload") {
    query.workload = value;
    return {};
  }
  return fail("unknown parameter: " + printable(name));
}

// What to answer instead while the agent does not know its containers yet, or
// no longer.
std::optional<Answer> unless_running(const AgentApi& agent) {
  const AgentPhase phase = agent.phase();
  if (phase.name == AgentPhase::Name::running) return std::nullopt;
  return error_answer(503, to_string(phase),
                      phase.name == AgentPhase::Name::starting
                          ? "try again in a moment"
                          : "start it again with: stillframe run (as root)");
}

int status_of(const Error& error) {
  switch (error.code) {
    case ENOENT:
      return 404;
    case EINVAL:
    case EEXIST:
    case ENOTUNIQ:
      return 400;
    default:
      return 500;
  }
}

// What came of a request that failed. `hint` is for whoever named something
// that is not there.
Answer failed(const AgentApi& agent, const Error& error,
              const std::string& hint) {
  // It may have begun to stop since.
  if (auto instead = unless_running(agent)) return *std::move(instead);
  const int status = status_of(error);
  return error_answer(
      status, error.message,
      status < 500 ? hint : "see the agent's log, and 'stillframe doctor'");
}

}  // namespace

Result<Output> output_from(std::string_view name) {
  if (name == "table") return Output::table;
  if (name == "wide") return Output::wide;
  if (name == "name") return Output::name;
  if (name == "id") return Output::id;
  if (name == "json") return Output::json;
  if (name == "docker") return Output::docker;
  if (name == "compact") return Output::compact;
  return fail("unknown output: " + printable(name));
}

Result<Query> parse_query(
    const std::multimap<std::string, std::string>& parameters) {
  Query query;
  for (const auto& [name, value] : parameters) {
    if (const auto done = apply(query, name, value); !done) {
      return tl::unexpected<Error>(done.error());
    }
  }
  return query;
}

namespace {

std::string ps_text(const ContainerList& list, const Query& query) {
  if (query.workloads) return console::workloads_table(list, query.style);
  if (query.output == Output::name) return console::ps_names(list);
  if (query.output == Output::id) return console::ps_ids(list, query.whole);
  return console::ps_table(
      list, wall_now(), query.style,
      {.wide = query.output == Output::wide, .whole = query.whole});
}

// Why nothing is listed.
std::string nothing_listed(const ContainerList& list, const Query& query) {
  std::string text;
  if (query.containers.asks_for_any()) {
    text = query.all ? "No container" : "No running container";
    text += " matches the filter";
  } else {
    text = query.all ? "No containers are known here"
                     : "No containers are running here";
  }
  if (!query.space.empty()) text += ", in namespace " + display(query.space);
  text += '.';
  const std::string hidden = console::left_out_text(list);
  return hidden.empty() ? text : text + ' ' + hidden;
}

}  // namespace

Answer ps_answer(AgentApi& agent, const Query& query) {
  if (auto instead = unless_running(agent)) return *std::move(instead);
  const Result<SnapshotPtr> snapshot =
      query.scan ? agent.scanned_snapshot() : agent.snapshot();
  if (!snapshot) return failed(agent, snapshot.error(), "");
  GoneContainers gone;
  if (query.all) {
    auto kept = agent.gone();
    if (!kept) return failed(agent, kept.error(), "");
    gone = *std::move(kept);
  }
  const ContainerList list =
      list_containers(**snapshot, gone.containers, query);
  Answer answer = query.output == Output::json
                      ? json_answer(jsonl::ps_json(list))
                      : text_answer(ps_text(list, query));
  if (answer.body.empty()) answer.notice = nothing_listed(list, query);
  if (gone.unread != 0) {
    answer.notice += (answer.notice.empty() ? "" : " ") + gone.why;
  }
  return answer;
}

namespace {

// "web is gone since 2026-11-22T14:48:57Z, 3m ago: this is its last state"
std::string gone_notice(const ContainerInfo& info, const Gone& gone) {
  const auto when = [now = wall_now()](WallTime time) {
    return rfc3339(time).substr(0, 19) + "Z, " + short_age(now.ns - time.ns) +
           " ago";
  };
  std::string text = display(full_name(info));
  if (gone.seen) {
    text += " is gone since " + when(gone.since) + ": this is its last state";
  } else {
    text += " is gone: this is its state of " + when(gone.as_of) +
            "; it went unseen after that, until " + when(gone.since);
  }
  if (gone.left_out != 0) {
    text += "; " + std::to_string(gone.left_out) +
            " lines of it had no room and were not kept";
  }
  return text;
}

}  // namespace

Answer diff_answer(AgentApi& agent, const Query& query) {
  if (query.container.empty()) {
    return error_answer(400, "no container named", "stillframe diff CONTAINER");
  }
  if (auto instead = unless_running(agent)) return *std::move(instead);
  auto diff = agent.diff(query.container, query.output == Output::docker
                                              ? DiffPart::runtime_lines
                                              : DiffPart::changes);
  if (!diff) {
    return failed(agent, diff.error(),
                  "see which containers there are with: stillframe ps");
  }
  Answer answer;
  answer.state = diff->container.state;
  if (diff->gone)
    answer.notice = gone_notice(diff->container.info, *diff->gone);
  if (query.output == Output::docker) {
    answer.type = "application/octet-stream";
  } else if (query.output != Output::json) {
    answer.type = text_type();
  }
  answer.stream = std::make_unique<DiffFeed>(*std::move(diff), query);
  return answer;
}

Answer explain_answer(AgentApi& agent, const Query& query) {
  if (query.container.empty() || query.path.empty()) {
    return error_answer(400, "no container or no path named",
                        "stillframe policy explain --container C PATH");
  }
  if (auto instead = unless_running(agent)) return *std::move(instead);
  const auto explained = agent.explain(query.container, query.path);
  if (!explained) {
    return failed(agent, explained.error(),
                  "see which containers there are with: stillframe ps");
  }
  if (query.output == Output::json) {
    return json_answer(jsonl::explain_json(*explained));
  }
  return text_answer(
      console::explain_text(*explained, wall_now(), query.style));
}

Answer suggest_answer(AgentApi& agent, const Query& query) {
  if (query.workload.empty()) {
    return error_answer(400, "no workload named",
                        "stillframe policy suggest --workload W");
  }
  if (auto instead = unless_running(agent)) return *std::move(instead);
  const auto rules = agent.suggest(query.workload);
  if (!rules) {
    return failed(
        agent, rules.error(),
        "see which workloads there are with: stillframe ps --workloads");
  }
  return text_answer(*rules);
}

Answer doctor_answer(const DoctorReport& report, const Query& query) {
  if (query.output == Output::json) {
    return json_answer(jsonl::doctor_json(report));
  }
  return text_answer(console::doctor_text(report, query.style));
}

namespace {

// By name: what is said of it, which may be nothing.
using Names = std::map<std::string, std::string>;

Result<Names> names_of(const Snapshot& state, const std::string& of) {
  Names names;
  std::map<std::string, std::size_t> bearers;
  for (const auto& view : state.containers) ++bearers[full_name(view.info)];
  for (const auto& view : state.containers) {
    const ContainerInfo& info = view.info;
    if (of == "containers") {
      // A name that has to be quoted nobody types; nor one that several have.
      std::string name = full_name(info);
      if (display(name) != name || bearers[name] > 1) name = key_of(info);
      names[name] = std::string(to_string(view.state)) + ", " + info.image;
    } else if (of == "workloads") {
      if (!info.workload.empty()) names[info.workload] = "";
    } else if (of == "namespaces") {
      if (!namespace_of(info).empty()) names[namespace_of(info)] = "";
    } else if (of == "names") {
      if (!info.name.empty()) names[info.name] = info.image;
    } else if (of == "ids") {
      names[info.id] = full_name(info);
    } else if (of == "images") {
      if (!info.image.empty()) names[info.image] = "";
    } else if (of == "pods") {
      if (!info.pod.empty()) names[info.pod] = "";
    } else if (of == "labels") {
      for (const auto& [key, value] : info.labels) names[key + '=' + value];
    } else {
      return fail("no names of " + printable(of));
    }
  }
  return names;
}

}  // namespace

Answer names_answer(const AgentApi& agent, const Query& query) {
  const SnapshotPtr snapshot = agent.snapshot();
  const auto names =
      names_of(snapshot == nullptr ? Snapshot() : *snapshot, query.of);
  if (!names) return bad_query(names.error());
  auto list = nlohmann::json::array();
  for (const auto& [name, about] : *names) {
    if (!name.starts_with(query.prefix) || list.size() == kMostNames) continue;
    list.push_back({{"name", json_text(name)}, {"about", json_text(about)}});
  }
  return json_answer(dump_json(list));
}

Answer ping_answer(const AgentApi& agent, const std::string& version) {
  const SnapshotPtr snapshot = agent.snapshot();
  return json_answer(
      dump_json({{"version", json_text(version)},
                 {"pid", ::getpid()},
                 {"healthy", agent.healthy()},
                 {"ready", snapshot != nullptr && snapshot->ready}}));
}

Answer error_answer(int status, const std::string& error,
                    const std::string& hint) {
  Answer answer = json_answer(
      dump_json({{"error", json_text(error)}, {"hint", json_text(hint)}}));
  answer.status = status;
  return answer;
}

Answer bad_query(const Error& error) {
  return error_answer(400, error.message,
                      "is the command line tool of another version than the "
                      "agent?");
}

}  // namespace stillframe::socket_api
