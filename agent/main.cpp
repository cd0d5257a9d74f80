// SPDX-License-Identifier: Apache-2.0
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <optional>

#include "agent/base/log.h"
#include "agent/base/memory.h"
#include "agent/cli/audit.h"
#include "agent/cli/audit_report.h"
#include "agent/cli/commands.h"
#include "agent/cli/completion/complete.h"
#include "agent/cli/parse.h"
#include "agent/containers/cgroup_layout.h"
#include "agent/engine/callers.h"
#include "agent/engine/engine.h"
#include "agent/engine/machine.h"
#include "agent/engine/signals.h"
#include "agent/privileges/capabilities.h"
#include "agent/privileges/confine.h"
#include "agent/privileges/limits.h"
#include "agent/sensors/registry.h"
#include "agent/sensors/trial_process.h"
#include "agent/version.h"
#include "exporters/journald/sender.h"
#include "exporters/jsonl/json.h"
#include "exporters/jsonl/last_state.h"
#include "exporters/prometheus/http_server.h"
#include "exporters/socket/server.h"

namespace stillframe {
namespace {

// Of the two seconds that the agent has for its end.
constexpr std::chrono::milliseconds kDrainWithin{800};
// Of those below, who listens takes CAP_NET_BIND_SERVICE (ip(7)).
constexpr std::uint16_t kFirstFreePort = 1024;

std::string version_text() {
  return fmt::format("stillframe {} (commit {}, libbpf {})", kVersion,
                     kRevision, libbpf_version_string());
}

std::string seconds_text(std::chrono::milliseconds time) {
  return fmt::format("{}s", static_cast<double>(time.count()) / 1000);
}

// Before anything that can fail: what went wrong is read together with it.
void log_start(const cli::Options& options) {
  const auto& run = options.run;
  utsname names{};
  ::uname(&names);
  std::string listen = run.systemd_socket ? "sockets of systemd" : "";
  for (const auto& address : run.systemd_socket
                                 ? std::vector<metrics::ListenAddress>()
                                 : run.listen) {
    listen += (listen.empty() ? "" : " ") + to_string(address);
  }
  log_info("starting",
           {{"version", kVersion},
            {"revision", kRevision},
            {"kernel", names.release},
            {"machine", names.machine},
            {"state_dir", run.state_dir},
            {"socket", options.socket},
            {"listen", listen},
            {"policy", run.policy.empty() ? "built-in" : run.policy},
            {"scan_interval", seconds_text(run.scan_interval)},
            {"metrics_grace", seconds_text(run.metrics_grace)},
            {"max_containers", run.max_containers},
            {"max_workloads", run.max_workloads}});
}

// By file, or as systemd hands over secrets (LoadCredential=, systemd.exec(5)).
Result<std::optional<journal::Key>> signing_key(const std::string& file) {
  std::string path = file;
  if (path.empty()) {
    const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
    if (credentials == nullptr) return std::nullopt;
    path = std::string(credentials) + "/stillframe-journal-key";
    if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  }
  auto key = journal::Key::read_private(path);
  if (!key) return fail(key, "--journal.key");
  return std::move(*key);
}

std::string node_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

Result<journal::Options> journal_options(const cli::RunOptions& run) {
  auto key = signing_key(run.journal.key);
  if (!key) return tl::unexpected<Error>(key.error());
  return journal::Options{.directory = run.state_dir + "/journal",
                          .node = node_name(),
                          .segment_bytes = run.journal.segment_bytes,
                          .retention = run.journal.retention,
                          .most_bytes = run.journal.max_bytes,
                          .sync = run.journal.sync,
                          .when_full = run.journal.when_full,
                          .key = std::move(*key)};
}

// Who reaches an address may see every name on the machine: it is said, and not
// only in the documentation, when nothing but the network keeps others out.
void log_serving(const std::string& address, const std::string& path,
                 const web::Configuration* configuration) {
  const bool tls = configuration != nullptr && configuration->has_tls();
  const bool users = configuration != nullptr && configuration->has_users();
  const bool certificates =
      configuration != nullptr && configuration->requires_client_certificates();
  log_info("serving metrics",
           {{"address", address},
            {"path", path},
            {"tls", tls},
            {"open_to", users          ? "users"
                        : certificates ? "clients with a certificate"
                                       : "everyone who reaches it"}});
}

// Rights belong to a thread: what each has is settled while there is one. A
// kernel without seccomp is no reason not to watch.
Result<std::unique_ptr<sensors::TrialProcess>> give_up_rights(
    const cli::RunOptions& run) {
  privileges::raise_limits();
  auto trials = sensors::TrialProcess::start();
  if (!trials) return trials;
  const bool low_ports = std::any_of(
      run.listen.begin(), run.listen.end(), [](const auto& address) {
        return address.port != 0 && address.port < kFirstFreePort;
      });
  if (const auto confined = privileges::confine(privileges::Role::agent,
                                                {.low_ports = low_ports});
      !confined) {
    log_warn("the agent keeps rights that it does not need",
             {{"error", confined.error().message},
              {"hint", "use a kernel with CONFIG_SECCOMP_FILTER=y"}});
  }
  return trials;
}

Result<> run_agent(const cli::Options& options) {
  // Without the rights to, nothing starts: one line says so.
  if (privileges::missing_capabilities(privileges::Role::agent).empty()) {
    log_start(options);
  }
  engine::block_signals();  // before there is any other thread
  ::signal(SIGPIPE, SIG_IGN);
  engine::raise_descriptor_limit();
  const auto& run = options.run;
  const auto trials = give_up_rights(run);
  if (!trials) return tl::unexpected<Error>(trials.error());
  auto policy = cli::load_policy(options);
  if (!policy) return tl::unexpected<Error>(policy.error());
  auto journal = journal_options(run);
  if (!journal) return tl::unexpected<Error>(journal.error());
  const std::string node = journal->node;
  std::shared_ptr<web::Configuration> web_configuration;
  if (!run.web_config.empty()) {
    auto opened = web::Configuration::open(run.web_config);
    if (!opened) return fail(opened, "--web.config.file");
    web_configuration = std::move(*opened);
  }
  auto engine = engine::Engine::create(
      {.state_dir = run.state_dir,
       .scan_interval = run.scan_interval,
       .metrics_grace = run.metrics_grace,
       .max_workloads = run.max_workloads,
       .policy_file = run.policy,
       .policy = std::move(*policy),
       .version = kVersion,
       .journal = std::move(*journal),
       .render =
           [node](const auto& event) { return jsonl::event_json(event, node); },
       .try_files =
           [&trials = **trials](auto ground, const auto& begin) {
             return trials.try_files(ground, begin);
           },
       .last_state = {jsonl::last_state_lines, jsonl::last_state_head,
                      jsonl::last_state_rest}});
  if (!engine) return tl::unexpected<Error>(engine.error());
  auto& agent = **engine;
  auto socket = socket_api::Server::start(
      agent, {.path = options.socket,
              .version = version_text(),
              .journal = run.state_dir + "/journal",
              .doctor = [&agent] { return agent.doctor(); }});
  if (!socket) return tl::unexpected<Error>(socket.error());
  std::unique_ptr<journald::Sender> journald;
  if (run.events_journald) {
    journald = std::make_unique<journald::Sender>(
        agent, journald::Options{.node = node});
  }
  auto web = metrics::HttpServer::start(
      agent, {.listen = run.listen,
              .systemd_socket = run.systemd_socket,
              .telemetry_path = run.telemetry_path,
              .max_containers = run.max_containers,
              .build = {kVersion, kRevision},
              .journald = [&journald]() -> std::optional<journald::State> {
                if (journald == nullptr) return std::nullopt;
                return journald->state();
              },
              .configuration = web_configuration});
  if (!web) return tl::unexpected<Error>(web.error());
  // While signals are taken the servers may go at any moment.
  const auto addresses = (*web)->addresses();
  // Last, so that it goes first: from then on nobody takes the servers away.
  const auto signals = engine::Signals::take(
      {.stop = [&agent] { return agent.stop_soon(); },
       .reload = [&agent] { agent.reload_policy(); },
       .give_up =
           [&] {
             agent.abandon_requests();
             agent.drain_journal(kDrainWithin);
             web->reset();
             journald.reset();
             socket->reset();
             log_info("stopped", {{"amid", "work that the next start does"}});
             ::_exit(cli::kSuccess);
           }});
  if (!signals) return tl::unexpected<Error>(signals.error());
  if (auto attached = agent.attach(); !attached) return attached;
  for (const auto& address : addresses) {
    log_serving(to_string(address), run.telemetry_path,
                web_configuration.get());
  }
  return agent.run();
}

// Without an agent: try the sensors for a moment and say what came of it.
Result<DoctorReport> examine() {
  DoctorReport report;
  report.machine = engine::inspect_machine();
  sensors::SensorConfig config;
  if (const auto layout = containers::detect_cgroups()) {
    config.observed_controller = layout->observed;
    config.unified_mount = layout->unified;
    config.describe = [layout = *layout](std::uint32_t pid,
                                         const KernelProcesses& kernel) {
      return engine::describe_process(pid, layout, kernel);
    };
  }
  const auto sensors = sensors::Sensors::start(config, system_clock());
  if (sensors) {
    (*sensors)->watch_plain(true);
    report.sensors = (*sensors)->status();
    return report;
  }
  const std::string fix =
      report.machine.missing_capabilities.empty()
          ? "use a kernel with BTF and BPF (CONFIG_DEBUG_INFO_BTF=y)"
          : "run it as root";
  for (const char* name : sensors::sensor_names()) {
    report.sensors.push_back(
        {name, "", Coverage::none, sensors.error().message, fix, {}});
  }
  return report;
}

int dispatch(const cli::Options& options) {
  switch (options.command) {
    case cli::Command::run: {
      log_setup(options.run.log_level, options.run.log_format,
                console::use_color(options.color, STDERR_FILENO));
      const auto result = run_agent(options);
      return result ? cli::kSuccess : cli::complain(result.error());
    }
    case cli::Command::ps:
      return cli::run_ps(options);
    case cli::Command::diff:
      return cli::run_diff(options);
    case cli::Command::events:
      return cli::run_events(options);
    case cli::Command::doctor:
      return cli::run_doctor(options, examine);
    case cli::Command::policy_check:
      return cli::run_policy_check(options);
    case cli::Command::policy_explain:
      return cli::run_policy_explain(options);
    case cli::Command::policy_suggest:
      return cli::run_policy_suggest(options);
    case cli::Command::audit_verify:
      return cli::run_audit_verify(options);
    case cli::Command::audit_report:
      return cli::run_audit_report(options, kVersion);
    case cli::Command::audit_keygen:
      return cli::run_audit_keygen(options);
    case cli::Command::complete:
      return cli::run_complete(options);
  }
  return cli::kFailure;
}

}  // namespace
}  // namespace stillframe

int main(int argc, char** argv) {
  using namespace stillframe;
  set_up_allocator();
  try {
    const auto options = cli::parse(argc, argv, version_text());
    if (!options) return cli::finish(options.error());
    return dispatch(*options);
  } catch (const std::exception& error) {
    return cli::complain({0, error.what()});
  }
}
