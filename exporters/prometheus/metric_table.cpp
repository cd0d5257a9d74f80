// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/metric_table.h"

#include <array>

#include "agent/model/container_name.h"

namespace stillframe::metrics {
namespace {

using prometheus::MetricType;

double seconds(WallTime time) { return static_cast<double>(time.ns) / 1e9; }

// As kube-state-metrics writes it, so that the two can be joined; with the
// namespace where containerd has several.
std::string container_id(const ContainerView& view) {
  return view.info.runtime + "://" + key_of(view.info);
}

template <auto Value>
void per_container(const ScrapeInput& in, Samples& out) {
  for (const auto* view : in.containers) {
    out.add({container_id(*view)}, Value(*view));
  }
}

void container_info(const ScrapeInput& in, Samples& out) {
  for (const auto* view : in.containers) {
    const ContainerInfo& info = view->info;
    out.add({container_id(*view), info.name, info.pod_namespace, info.pod,
             info.pod_container, info.image, info.image_id, info.runtime,
             info.workload},
            1);
  }
}

// Absent where it has not been yet.
template <auto Member>
void container_time(const ScrapeInput& in, Samples& out) {
  for (const auto* view : in.containers) {
    const WallTime time = view->*Member;
    if (time.ns == 0) continue;
    out.add({container_id(*view)}, seconds(time));
  }
}

void container_state(const ScrapeInput& in, Samples& out) {
  for (const auto* view : in.containers) {
    for (const auto name : kStateNames) {
      out.add({container_id(*view), name},
              to_string(view->state) == name ? 1 : 0);
    }
  }
}

void container_mutated(const ScrapeInput& in, Samples& out) {
  for (const auto* view : in.containers) {
    if (view->state == ContainerState::unknown) continue;
    out.add({container_id(*view)},
            view->state == ContainerState::mutated ? 1 : 0);
  }
}

void container_violations(const ScrapeInput& in, Samples& out) {
  for (const auto* view : in.containers) {
    for (const auto& [key, count] : view->violations) {
      if (count == 0) continue;
      out.add(
          {container_id(*view), to_string(key.first), to_string(key.second)},
          static_cast<double>(count));
    }
  }
}

void container_changed_paths(const ScrapeInput& in, Samples& out) {
  for (const auto* view : in.containers) {
    for (std::size_t i = 0; i < kVerdictNames.size(); ++i) {
      if (view->verdicts[i] == 0) continue;
      out.add({container_id(*view), kVerdictNames[i]},
              static_cast<double>(view->verdicts[i]));
    }
  }
}

void mutations(const ScrapeInput& in, Samples& out) {
  for (const auto& [key, count] : in.snapshot.mutations) {
    const auto& [name_space, workload, kind, origin, verdict] = key;
    out.add({name_space, workload, to_string(class_of(kind)), to_string(kind),
             to_string(origin), to_string(verdict)},
            static_cast<double>(count));
  }
}

void in_place_updates(const ScrapeInput& in, Samples& out) {
  for (const auto& [key, count] : in.snapshot.in_place_updates) {
    const auto& [name_space, workload, tool] = key;
    out.add({name_space, workload, tool}, static_cast<double>(count));
  }
}

void replacements(const ScrapeInput& in, Samples& out) {
  for (const auto& [key, count] : in.snapshot.replacements) {
    const auto& [name_space, workload, image_changed] = key;
    out.add({name_space, workload, image_changed ? "true" : "false"},
            static_cast<double>(count));
  }
}

void containers(const ScrapeInput& in, Samples& out) {
  std::array<double, kStateNames.size()> counts{};
  for (const auto& view : in.snapshot.containers) {
    if (view.running) ++counts[static_cast<std::size_t>(view.state)];
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out.add({kStateNames[i]}, counts[i]);
  }
}

void lifecycle(const ScrapeInput& in, Samples& out) {
  for (const auto name : kLifecycleNames) out.add({name}, 0);
  for (const auto& [event, count] : in.snapshot.lifecycle) {
    out.add({event}, static_cast<double>(count));
  }
}

void sensor_info(const ScrapeInput& in, Samples& out) {
  for (const auto& sensor : in.snapshot.sensors) {
    out.add({sensor.sensor, sensor.implementation}, 1);
  }
}

void sensor_coverage(const ScrapeInput& in, Samples& out) {
  for (const auto& sensor : in.snapshot.sensors) {
    const auto is = [&](Coverage c) {
      return sensor.coverage == c ? 1.0 : 0.0;
    };
    out.add({sensor.sensor, "events"}, is(Coverage::events));
    out.add({sensor.sensor, "state"}, is(Coverage::state));
    out.add({sensor.sensor, "none"}, is(Coverage::none));
  }
}

void events_lost(const ScrapeInput& in, Samples& out) {
  for (const auto& [reason, count] : in.snapshot.stats.lost) {
    out.add({reason}, static_cast<double>(count));
  }
}

void log_messages(const ScrapeInput& in, Samples& out) {
  out.add({"warning"}, static_cast<double>(in.snapshot.stats.log_warnings));
  out.add({"error"}, static_cast<double>(in.snapshot.stats.log_errors));
}

template <auto Member>
void stat(const ScrapeInput& in, Samples& out) {
  out.add(static_cast<double>(in.snapshot.stats.*Member));
}

template <auto Member>
void journal(const ScrapeInput& in, Samples& out) {
  if (in.journal) out.add(static_cast<double>(in.journal.value().*Member));
}

void journal_lost(const ScrapeInput& in, Samples& out) {
  if (!in.journal) return;
  for (const std::string_view reason : {"queue_full", "write_failed"}) {
    const auto at = in.journal->lost.find(std::string(reason));
    const bool none = at == in.journal->lost.end();
    out.add({reason}, none ? 0 : static_cast<double>(at->second));
  }
}

void journald_sent(const ScrapeInput& in, Samples& out) {
  if (in.journald) out.add(static_cast<double>(in.journald->sent));
}

void journald_lost(const ScrapeInput& in, Samples& out) {
  if (!in.journald) return;
  out.add({"queue_full"}, static_cast<double>(in.journald->queue_full));
  out.add({"send_failed"}, static_cast<double>(in.journald->send_failed));
}

void requests_refused(const ScrapeInput& in, Samples& out) {
  if (!in.web) return;
  out.add({"no_credentials"}, static_cast<double>(in.web->without_credentials));
  out.add({"wrong_credentials"},
          static_cast<double>(in.web->wrong_credentials));
}

template <auto Member>
void web_count(const ScrapeInput& in, Samples& out) {
  if (in.web) out.add(static_cast<double>(in.web.value().*Member));
}

template <auto Member>
void self(const ScrapeInput& in, Samples& out) {
  if (in.self) out.add(in.self.value().*Member);
}

MetricSection container_section() {
  return {
      "Per container",
      "Join them on `(instance, container_id)`. A container that is gone keeps "
      "its series for `--metrics.grace` with `stillframe_container_running` 0. "
      "At most `--metrics.max-containers` containers are shown, the mutated "
      "ones first.",
      {
          {"stillframe_container_info",
           MetricType::Gauge,
           {"container_id", "name", "namespace", "pod", "container", "image",
            "image_id", "runtime", "workload"},
           "",
           "Who a container is; always 1.",
           container_info},
          {"stillframe_container_start_time_seconds",
           MetricType::Gauge,
           {"container_id"},
           "seconds since 1970",
           "When a container started.",
           container_time<&ContainerView::started>},
          {"stillframe_container_running",
           MetricType::Gauge,
           {"container_id"},
           "",
           "Whether a container runs (1) or is stopped or gone (0).",
           per_container<[](const ContainerView& v) -> double {
             return v.running ? 1 : 0;
           }>},
          {"stillframe_container_state",
           MetricType::Gauge,
           {"container_id", "state"},
           "",
           "What a container is: still (its image), mutated, or unknown while "
           "nobody could look; 1 on one.",
           container_state},
          {"stillframe_container_mutated",
           MetricType::Gauge,
           {"container_id"},
           "",
           "Whether a container is no longer its image: 1 if so, 0 if still; "
           "absent while that is unknown.",
           container_mutated},
          {"stillframe_container_complete",
           MetricType::Gauge,
           {"container_id"},
           "",
           "Whether all that changed in a container is known (1), or a scan is "
           "due, failed or reached a limit (0).",
           per_container<[](const ContainerView& v) -> double {
             return v.complete ? 1 : 0;
           }>},
          {"stillframe_container_last_scan_time_seconds",
           MetricType::Gauge,
           {"container_id"},
           "seconds since 1970",
           "When a container was last compared with its image in full; absent "
           "before that.",
           container_time<&ContainerView::last_scan>},
          {"stillframe_container_mutated_paths",
           MetricType::Gauge,
           {"container_id"},
           "",
           "Paths of a container that were changed against the policy; not "
           "directories that changed with what is in them alone.",
           per_container<[](const ContainerView& v) -> double {
             return static_cast<double>(v.mutated_paths);
           }>},
          {"stillframe_container_first_mutation_time_seconds",
           MetricType::Gauge,
           {"container_id"},
           "seconds since 1970",
           "When a container was first mutated; absent while it is still.",
           container_time<&ContainerView::first_mutation>},
          {"stillframe_container_last_mutation_time_seconds",
           MetricType::Gauge,
           {"container_id"},
           "seconds since 1970",
           "When a container's latest mutation was seen last; absent while it "
           "is still. After a restart of the agent: of mutations that are "
           "still "
           "there, or else of the first.",
           container_time<&ContainerView::last_mutation>},
          {"stillframe_container_violations",
           MetricType::Gauge,
           {"container_id", "class", "origin"},
           "",
           "Violations in a container by class and origin; only where not 0.",
           container_violations},
          {"stillframe_container_changed_paths",
           MetricType::Gauge,
           {"container_id", "verdict"},
           "",
           "Paths of a container that were changed, by what the policy says of "
           "them; only where not 0. Not directories that changed with what is "
           "in them alone.",
           container_changed_paths},
          {"stillframe_container_sessions_total",
           MetricType::Counter,
           {"container_id"},
           "",
           "Entries into a container from outside, as by exec, since the agent "
           "knows it.",
           per_container<[](const ContainerView& v) -> double {
             return static_cast<double>(v.sessions);
           }>},
      }};
}

MetricSection workload_section() {
  return {
      "Per workload and node",
      "They outlive the containers. At most `--metrics.max-workloads` "
      "workloads have series of their own, the rest counts as `_other`. One "
      "without containers and counts for an hour gives up its series when "
      "another needs the room, and would begin at 0 again.",
      {
          {"stillframe_mutations_total",
           MetricType::Counter,
           {"namespace", "workload", "class", "kind", "origin", "verdict"},
           "",
           "Mutations of running containers.",
           mutations},
          {"stillframe_in_place_updates_total",
           MetricType::Counter,
           {"namespace", "workload", "tool"},
           "",
           "Updates of running containers in place: runs of a tool that "
           "changed something, each counted once.",
           in_place_updates},
          {"stillframe_replacements_total",
           MetricType::Counter,
           {"namespace", "workload", "image_changed"},
           "",
           "Containers replaced by another of the same workload.",
           replacements},
          {"stillframe_mutated_lifetime_seconds",
           MetricType::Histogram,
           {},
           "seconds",
           "How long mutated containers lived on after their first mutation.",
           [](const ScrapeInput& in, Samples& out) {
             out.add(in.snapshot.mutated_lifetime);
           }},
          {"stillframe_containers",
           MetricType::Gauge,
           {"state"},
           "",
           "Running containers by state: still, mutated or unknown.",
           containers},
          {"stillframe_containers_overflow",
           MetricType::Gauge,
           {},
           "",
           "Containers without series of their own, being over the cap.",
           [](const ScrapeInput& in, Samples& out) {
             out.add(static_cast<double>(in.overflow));
           }},
          {"stillframe_container_lifecycle_total",
           MetricType::Counter,
           {"event"},
           "",
           "Lifecycle events of containers.",
           lifecycle},
      }};
}

MetricSection agent_section() {
  return {
      "The agent",
      "What the agent sees, and what it does not.",
      {
          {"stillframe_sensor_info",
           MetricType::Gauge,
           {"sensor", "implementation"},
           "",
           "How each sensor works on this machine; always 1.",
           sensor_info},
          {"stillframe_sensor_coverage",
           MetricType::Gauge,
           {"sensor", "coverage"},
           "",
           "What each sensor covers: events, state only, or none; 1 on one.",
           sensor_coverage},
          {"stillframe_events_total",
           MetricType::Counter,
           {},
           "",
           "Events received from the kernel.",
           stat<&AgentStats::events>},
          {"stillframe_events_lost_total",
           MetricType::Counter,
           {"reason"},
           "",
           "Events lost, by reason; a scan makes up for them.",
           events_lost},
          {"stillframe_events_suppressed_total",
           MetricType::Counter,
           {},
           "",
           "Events held back because a container was over its budget.",
           stat<&AgentStats::suppressed>},
          {"stillframe_inodes_unlisted_total",
           MetricType::Counter,
           {},
           "",
           "Changes of files that found no room among the inodes that the "
           "kernel side knows; their directories are known, and nothing is "
           "lost.",
           stat<&AgentStats::unlisted>},
          {"stillframe_scan_runs_total",
           MetricType::Counter,
           {},
           "",
           "Scans of containers' root filesystems.",
           stat<&AgentStats::scans>},
          {"stillframe_scan_errors_total",
           MetricType::Counter,
           {},
           "",
           "Scans that met an error; the agent's log has the container and the "
           "cause.",
           stat<&AgentStats::scan_errors>},
          {"stillframe_scan_entries_total",
           MetricType::Counter,
           {},
           "",
           "Directory entries looked at by scans.",
           stat<&AgentStats::scan_entries>},
          {"stillframe_scan_seconds_total",
           MetricType::Counter,
           {},
           "seconds",
           "Time spent in scans.",
           stat<&AgentStats::scan_seconds>},
          {"stillframe_sessions_total",
           MetricType::Counter,
           {},
           "",
           "Entries into running containers from outside, as by exec.",
           stat<&AgentStats::sessions>},
          {"stillframe_policy_load_success",
           MetricType::Gauge,
           {},
           "",
           "Whether the latest attempt to load the policy succeeded.",
           [](const ScrapeInput& in, Samples& out) {
             out.add(in.snapshot.policy.load_success ? 1 : 0);
           }},
          {"stillframe_policy_last_load_success_timestamp_seconds",
           MetricType::Gauge,
           {},
           "seconds since 1970",
           "When the policy in use was loaded.",
           [](const ScrapeInput& in, Samples& out) {
             out.add(seconds(in.snapshot.policy.last_success));
           }},
          {"stillframe_policy_rules",
           MetricType::Gauge,
           {},
           "",
           "Rules of the policy in use, the expired ones included.",
           [](const ScrapeInput& in, Samples& out) {
             out.add(static_cast<double>(in.snapshot.policy.rules));
           }},
          {"stillframe_policy_rules_expired",
           MetricType::Gauge,
           {},
           "",
           "Rules of the policy in use that have expired and decide nothing.",
           [](const ScrapeInput& in, Samples& out) {
             out.add(static_cast<double>(in.snapshot.policy.expired.size()));
           }},
          {"stillframe_policy_info",
           MetricType::Gauge,
           {"sha256"},
           "",
           "The SHA-256 of the policy file in use; always 1, absent without "
           "one.",
           [](const ScrapeInput& in, Samples& out) {
             const PolicyState& policy = in.snapshot.policy;
             if (!policy.sha256.empty()) out.add({policy.sha256}, 1);
           }},
          {"stillframe_policy_rule_expiry_time_seconds",
           MetricType::Gauge,
           {"rule"},
           "seconds since 1970",
           "When a rule of the policy in use expires or did; of rules that do.",
           [](const ScrapeInput& in, Samples& out) {
             for (const auto& [rule, time] : in.snapshot.policy.expiries) {
               out.add({rule}, seconds(time));
             }
           }},
          {"stillframe_metadata_errors_total",
           MetricType::Counter,
           {},
           "",
           "Metadata of containers that could not be read.",
           stat<&AgentStats::metadata_errors>},
          {"stillframe_state_damaged_total",
           MetricType::Counter,
           {},
           "",
           "Files of the state directory that could not be understood and were "
           "set apart.",
           stat<&AgentStats::state_damaged>},
          {"stillframe_journal_entries_total",
           MetricType::Counter,
           {},
           "",
           "Entries of the journal, of all agents that wrote it.",
           journal<&JournalState::entries>},
          {"stillframe_journal_head",
           MetricType::Gauge,
           {},
           "",
           "The first 48 bits of the last entry's SHA-256: what was scraped "
           "bears witness of the journal.",
           journal<&JournalState::head>},
          {"stillframe_journal_bytes",
           MetricType::Gauge,
           {},
           "bytes",
           "Size of the journal on disk.",
           journal<&JournalState::bytes>},
          {"stillframe_journal_segments",
           MetricType::Gauge,
           {},
           "",
           "Files of the journal.",
           journal<&JournalState::segments>},
          {"stillframe_journal_lost_total",
           MetricType::Counter,
           {"reason"},
           "",
           "Entries that could not be written, or not one by one.",
           journal_lost},
          {"stillframe_journal_write_errors_total",
           MetricType::Counter,
           {},
           "",
           "Attempts to write the journal that failed.",
           journal<&JournalState::write_errors>},
          {"stillframe_journald_events_total",
           MetricType::Counter,
           {},
           "",
           "Events sent to systemd's journal; only with --events.journald.",
           journald_sent},
          {"stillframe_journald_lost_total",
           MetricType::Counter,
           {"reason"},
           "",
           "Events that systemd's journal did not get: too many waited, or it "
           "did not take one of them.",
           journald_lost},
          {"stillframe_web_config_load_success",
           MetricType::Gauge,
           {},
           "",
           "Whether the web configuration is good, as it is now; only with "
           "--web.config.file, as all of stillframe_web.",
           web_count<&web::State::load_success>},
          {"stillframe_web_config_last_load_success_timestamp_seconds",
           MetricType::Gauge,
           {},
           "seconds since 1970",
           "When the web configuration in force was loaded.",
           [](const ScrapeInput& in, Samples& out) {
             if (in.web) out.add(seconds(in.web->last_success));
           }},
          {"stillframe_web_config_load_errors_total",
           MetricType::Counter,
           {},
           "",
           "Times that the web configuration, a certificate or a key became "
           "bad; the last good one goes on.",
           web_count<&web::State::load_errors>},
          {"stillframe_web_requests_refused_total",
           MetricType::Counter,
           {"reason"},
           "",
           "Requests for metrics that were answered with 401.",
           requests_refused},
          {"stillframe_web_tls_handshakes_refused_total",
           MetricType::Counter,
           {},
           "",
           "Connections for metrics that ended in their TLS handshake: no "
           "common version, no valid client certificate, no TLS.",
           web_count<&web::State::handshakes_refused>},
          {"stillframe_log_messages_total",
           MetricType::Counter,
           {"level"},
           "",
           "Warnings and errors that the agent logged.",
           log_messages},
          {"stillframe_log_lines_left_out_total",
           MetricType::Counter,
           {},
           "",
           "Lines of the agent's log that were not written, since nobody read "
           "it in time.",
           stat<&AgentStats::log_left_out>},
          {"stillframe_ready",
           MetricType::Gauge,
           {},
           "",
           "Whether the sensors are attached and the first scan is done.",
           [](const ScrapeInput& in, Samples& out) {
             out.add(in.snapshot.ready ? 1 : 0);
           }},
          {"stillframe_agent_phase_start_time_seconds",
           MetricType::Gauge,
           {"phase"},
           "seconds since 1970",
           "Since when the agent is in the phase that it is in: starting, "
           "running or stopping.",
           [](const ScrapeInput& in, Samples& out) {
             out.add({name_of(in.phase.name)}, seconds(in.phase.since));
           }},
          {"stillframe_build_info",
           MetricType::Gauge,
           {"version", "revision"},
           "",
           "What this agent was built from; always 1.",
           [](const ScrapeInput& in, Samples& out) {
             out.add({in.build.version, in.build.revision}, 1);
           }},
      }};
}

MetricSection process_section() {
  return {"The agent's process",
          "As in Prometheus' own client libraries.",
          {
              {"process_cpu_seconds_total",
               MetricType::Counter,
               {},
               "seconds",
               "Total user and system CPU time spent.",
               self<&SelfMetrics::cpu_seconds>},
              {"process_resident_memory_bytes",
               MetricType::Gauge,
               {},
               "bytes",
               "Resident memory size.",
               self<&SelfMetrics::resident_bytes>},
              {"process_virtual_memory_bytes",
               MetricType::Gauge,
               {},
               "bytes",
               "Virtual memory size.",
               self<&SelfMetrics::virtual_bytes>},
              {"process_open_fds",
               MetricType::Gauge,
               {},
               "",
               "Number of open file descriptors.",
               self<&SelfMetrics::open_fds>},
              {"process_max_fds",
               MetricType::Gauge,
               {},
               "",
               "Maximum number of open file descriptors.",
               self<&SelfMetrics::max_fds>},
              {"process_start_time_seconds",
               MetricType::Gauge,
               {},
               "seconds since 1970",
               "Start time of the process.",
               self<&SelfMetrics::start_time_seconds>},
          }};
}

}  // namespace

const std::vector<MetricSection>& metric_table() {
  static const std::vector<MetricSection> table = {
      container_section(), workload_section(), agent_section(),
      process_section()};
  return table;
}

}  // namespace stillframe::metrics
