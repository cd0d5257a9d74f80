// SPDX-License-Identifier: Apache-2.0
//
// What the socket API answers, apart from how it gets there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "exporters/agent_api.h"
#include "exporters/console/style.h"
#include "exporters/http/answer.h"
#include "exporters/socket/container_filter.h"
#include "exporters/socket/container_order.h"
#include "exporters/socket/event_filter.h"

namespace stillframe::socket_api {

enum class Output { table, wide, name, id, json, docker, compact };

Result<Output> output_from(std::string_view name);

// A request's query, understood.
struct Query {
  Output output = Output::table;
  console::Style style;
  std::string container;  // of events, too
  std::string path;
  std::string workload;
  std::string of;      // of names: whose, as names_answer() has them
  std::string prefix;  // of names
  std::string space;   // containers of this namespace only
  ContainerFilter containers;
  std::optional<ContainerOrder> order;
  // Of containers, also those that do not run or are gone; of changes, also
  // the runtime's own, and no list cut short.
  bool all = false;
  bool whole = false;  // ids and names are not cut
  bool scan = true;    // before the answer, else it is what the agent knows
  bool workloads = false;
  bool follow = false;
  EventFilter events;
  std::size_t last = 0;  // no more of the past than so many; 0: all

  // Whether events of the past are wanted, besides new ones.
  bool wants_past() const {
    return !follow || events.since || events.after != 0 || last != 0;
  }
};

Result<Query> parse_query(
    const std::multimap<std::string, std::string>& parameters);

// An answer ready to be sent.
struct Answer {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::string notice;                   // for stderr
  std::optional<ContainerState> state;  // of a diff's container
  // Where the body is too large to be held: sent instead of `body`.
  std::unique_ptr<http::BodyStream> stream = {};
};

Answer ps_answer(AgentApi& agent, const Query& query);
Answer diff_answer(AgentApi& agent, const Query& query);
Answer explain_answer(AgentApi& agent, const Query& query);
Answer suggest_answer(AgentApi& agent, const Query& query);
Answer doctor_answer(const DoctorReport& report, const Query& query);
// What containers are called by commands, and workloads, namespaces, names,
// ids, images, pods and labels (NAME=VALUE): at most a thousand, from what is
// known already: nothing is scanned.
Answer names_answer(const AgentApi& agent, const Query& query);
Answer ping_answer(const AgentApi& agent, const std::string& version);

// {"error":…,"hint":…}
Answer error_answer(int status, const std::string& error,
                    const std::string& hint);
Answer bad_query(const Error& error);

}  // namespace stillframe::socket_api
