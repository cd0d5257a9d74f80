// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <initializer_list>
#include <map>
#include <span>

#include "agent/cli/grammar/grammar.h"
#include "agent/cli/help.h"
#include "agent/cli/time.h"
#include "agent/model/runtime.h"
#include "agent/model/tool_names.h"
#include "agent/model/words.h"
#include "agent/policy/glob.h"
#include "exporters/socket/container_filter.h"
#include "exporters/socket/container_order.h"

namespace stillframe::cli {
namespace {

using Names = std::span<const std::string_view>;

std::vector<std::string> words_of(std::initializer_list<Names> lists) {
  std::vector<std::string> all;
  for (const Names& list : lists) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

// The classes of events that are not mutations.
constexpr std::array<std::string_view, 2> kOtherClasses = {"lifecycle",
                                                           "agent"};

Values values_of_key(std::string_view key) {
  const std::map<std::string_view, Values> known = {
      {"id", {Source::ids}},
      {"image", {Source::images}},
      {"label", {Source::labels}},
      {"name", {Source::names}},
      {"namespace", {Source::namespaces}},
      {"pod", {Source::pods}},
      {"running", {Source::words, {"true", "false"}}},
      {"runtime", {Source::words, words_of({kRuntimeNames})}},
      {"state", {Source::words, words_of({kStateNames})}},
      {"workload", {Source::workloads}},
  };
  return known.at(key);
}

void add_filter(Grammar& grammar, CLI::App* ps) {
  CLI::Option* filter = ps->add_option(
      "--filter", grammar.options.ps.filters,
      "Only such: id, image, label, name, namespace, pod, running, runtime, "
      "state, workload; may be repeated");
  for (const auto key : socket_api::ContainerFilter::keys()) {
    grammar.keys[filter].emplace(key, values_of_key(key));
  }
  takes(grammar, filter, "KEY=VALUE")
      ->allow_extra_args(false)
      ->check(checked_by([](const std::string& text) {
        return socket_api::ContainerFilter().add(text);
      }));
}

void add_sort(Grammar& grammar, CLI::App* ps) {
  CLI::Option* sort =
      ps->add_option("--sort", grammar.options.ps.sort,
                     "By this column, as state or last-actor; -COLUMN from "
                     "the end");
  sort->check(checked_by(socket_api::ContainerOrder::parse))
      ->type_name("COLUMN");
  grammar.values[sort] = {
      .source = Source::words,
      .words = words_of({socket_api::ContainerOrder::columns()}),
      .may_be_reversed = true};
}

void add_ps(Grammar& grammar) {
  PsOptions& wanted = grammar.options.ps;
  CLI::App* ps =
      add_command(grammar, Command::ps, "ps",
                  "List the containers that run, and whether each is still "
                  "its image");
  ps->footer(std::string(kStates));
  ps->add_flag("-a,--all", wanted.all,
               "Also those that do not run, and those that are gone and whose "
               "last state is kept");
  CLI::Option* quiet =
      ps->add_flag("-q,--quiet", grammar.raw.quiet, "Only ids");
  ps->add_flag("--no-trunc", wanted.whole, "Do not cut ids and images");
  add_filter(grammar, ps);
  add_sort(grammar, ps);
  add_output(grammar, ps, wanted.output, {"table", "wide", "json", "name"});
  quiet->excludes("--output");
  CLI::Option* workloads = ps->add_flag("--workloads", wanted.workloads,
                                        "Group the table by workload");
  quiet->excludes(workloads);
  CLI::Option* space =
      takes(grammar,
            ps->add_option("-n,--namespace", wanted.space,
                           "Only containers of this namespace, of Kubernetes "
                           "or containerd"),
            "NAMESPACE", Source::namespaces)
          ->check(check_not_empty);
  ps->add_flag("-A,--all-namespaces", grammar.raw.everywhere,
               "Of all namespaces, as without -n")
      ->excludes(space);
  ps->add_flag("--watch", wanted.watch,
               "Show it again every two seconds, until interrupted");
}

void add_diff(Grammar& grammar) {
  DiffOptions& wanted = grammar.options.diff;
  CLI::App* diff = add_command(grammar, Command::diff, "diff",
                               "Show what changed in a container, and by whom");
  takes(grammar,
        diff->add_option("CONTAINER", wanted.container,
                         "Id, unique beginning of it, name, or "
                         "NAMESPACE/POD[/CONTAINER]; of one that is gone: its "
                         "last state"),
        "", Source::containers)
      ->required()
      ->check(check_not_empty);
  add_output(grammar, diff, wanted.output, {"table", "wide", "json", "docker"});
  diff->add_flag("--all", wanted.all,
                 "Also what the runtime itself wrote, directories of which "
                 "only entries changed, and all of long lists");
  diff->add_flag("--exit-code", wanted.exit_code,
                 "Exit with 1 unless the container is still");
}

void add_event_filters(Grammar& grammar, CLI::App* events) {
  EventsOptions& wanted = grammar.options.events;
  takes_one_of(grammar,
               events->add_option("--class", wanted.class_name,
                                  "Only those of this class"),
               words_of({kClassNames, kOtherClasses}), "CLASS");
  takes_one_of(
      grammar,
      events->add_option("--kind", wanted.kind,
                         "Only those of this kind, such as file_write"),
      words_of({kKindNames, kLifecycleNames, kAgentEventNames}), "KIND");
  takes_one_of(grammar,
               events->add_option("--verdict", wanted.verdict,
                                  "Only those with this verdict"),
               words_of({kVerdictNames}), "VERDICT");
  takes_one_of(grammar,
               events->add_option("--origin", wanted.origin,
                                  "Only those of actors from there: workload, "
                                  "exec, host, …"),
               words_of({kOriginNames}), "ORIGIN");
  takes_one_of(
      grammar,
      events->add_option("--tool", wanted.tool,
                         "Only those by this tool, such as apt or ansible"),
      words_of({kToolNames}), "TOOL");
  takes(grammar,
        events->add_option("--path", wanted.path,
                           "Only those of paths like this: /etc/**"),
        "PATTERN")
      ->check(checked_by(policy::PathGlob::compile));
}

void add_events(Grammar& grammar) {
  EventsOptions& wanted = grammar.options.events;
  RawValues& raw = grammar.raw;
  CLI::App* events = add_command(grammar, Command::events, "events",
                                 "Show mutations, past ones and new ones");
  events->add_flag("-f,--follow", wanted.follow,
                   "Keep following new events until interrupted");
  takes(grammar,
        events->add_option("-n,--last", wanted.last,
                           "Only the latest so many of those that happened"),
        "NUMBER")
      ->check(check_number(1, 1'000'000));
  takes(grammar,
        events->add_option("--container", wanted.container,
                           "Only those of this container, which may be gone: "
                           "id, beginning or name"),
        "CONTAINER", Source::containers);
  takes(grammar,
        events->add_option("--since", raw.since,
                           "Only those since this time, or this long ago "
                           "(10m)"),
        "TIME")
      ->check(checked_by(parse_time));
  takes(grammar,
        events->add_option("--until", raw.until,
                           "Only those until this time, or this long ago"),
        "TIME")
      ->check(checked_by(parse_time));
  add_event_filters(grammar, events);
  add_output(grammar, events, wanted.output, {"compact", "json"});
}

void add_doctor(Grammar& grammar) {
  CLI::App* doctor =
      add_command(grammar, Command::doctor, "doctor",
                  "Report what can be seen on this machine and what cannot");
  add_output(grammar, doctor, grammar.options.doctor.output, {"table", "json"});
}

}  // namespace

void add_queries(Grammar& grammar) {
  add_ps(grammar);
  add_diff(grammar);
  add_events(grammar);
  add_doctor(grammar);
}

}  // namespace stillframe::cli
