// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/completion/complete.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/cli/completion/candidates.h"
#include "agent/cli/output.h"
#include "agent/cli/settings.h"
#include "exporters/socket/client.h"

namespace stillframe::cli {
namespace {

constexpr std::chrono::seconds kPatience{1};

std::string socket_of(const Completion& completion) {
  if (!completion.socket.empty()) return completion.socket;
  const char* variable = std::getenv(environment_name("socket").c_str());
  return variable != nullptr && *variable != '\0' ? variable
                                                  : socket_api::kDefaultPath;
}

// What the agent calls it; empty: it does not know.
std::string agents_word(Source source) {
  switch (source) {
    case Source::containers:
      return "containers";
    case Source::workloads:
      return "workloads";
    case Source::namespaces:
      return "namespaces";
    case Source::names:
      return "names";
    case Source::ids:
      return "ids";
    case Source::images:
      return "images";
    case Source::pods:
      return "pods";
    case Source::labels:
      return "labels";
    case Source::anything:
    case Source::words:
    case Source::files:
    case Source::directories:
      break;
  }
  return "";
}

// The agent's own words; none: it does not run.
std::vector<Candidate> names(const Completion& completion,
                             const std::string& of) {
  const auto reply =
      socket_api::Client(socket_of(completion), kPatience)
          .get("/v1/names", {{"of", of}, {"prefix", completion.begun}});
  if (!reply) return {};
  const auto json = parse_json(reply->body);
  if (!json || !json->is_array()) return {};
  std::vector<Candidate> out;
  for (const auto& one : *json) {
    if (!one.is_object()) return {};
    out.push_back({one.value("name", ""), one.value("about", "")});
  }
  return out;
}

// A word that a terminal, a shell and this format have no trouble with.
bool is_plain(const std::string& word) {
  return !word.empty() && display(word) == word;
}

}  // namespace

int run_complete(const Options& options, Streams streams) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto grammar = make_grammar("");
  Completion completion = complete(*grammar, options.complete.words);
  std::string out = "words\n";
  if (completion.source == Source::files) {
    out = "files\t" + completion.before + '\n';
  } else if (completion.source == Source::directories) {
    out = "directories\t" + completion.before + '\n';
  } else if (const auto of = agents_word(completion.source); !of.empty()) {
    completion.candidates = names(completion, of);
  }
  for (const auto& [word, about] : completion.candidates) {
    if (!is_plain(word)) continue;
    out += completion.before + word + '\t' + printable(about) + '\n';
  }
  static_cast<void>(write_out(streams.out, out));
  return kSuccess;
}

}  // namespace stillframe::cli
