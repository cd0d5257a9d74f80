// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/commands.h"

#include <unistd.h>

#include <csignal>

#include "agent/base/text.h"
#include "agent/cli/follow.h"
#include "agent/cli/input.h"
#include "agent/cli/output.h"
#include "agent/cli/watch.h"
#include "agent/policy/reader.h"
#include "exporters/socket/answers.h"
#include "exporters/socket/client.h"

namespace stillframe::cli {
namespace {

using socket_api::Client;
using socket_api::Parameters;

int print(std::string_view bytes, int code, Streams streams) {
  const auto written = write_out(streams.out, bytes);
  if (!written && written.error().code != EPIPE) {
    return complain(written.error(), streams);
  }
  return code;
}

// Of what happened, where nothing is said.
constexpr std::size_t kLastEvents = 10'000;

Parameters look(const Options& options, const std::string& output, int fd) {
  const bool color = console::use_color(options.color, fd);
  return {{"output", output},
          {"color", color ? "1" : "0"},
          {"width", std::to_string(console::terminal_width(fd))}};
}

// Asks, prints the answer; the exit code is `code_of` the reply.
int ask(const Options& options, const std::string& endpoint,
        const Parameters& parameters, Streams streams,
        const std::function<int(const socket_api::Reply&)>& code_of) {
  std::signal(SIGPIPE, SIG_IGN);
  // Printed as it comes: an answer may be larger than what is to be kept of it.
  Result<> written;
  const auto reply =
      Client(options.socket)
          .get(endpoint, parameters, [&](std::string_view piece) {
            written = write_out(streams.out, piece);
            return written.has_value();
          });
  if (!written && written.error().code != EPIPE) {
    return complain(written.error(), streams);
  }
  if (!reply) return complain(reply.error(), streams);
  if (!reply->notice.empty()) say(streams.err, reply->notice);
  return code_of(*reply);
}

constexpr std::size_t kMostPolicy = 4U << 20;

Result<policy::Reading> read_policy(const std::string& file, Streams streams) {
  if (file != "-") return policy::read_policy_file(file, wall_now());
  const auto text = read_in(streams.in, kMostPolicy);
  if (!text) return tl::unexpected<Error>(text.error());
  return policy::read_policy(*text, wall_now());
}

// How messages call it.
std::string name_of(const std::string& file) {
  return file == "-" ? "standard input" : file;
}

int always_fine(const socket_api::Reply&) { return kSuccess; }

}  // namespace

int complain(const Error& error, Streams streams) {
  say(streams.err, "stillframe: " + printable(error.message));
  return kFailure;
}

int finish(const Exit& exit, Streams streams) {
  std::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(write_out(streams.err, exit.err));
  return print(exit.out, exit.code, streams);
}

int run_ps(const Options& options, Streams streams) {
  const PsOptions& ps = options.ps;
  const auto parameters = [&](bool scan) {
    Parameters all = look(options, ps.output, streams.out);
    all.emplace("scan", scan ? "1" : "0");
    all.emplace("all", ps.all ? "1" : "0");
    all.emplace("whole", ps.whole ? "1" : "0");
    all.emplace("workloads", ps.workloads ? "1" : "0");
    if (!ps.space.empty()) all.emplace("namespace", ps.space);
    if (!ps.sort.empty()) all.emplace("sort", ps.sort);
    for (const auto& filter : ps.filters) all.emplace("filter", filter);
    return all;
  };
  if (!ps.watch) {
    return ask(options, "/v1/ps", parameters(true), streams, always_fine);
  }
  std::signal(SIGPIPE, SIG_IGN);
  const auto watched = watch_containers(options.socket, parameters, streams);
  return watched ? kSuccess : complain(watched.error(), streams);
}

int run_diff(const Options& options, Streams streams) {
  Parameters parameters = look(options, options.diff.output, streams.out);
  parameters.emplace("container", options.diff.container);
  parameters.emplace("all", options.diff.all ? "1" : "0");
  return ask(options, "/v1/diff", parameters, streams,
             [&](const socket_api::Reply& reply) {
               const bool still = reply.state == ContainerState::still;
               return options.diff.exit_code && !still ? kFailure : kSuccess;
             });
}

int run_events(const Options& options, Streams streams) {
  const EventsOptions& events = options.events;
  Parameters parameters = look(options, events.output, streams.out);
  parameters.emplace("follow", events.follow ? "1" : "0");
  for (const auto& [name, value] :
       {std::pair("container", &events.container),
        std::pair("class", &events.class_name), std::pair("kind", &events.kind),
        std::pair("verdict", &events.verdict),
        std::pair("origin", &events.origin), std::pair("tool", &events.tool),
        std::pair("glob", &events.path)}) {
    if (!value->empty()) parameters.emplace(name, *value);
  }
  if (events.since) parameters.emplace("since", rfc3339(*events.since));
  if (events.until) parameters.emplace("until", rfc3339(*events.until));
  const bool narrowed = events.since || events.until || events.follow;
  const std::size_t last =
      events.last == 0 && !narrowed ? kLastEvents : events.last;
  if (last != 0) parameters.emplace("last", std::to_string(last));
  if (events.follow) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto followed = follow_events(options.socket, parameters, streams);
    return followed ? kSuccess : complain(followed.error(), streams);
  }
  return ask(options, "/v1/events", parameters, streams, always_fine);
}

int run_policy_check(const Options& options, Streams streams) {
  std::signal(SIGPIPE, SIG_IGN);
  int code = kSuccess;
  std::string good;
  const bool several = options.policy.files.size() > 1;
  for (const auto& file : options.policy.files) {
    const auto reading = read_policy(file, streams);
    if (!reading) {
      code = complain(reading.error(), streams);
      continue;
    }
    static_cast<void>(
        write_out(streams.err, describe(name_of(file), reading->problems)));
    if (!reading->policy) {
      code = kFailure;
      continue;
    }
    const auto rules = reading->policy->rules().size();
    good += (several ? printable(name_of(file)) + ": " : "") +
            "ok: " + std::to_string(rules) +
            (rules == 1 ? " rule\n" : " rules\n");
  }
  return print(good, code, streams);
}

Result<policy::PolicyPtr> load_policy(const Options& options, Streams streams) {
  const std::string& file = options.run.policy;
  if (file.empty()) return nullptr;
  const WallTime now = wall_now();
  const auto reading = policy::read_policy_file(file, now);
  if (!reading) return fail(reading, "--policy");
  static_cast<void>(write_out(streams.err, describe(file, reading->problems)));
  if (!reading->policy) return fail("the policy file is bad, see above");
  return std::make_shared<const policy::Policy>(*reading->policy);
}

int run_policy_explain(const Options& options, Streams streams) {
  Parameters parameters = look(options, options.policy.output, streams.out);
  parameters.emplace("container", options.policy.container);
  parameters.emplace("path", options.policy.path);
  return ask(options, "/v1/policy/explain", parameters, streams, always_fine);
}

int run_policy_suggest(const Options& options, Streams streams) {
  Parameters parameters = look(options, "table", streams.out);
  parameters.emplace("workload", options.policy.workload);
  return ask(options, "/v1/policy/suggest", parameters, streams, always_fine);
}

int run_doctor(const Options& options,
               const std::function<Result<DoctorReport>()>& local,
               Streams streams) {
  std::signal(SIGPIPE, SIG_IGN);
  const Parameters parameters =
      look(options, options.doctor.output, streams.out);
  const auto reply = Client(options.socket).get("/v1/doctor", parameters);
  if (reply) return print(reply->body, kSuccess, streams);
  const auto report = local();
  if (!report) return complain(report.error(), streams);
  const auto query = socket_api::parse_query(parameters);
  if (!query) return complain(query.error(), streams);
  return print(socket_api::doctor_answer(*report, *query).body, kSuccess,
               streams);
}

}  // namespace stillframe::cli
