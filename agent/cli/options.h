// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/journal/writer.h"
#include "exporters/console/style.h"
#include "exporters/prometheus/listen_address.h"

namespace stillframe::cli {

enum class Command {
  run,
  ps,
  diff,
  events,
  doctor,
  policy_check,
  policy_explain,
  policy_suggest,
  audit_verify,
  audit_report,
  audit_keygen,
  complete
};

struct JournalOptions {
  std::chrono::milliseconds retention{};
  std::uint64_t max_bytes = 0;
  std::uint64_t segment_bytes = 0;
  journal::Sync sync = journal::Sync::second;
  journal::WhenFull when_full = journal::WhenFull::prune;
  std::string key;  // file; empty: none
};

struct RunOptions {
  std::vector<metrics::ListenAddress> listen;
  std::string telemetry_path;
  bool systemd_socket = false;  // instead of `listen`
  std::string web_config;       // file; empty: plain HTTP
  std::string state_dir;
  std::string policy;  // file; empty: built-in scratch places only
  std::chrono::milliseconds scan_interval{};
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;
  std::chrono::milliseconds metrics_grace{};
  std::size_t max_containers = 0;
  std::size_t max_workloads = 0;
  JournalOptions journal;
  bool events_journald = false;  // sent to systemd's journal
};

struct PsOptions {
  std::string output;  // table, wide, json, name, id
  bool all = false;    // those that do not run or are gone, too
  bool whole = false;  // nothing is cut
  bool workloads = false;
  bool watch = false;
  std::string space;                 // of this namespace only; empty: all
  std::vector<std::string> filters;  // KEY=VALUE
  std::string sort;                  // a column; empty: as they were found
};

struct DiffOptions {
  std::string container;
  std::string output;  // table, wide, json, docker
  bool all = false;    // the runtime's own, too, and no list cut short
  bool exit_code = false;
};

struct EventsOptions {
  bool follow = false;
  std::string container;
  std::optional<WallTime> since;
  std::optional<WallTime> until;
  std::size_t last = 0;  // 0: not given
  std::string class_name;
  std::string kind;
  std::string verdict;
  std::string origin;
  std::string tool;
  std::string path;    // a pattern
  std::string output;  // compact, json
};

struct PolicyOptions {
  std::vector<std::string> files;  // check
  std::string container;           // explain
  std::string path;
  std::string output;    // explain: table, json
  std::string workload;  // suggest
};

struct AuditOptions {
  std::string directory;
  std::vector<std::string> keys;              // files
  std::string prometheus;                     // URL; empty: it is not asked
  std::string instance;                       // there; empty: the only one
  std::string output;                         // text, json, html
  std::vector<std::string> directories;       // report
  std::vector<std::string> kubernetes_audit;  // files
  std::optional<WallTime> since;
  std::optional<WallTime> until;
  std::string key_file;  // keygen: to be made
};

struct DoctorOptions {
  std::string output;  // table, json
};

struct CompleteOptions {
  std::vector<std::string> words;  // the last one is to be completed
};

// A command line, understood: those of the command that was given are set.
struct Options {
  Command command = Command::run;
  std::string socket;
  console::ColorMode color = console::ColorMode::automatic;
  RunOptions run;
  PsOptions ps;
  DiffOptions diff;
  EventsOptions events;
  DoctorOptions doctor;
  PolicyOptions policy;
  AuditOptions audit;
  CompleteOptions complete;
};

}  // namespace stillframe::cli
