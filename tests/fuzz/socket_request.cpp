// SPDX-License-Identifier: Apache-2.0
//
// Requests to the agent's socket: a query as a client sends it, and the answer
// that is made of it for containers with names of all sorts.
#include <httplib.h>

#include <algorithm>

#include "exporters/socket/answers.h"
#include "exporters/socket/event_feed.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/exporters/fake_agent.h"

using namespace stillframe;
using stillframe::fuzz::require;

namespace {

void check(const socket_api::Answer& answer) {
  require(answer.status == 200 || answer.status == 400 || answer.status == 404,
          "an answer, or what is wrong with the request");
  require(answer.notice.find('\n') == std::string::npos,
          "a notice is one line");
  if (answer.type != "application/json") return;
  require(std::all_of(answer.body.begin(), answer.body.end(),
                      [](unsigned char c) {
                        return c == '\n' || (c >= ' ' && c < 0x7f);
                      }),
          "JSON is plain ASCII");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const std::string name(fuzz::next_part(rest));
  httplib::Params parameters;
  httplib::detail::parse_query_text(std::string(rest), parameters);
  const auto query = socket_api::parse_query(parameters);
  if (!query) {
    check(socket_api::bad_query(query.error()));
    return 0;
  }
  test::FakeAgent agent;
  ContainerView view;
  view.info.id = std::string(64, 'a');
  view.info.name = name;
  view.info.image = name;
  view.info.workload = name;
  agent.state.containers.push_back(view);
  DiffAnswer diff;
  diff.container = view;
  PathChange change;
  change.path = "/" + name;
  diff.changes.push_back(change);
  diff.runtime_lines.push_back({Change::changed, "/" + name});
  agent.answer = diff;
  check(socket_api::ps_answer(agent, *query));
  check(socket_api::diff_answer(agent, *query));
  check(socket_api::explain_answer(agent, *query));
  check(socket_api::suggest_answer(agent, *query));
  check(socket_api::doctor_answer({}, *query));
  (void)socket_api::check_event_filter(agent, *query, "");
  return 0;
}
