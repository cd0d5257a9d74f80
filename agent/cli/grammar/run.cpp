// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/duration.h"
#include "agent/cli/grammar/grammar.h"
#include "agent/cli/size.h"

namespace stillframe::cli {
namespace {

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

void add_journal(Grammar& grammar, CLI::App* run) {
  RawValues& raw = grammar.raw;
  takes(grammar,
        run->add_option("--journal.retention", raw.journal_retention,
                        "How long the journal is kept"),
        "DURATION")
      ->check(checked_by(parse_duration))
      ->capture_default_str();
  takes(grammar,
        run->add_option("--journal.max-size", raw.journal_max_size,
                        "Maximum size of the journal on disk"),
        "SIZE")
      ->check(checked_by(parse_size))
      ->capture_default_str();
  takes(grammar,
        run->add_option("--journal.segment-size", raw.journal_segment_size,
                        "Size at which a file of the journal is closed"),
        "SIZE")
      ->check(checked_by(parse_size))
      ->capture_default_str();
  takes_one_of(
      grammar,
      run->add_option("--journal.sync", raw.journal_sync,
                      "When what is written reaches the disk: always (with "
                      "each write), second (within one) or never (as the "
                      "kernel likes)"),
      {"always", "second", "never"})
      ->capture_default_str();
  takes_one_of(
      grammar,
      run->add_option("--journal.when-full", raw.journal_when_full,
                      "When the disk is full or the journal at its maximum: "
                      "prune the oldest entries, or stop writing"),
      {"prune", "stop"})
      ->capture_default_str();
  takes(grammar,
        run->add_option("--journal.key", grammar.options.run.journal.key,
                        "File with the private key that signs the journal"),
        "FILE", Source::files);
}

}  // namespace

void add_run(Grammar& grammar) {
  RawValues& raw = grammar.raw;
  RunOptions& options = grammar.options.run;
  CLI::App* run = add_command(grammar, Command::run, "run",
                              "Run the agent in the foreground");
  takes(grammar,
        run->add_option("--web.listen-address", raw.listen,
                        "Address to serve metrics on; may be repeated"),
        "ADDRESS")
      ->allow_extra_args(false)
      ->check(checked_by(metrics::parse_listen_address))
      ->default_str(raw.listen.front());
  run->add_flag("--web.systemd-socket", options.systemd_socket,
                "Serve metrics on the sockets that systemd hands over, and on "
                "no address");
  options.telemetry_path = "/metrics";
  takes(grammar,
        run->add_option("--web.telemetry-path", options.telemetry_path,
                        "Path under which to serve metrics"),
        "PATH")
      ->check(check_telemetry_path)
      ->capture_default_str();
  takes(grammar,
        run->add_option("--web.config.file", options.web_config,
                        "File with TLS, passwords and headers for the metrics"),
        "FILE", Source::files);
  options.state_dir = "/var/lib/stillframe";
  takes(grammar,
        run->add_option("--state-dir", options.state_dir,
                        "Directory for state that outlives the agent"),
        "DIR", Source::directories)
      ->check(check_absolute)
      ->capture_default_str();
  takes(grammar,
        run->add_option("--policy", options.policy,
                        "File that says which changes are tolerated"),
        "FILE", Source::files);
  takes(grammar,
        run->add_option("--scan-interval", raw.scan_interval,
                        "How often to scan each container's files"),
        "DURATION")
      ->check(checked_by(parse_duration))
      ->capture_default_str();
  takes(grammar,
        run->add_option("--metrics.grace", raw.metrics_grace,
                        "How long a container that is gone keeps its metrics"),
        "DURATION")
      ->check(checked_by(parse_duration))
      ->capture_default_str();
  options.max_containers = 1000;
  takes(
      grammar,
      run->add_option("--metrics.max-containers", options.max_containers,
                      "Maximum number of containers with metrics of their own"),
      "NUMBER")
      ->check(check_number(1, 100'000))
      ->capture_default_str();
  options.max_workloads = 500;
  takes(grammar,
        run->add_option("--metrics.max-workloads", options.max_workloads,
                        "Maximum number of workloads with counters of their "
                        "own"),
        "NUMBER")
      ->check(check_number(1, 100'000))
      ->capture_default_str();
  add_journal(grammar, run);
  run->add_flag("--events.journald", options.events_journald,
                "Send events to systemd's journal, too");
  takes_one_of(
      grammar,
      run->add_option("--log.level", raw.log_level, "Minimum log level"),
      {"debug", "info", "warn", "error"})
      ->capture_default_str();
  takes_one_of(grammar,
               run->add_option("--log.format", raw.log_format, "Log format"),
               {"logfmt", "json"})
      ->capture_default_str();
  takes(grammar,
        run->add_option("--config.file", raw.config_file,
                        "File with these settings; flags and environment win"),
        "FILE", Source::files);
  run->add_flag("--print-config", raw.print_config,
                "Print the settings in effect and quit");
}

}  // namespace stillframe::cli
