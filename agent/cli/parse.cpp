// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/parse.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <functional>
#include <memory>
#include <sstream>

#include "agent/base/text.h"
#include "agent/cli/completion.h"
#include "agent/cli/duration.h"
#include "agent/cli/help.h"
#include "agent/cli/settings.h"
#include "agent/cli/size.h"
#include "agent/cli/time.h"
#include "agent/journal/prometheus.h"
#include "agent/model/words.h"
#include "agent/policy/glob.h"
#include "exporters/socket/address.h"
#include "exporters/socket/container_filter.h"
#include "exporters/socket/container_order.h"

namespace stillframe::cli {
namespace {

// Examples before everything else: they are what most people look for.
class ExamplesFirst : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    const bool top = app->get_parent() == nullptr;
    return app->get_description() + "\n\nExamples:\n" +
           std::string(examples_of(top ? "" : app->get_name())) + '\n';
  }
};

// The values as they are given; turned into Options once all are known.
struct Raw {
  std::vector<std::string> listen = {":12015"};
  std::string telemetry_path = "/metrics";
  std::string state_dir = "/var/lib/stillframe";
  std::string scan_interval = "60s";
  std::string log_level = "info";
  std::string log_format = "logfmt";
  std::string metrics_grace = "5m";
  std::size_t max_containers = 1000;
  std::string journal_retention = "90d";
  std::string journal_max_size = "1GiB";
  std::string journal_segment_size = "16MiB";
  std::string journal_sync = "second";
  std::string journal_when_full = "prune";
  std::string config_file;
  bool print_config = false;
  std::string since;
  std::string until;
  bool quiet = false;
  bool everywhere = false;  // the default, as a flag
  std::string shell;
  std::string app_socket;
  std::string socket = socket_api::kDefaultPath;
  std::string color = "auto";
};

// A validator out of a function that returns a Result.
template <typename Parse>
std::function<std::string(const std::string&)> checked_by(Parse parse) {
  return [parse](const std::string& text) -> std::string {
    const auto result = parse(text);
    return result ? "" : result.error().message;
  };
}

std::string check_telemetry_path(const std::string& text) {
  if (text.size() < 2 || text[0] != '/') {
    return "must begin with / and be more than that";
  }
  for (const std::string_view taken :
       {"/-/healthy", "/-/ready", "/healthz", "/readyz"}) {
    if (text == taken) return "is taken by a health probe";
  }
  const auto bad = text.find_first_of("?#% \t\r\n");
  return bad == std::string::npos ? "" : "must not hold ?, #, % or blanks";
}

template <std::size_t N>
std::vector<std::string> names_of(const std::array<std::string_view, N>& names,
                                  const std::vector<std::string>& more) {
  std::vector<std::string> all(names.begin(), names.end());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string check_absolute(const std::string& text) {
  return !text.empty() && text[0] == '/' ? "" : "must be an absolute path";
}

std::string check_not_empty(const std::string& text) {
  return text.empty() ? "must not be empty" : "";
}

class Parser {
 public:
  explicit Parser(const std::string& version);
  tl::expected<Options, Exit> parse(int argc, const char* const* argv);

 private:
  CLI::App* add(const std::string& name, const std::string& description,
                CLI::App* parent = nullptr);
  void add_output(CLI::App* command, std::string& value,
                  const std::vector<std::string>& choices);
  void add_run();
  void add_journal(CLI::App* run);
  void add_ps();
  void add_diff();
  void add_events();
  void add_doctor();
  void add_policy();
  void add_audit();
  void add_report(CLI::App* audit);
  void add_completion();
  // The command that was given: `policy check`, not `policy`.
  CLI::App* chosen() const;
  Result<> settle();
  Exit usage(const std::string& message) const;
  Exit completion() const;
  Options options() const;

  CLI::App app_{
      "Stillframe shows which containers are still the image that they were "
      "started from."};
  Raw raw_;
  Options options_;
};

Parser::Parser(const std::string& version) {
  app_.name("stillframe");
  app_.formatter(std::make_shared<ExamplesFirst>());
  app_.set_version_flag("--version", version, "Print version and quit");
  app_.set_help_flag("-h,--help", "Print this help and quit");
  app_.add_option("--socket", raw_.app_socket, "The agent's socket");
  app_.require_subcommand(0, 1);
  add_run();
  add_ps();
  add_diff();
  add_events();
  add_doctor();
  add_policy();
  add_audit();
  add_completion();
}

CLI::App* Parser::add(const std::string& name, const std::string& description,
                      CLI::App* parent) {
  CLI::App* command =
      (parent == nullptr ? &app_ : parent)->add_subcommand(name, description);
  command->add_option("--socket", raw_.socket, "The agent's socket")
      ->check(check_not_empty)
      ->capture_default_str();
  command
      ->add_option("--color", raw_.color,
                   "Colour the output: always, never or auto")
      ->check(CLI::IsMember({"always", "never", "auto"}))
      ->capture_default_str();
  return command;
}

void Parser::add_output(CLI::App* command, std::string& value,
                        const std::vector<std::string>& choices) {
  value = choices.front();
  command->add_option("-o,--output", value, "Output format")
      ->check(CLI::IsMember(choices))
      ->capture_default_str();
}

void Parser::add_run() {
  CLI::App* run = add("run", "Run the agent in the foreground");
  run->add_option("--web.listen-address", raw_.listen,
                  "Address to serve metrics on; may be repeated")
      ->allow_extra_args(false)
      ->check(checked_by(metrics::parse_listen_address))
      ->default_str(raw_.listen.front());
  run->add_flag(
      "--web.systemd-socket", options_.run.systemd_socket,
      "Serve metrics on the sockets that systemd hands over, instead");
  run->add_option("--web.telemetry-path", raw_.telemetry_path,
                  "Path under which to serve metrics")
      ->check(check_telemetry_path)
      ->capture_default_str();
  run->add_option("--web.config.file", options_.run.web_config,
                  "File with TLS, passwords and headers for the metrics");
  run->add_option("--state-dir", raw_.state_dir,
                  "Directory for state that outlives the agent")
      ->check(check_absolute)
      ->capture_default_str();
  run->add_option("--policy", options_.run.policy,
                  "File that says which changes are tolerated");
  run->add_option("--scan-interval", raw_.scan_interval,
                  "How often to scan each container's files")
      ->check(checked_by(parse_duration))
      ->capture_default_str();
  run->add_option("--metrics.grace", raw_.metrics_grace,
                  "How long a container that is gone keeps its metrics")
      ->check(checked_by(parse_duration))
      ->capture_default_str();
  run->add_option("--metrics.max-containers", raw_.max_containers,
                  "Maximum number of containers with metrics of their own")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}))
      ->capture_default_str();
  add_journal(run);
  run->add_flag("--events.journald", options_.run.events_journald,
                "Send events to systemd's journal, too");
  run->add_option("--log.level", raw_.log_level,
                  "Minimum log level: debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  run->add_option("--log.format", raw_.log_format, "Log format: logfmt or json")
      ->check(CLI::IsMember({"logfmt", "json"}))
      ->capture_default_str();
  run->add_option("--config.file", raw_.config_file,
                  "File with these settings; flags and environment win");
  run->add_flag("--print-config", raw_.print_config,
                "Print the settings in effect and quit");
}

void Parser::add_journal(CLI::App* run) {
  run->add_option("--journal.retention", raw_.journal_retention,
                  "How long the journal is kept")
      ->check(checked_by(parse_duration))
      ->capture_default_str();
  run->add_option("--journal.max-size", raw_.journal_max_size,
                  "Maximum size of the journal on disk")
      ->check(checked_by(parse_size))
      ->capture_default_str();
  run->add_option("--journal.segment-size", raw_.journal_segment_size,
                  "Size at which a file of the journal is closed")
      ->check(checked_by(parse_size))
      ->capture_default_str();
  run->add_option("--journal.sync", raw_.journal_sync,
                  "When what is written reaches the disk: always (with each "
                  "write), second (within one) or never (as the kernel likes)")
      ->check(CLI::IsMember({"always", "second", "never"}))
      ->capture_default_str();
  run->add_option("--journal.when-full", raw_.journal_when_full,
                  "When the disk is full or the journal at its maximum: prune "
                  "the oldest entries, or stop writing")
      ->check(CLI::IsMember({"prune", "stop"}))
      ->capture_default_str();
  run->add_option("--journal.key", options_.run.journal.key,
                  "File with the private key that signs the journal");
}

void Parser::add_ps() {
  CLI::App* ps =
      add("ps",
          "List the containers that run, and whether each is still its "
          "image");
  ps->footer(std::string(kStates));
  PsOptions& wanted = options_.ps;
  ps->add_flag("-a,--all", wanted.all,
               "Also those that do not run, and those that are gone and whose "
               "last state is kept");
  CLI::Option* quiet = ps->add_flag("-q,--quiet", raw_.quiet, "Only ids");
  ps->add_flag("--no-trunc", wanted.whole, "Do not cut ids and images");
  ps->add_option("--filter", wanted.filters,
                 "Only such, by KEY=VALUE: id, image, label, name, namespace, "
                 "pod, running, runtime, state, workload; may be repeated")
      ->allow_extra_args(false)
      ->check(checked_by([](const std::string& text) {
        return socket_api::ContainerFilter().add(text);
      }));
  ps->add_option("--sort", wanted.sort,
                 "By this column, as state or last-actor; -COLUMN from the end")
      ->check(checked_by(socket_api::ContainerOrder::parse));
  add_output(ps, wanted.output, {"table", "wide", "json", "name"});
  quiet->excludes("--output");
  CLI::Option* workloads = ps->add_flag("--workloads", wanted.workloads,
                                        "Group the table by workload");
  quiet->excludes(workloads);
  CLI::Option* space =
      ps->add_option("-n,--namespace", wanted.space,
                     "Only containers of this namespace, of Kubernetes or "
                     "containerd")
          ->check(check_not_empty);
  ps->add_flag("-A,--all-namespaces", raw_.everywhere,
               "Of all namespaces, as without -n")
      ->excludes(space);
  ps->add_flag("--watch", wanted.watch,
               "Show it anew every two seconds, until interrupted");
}

void Parser::add_diff() {
  CLI::App* diff = add("diff", "Show what changed in a container, and by whom");
  diff->add_option("CONTAINER", options_.diff.container,
                   "Id, unique beginning of it, name, or "
                   "NAMESPACE/POD[/CONTAINER]; of one that is gone: its last "
                   "state")
      ->required()
      ->check(check_not_empty);
  add_output(diff, options_.diff.output, {"table", "wide", "json", "docker"});
  diff->add_flag("--all", options_.diff.all,
                 "Also what the runtime itself wrote, directories of which "
                 "only entries changed, and all of long lists");
  diff->add_flag("--exit-code", options_.diff.exit_code,
                 "Exit with 1 unless the container is still");
}

void Parser::add_events() {
  EventsOptions& wanted = options_.events;
  CLI::App* events = add("events", "Show mutations, past ones and new ones");
  events->add_flag("-f,--follow", wanted.follow,
                   "Keep following new events until interrupted");
  events
      ->add_option("-n,--last", wanted.last,
                   "Only the latest so many of those that happened")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}));
  events->add_option("--container", wanted.container,
                     "Only those of this container, which may be gone: id, "
                     "beginning or name");
  events
      ->add_option("--since", raw_.since,
                   "Only those since this time, or this long ago (10m)")
      ->check(checked_by(parse_time));
  events
      ->add_option("--until", raw_.until,
                   "Only those until this time, or this long ago")
      ->check(checked_by(parse_time));
  events->add_option("--class", wanted.class_name, "Only those of this class")
      ->check(CLI::IsMember(names_of(kClassNames, {"lifecycle", "agent"})));
  events
      ->add_option("--kind", wanted.kind,
                   "Only those of this kind, such as file_write")
      ->check(check_not_empty);
  events
      ->add_option("--verdict", wanted.verdict, "Only those with this verdict")
      ->check(CLI::IsMember(names_of(kVerdictNames, {})));
  events
      ->add_option("--origin", wanted.origin,
                   "Only those of actors from there: workload, exec, host, …")
      ->check(CLI::IsMember(names_of(kOriginNames, {})));
  events
      ->add_option("--tool", wanted.tool,
                   "Only those by this tool, such as apt or ansible")
      ->check(check_not_empty);
  events
      ->add_option("--path", wanted.path,
                   "Only those of paths like this: /etc/**")
      ->check(checked_by(policy::PathGlob::compile));
  add_output(events, wanted.output, {"compact", "json"});
}

void Parser::add_doctor() {
  CLI::App* doctor =
      add("doctor", "Report what can be seen on this machine and what cannot");
  add_output(doctor, options_.doctor.output, {"table", "json"});
}

void Parser::add_policy() {
  CLI::App* policy = app_.add_subcommand(
      "policy", "Check a policy, or see what it makes of changes");
  policy->add_option("--socket", raw_.app_socket, "The agent's socket");
  policy->require_subcommand(1);
  CLI::App* check = add("check", "Check policy files; needs no agent", policy);
  check->add_option("FILE", options_.policy.files, "Policy files")
      ->required()
      ->check(check_not_empty);
  CLI::App* explain = add(
      "explain", "Show how changes of a path would be judged, and why", policy);
  explain
      ->add_option("--container", options_.policy.container,
                   "Id, unique beginning of it, or name")
      ->required()
      ->check(check_not_empty);
  explain
      ->add_option("PATH", options_.policy.path,
                   "Absolute path inside the container")
      ->required()
      ->check(check_absolute);
  add_output(explain, options_.policy.output, {"table", "json"});
  CLI::App* suggest =
      add("suggest", "Print rules that would allow what a workload has changed",
          policy);
  suggest
      ->add_option("--workload", options_.policy.workload,
                   "Workload, as 'stillframe ps --workloads' names it")
      ->required()
      ->check(check_not_empty);
}

void Parser::add_audit() {
  CLI::App* audit =
      app_.add_subcommand("audit", "Check the journal of what happened");
  audit->add_option("--socket", raw_.app_socket, "The agent's socket");
  audit->require_subcommand(1);
  CLI::App* verify = add(
      "verify", "Find what was changed in a journal; needs no agent", audit);
  options_.audit.directory = "/var/lib/stillframe/journal";
  verify
      ->add_option("DIR", options_.audit.directory,
                   "The journal, or the state directory that it is in")
      ->check(check_not_empty)
      ->capture_default_str();
  verify
      ->add_option("--key", options_.audit.keys,
                   "File with the public key of who signs; may be repeated")
      ->allow_extra_args(false)
      ->check(check_not_empty);
  auto* prometheus =
      verify
          ->add_option("--prometheus", options_.audit.prometheus,
                       "Compare with what this Prometheus scraped, as "
                       "http://host:9090")
          ->check(journal::check_prometheus_url);
  verify
      ->add_option("--instance", options_.audit.instance,
                   "The agent's label there, if it knows several")
      ->needs(prometheus)
      ->check(check_not_empty);
  add_output(verify, options_.audit.output, {"text", "json"});
  add_report(audit);
  CLI::App* keygen = add("keygen", "Make the keys that sign a journal", audit);
  options_.audit.key_file = "journal.key";
  keygen
      ->add_option("--out", options_.audit.key_file,
                   "File for the private key; the public one is beside it")
      ->check(check_not_empty)
      ->capture_default_str();
}

void Parser::add_report(CLI::App* audit) {
  CLI::App* report = add(
      "report",
      "Tell what happened to containers, for auditors; needs no agent", audit);
  options_.audit.directories = {"/var/lib/stillframe/journal"};
  report
      ->add_option("DIR", options_.audit.directories,
                   "Journals, or state directories that they are in: of one "
                   "node each")
      ->check(check_not_empty)
      ->capture_default_str();
  report
      ->add_option("--since", raw_.since,
                   "Begin of the report: as 30d, 2026-01-31, yesterday or an "
                   "RFC 3339 time; without, all that there is")
      ->check(checked_by(parse_time));
  report->add_option("--until", raw_.until, "End of the report; without, now")
      ->check(checked_by(parse_time));
  report
      ->add_option("--key", options_.audit.keys,
                   "File with the public key of who signs; may be repeated")
      ->allow_extra_args(false)
      ->check(check_not_empty);
  report
      ->add_option("--kube-audit", options_.audit.kubernetes_audit,
                   "The API server's audit log, which names the users of "
                   "kubectl exec; may be repeated")
      ->allow_extra_args(false)
      ->check(check_not_empty);
  add_output(report, options_.audit.output, {"text", "json", "html"});
}

void Parser::add_completion() {
  CLI::App* completion =
      app_.add_subcommand("completion", "Print completion code for a shell");
  completion->add_option("SHELL", raw_.shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
}

Exit Parser::usage(const std::string& message) const {
  return {.code = kUsage,
          .out = {},
          .err = "stillframe: " + printable(message) +
                 "\nTry 'stillframe --help'.\n"};
}

CLI::App* Parser::chosen() const {
  CLI::App* command = app_.get_subcommands().front();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
  }
  return command;
}

// Values from the environment and the configuration file, by precedence.
Result<> Parser::settle() {
  CLI::App* command = chosen();
  CLI::Option* socket = command->get_option_no_throw("--socket");
  if (socket != nullptr && socket->count() == 0 && !raw_.app_socket.empty()) {
    raw_.socket = raw_.app_socket;
    socket->add_result(raw_.app_socket);
  }
  const bool run = command->get_name() == "run";
  for (CLI::Option* option : command->get_options()) {
    if (!run && option != socket) continue;
    if (const auto done = apply_environment(*option); !done) return done;
  }
  if (run && !raw_.config_file.empty()) {
    return apply_config_file(*command, raw_.config_file);
  }
  return {};
}

Exit Parser::completion() const {
  std::vector<CommandWords> commands;
  for (const CLI::App* command : app_.get_subcommands({})) {
    CommandWords words{.name = command->get_name(),
                       .description = command->get_description(),
                       .flags = {}};
    for (const CLI::App* part : command->get_subcommands({})) {
      words.flags.push_back(part->get_name());
    }
    for (const CLI::Option* option : command->get_options()) {
      for (const auto& name : option->get_lnames()) {
        words.flags.push_back("--" + name);
      }
    }
    commands.push_back(std::move(words));
  }
  return {.code = kSuccess,
          .out = raw_.shell == "bash" ? bash_completion(commands)
                                      : zsh_completion(commands),
          .err = {}};
}

// All values have been checked as they came in.
Options Parser::options() const {
  Options options = options_;
  options.socket = raw_.socket;
  if (raw_.quiet) options.ps.output = "id";
  options.color = *console::color_mode_from(raw_.color);
  const std::string name = chosen()->get_name();
  if (name == "ps") options.command = Command::ps;
  if (name == "diff") options.command = Command::diff;
  if (name == "events") options.command = Command::events;
  if (name == "doctor") options.command = Command::doctor;
  if (name == "check") options.command = Command::policy_check;
  if (name == "explain") options.command = Command::policy_explain;
  if (name == "suggest") options.command = Command::policy_suggest;
  if (name == "verify") options.command = Command::audit_verify;
  if (name == "report") options.command = Command::audit_report;
  if (name == "keygen") options.command = Command::audit_keygen;
  if (!raw_.since.empty()) options.events.since = *parse_time(raw_.since);
  if (!raw_.until.empty()) options.events.until = *parse_time(raw_.until);
  options.audit.since = options.events.since;
  options.audit.until = options.events.until;
  for (const auto& address : raw_.listen) {
    options.run.listen.push_back(*metrics::parse_listen_address(address));
  }
  options.run.telemetry_path = raw_.telemetry_path;
  options.run.state_dir = raw_.state_dir;
  options.run.scan_interval = *parse_duration(raw_.scan_interval);
  options.run.metrics_grace = *parse_duration(raw_.metrics_grace);
  options.run.max_containers = raw_.max_containers;
  auto& journal = options.run.journal;
  journal.retention = *parse_duration(raw_.journal_retention);
  journal.max_bytes = *parse_size(raw_.journal_max_size);
  journal.segment_bytes = *parse_size(raw_.journal_segment_size);
  journal.sync = raw_.journal_sync == "always"  ? journal::Sync::always
                 : raw_.journal_sync == "never" ? journal::Sync::never
                                                : journal::Sync::second;
  journal.when_full = raw_.journal_when_full == "stop"
                          ? journal::WhenFull::stop
                          : journal::WhenFull::prune;
  options.run.log_level = *log_level_from(raw_.log_level);
  options.run.log_format = *log_format_from(raw_.log_format);
  return options;
}

tl::expected<Options, Exit> Parser::parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::Success& wish) {
    std::ostringstream out;
    app_.exit(wish, out, out);
    return tl::unexpected<Exit>(Exit{kSuccess, out.str(), {}});
  } catch (const CLI::Error& error) {
    return tl::unexpected<Exit>(usage(error.what()));
  }
  if (app_.get_subcommands().empty()) {
    return tl::unexpected<Exit>(
        usage("a command is missing: run, ps, diff, events, doctor, policy, "
              "audit or completion"));
  }
  if (const auto settled = settle(); !settled) {
    return tl::unexpected<Exit>(usage(settled.error().message));
  }
  if (!raw_.shell.empty()) return tl::unexpected<Exit>(completion());
  if (raw_.print_config) {
    const CLI::App* run = app_.get_subcommands().front();
    return tl::unexpected<Exit>(Exit{kSuccess, effective_config(*run), {}});
  }
  if (options_.ps.workloads && options_.ps.output != "table") {
    return tl::unexpected<Exit>(
        usage("--workloads groups the table; with -o wide and -o json each "
              "container has its workload"));
  }
  if (options_.events.follow && !raw_.until.empty()) {
    return tl::unexpected<Exit>(
        usage("--until ends what -f would go on with: give one of them"));
  }
  Options understood = options();
  const auto& events = understood.events;
  if (understood.command == Command::events && events.since && events.until &&
      *events.until <= *events.since) {
    return tl::unexpected<Exit>(
        usage("nothing is between --since and --until: --until has to be "
              "later"));
  }
  return understood;
}

}  // namespace

tl::expected<Options, Exit> parse(int argc, const char* const* argv,
                                  const std::string& version) {
  return Parser(version).parse(argc, argv);
}

}  // namespace stillframe::cli
