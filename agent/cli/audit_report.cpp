// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/audit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "agent/base/text.h"
#include "agent/cli/journal_source.h"
#include "agent/journal/verify.h"
#include "exporters/console/style.h"
#include "exporters/jsonl/event_reader.h"
#include "exporters/report/collector.h"
#include "exporters/report/kubernetes_audit.h"
#include "exporters/report/report.h"
#include "exporters/report/words.h"

namespace stillframe::cli {
namespace {

// Without --since a report is about all that the journals have.
report::Period period_of(const AuditOptions& audit,
                         const std::vector<std::string>& directories,
                         WallTime now) {
  const WallTime until = audit.until.value_or(now);
  if (audit.since) {
    return {.since = std::max(*audit.since, WallTime{}), .until = until};
  }
  WallTime first = until;
  for (const auto& directory : directories) {
    first = std::min(first, journal::begin_of(directory).value_or(first));
  }
  // Without any, who reads them says why.
  const bool none = first == until && !audit.until;
  return {.since = std::max(none ? WallTime{until.ns - 1} : first, WallTime{}),
          .until = until};
}

// What is verified is what is read: there is no time in between.
Result<report::NodeReport> read_node(const std::string& directory,
                                     const std::vector<journal::Key>& keys,
                                     report::Collector collector, WallTime now,
                                     Progress& progress) {
  std::uint64_t not_read = 0;
  journal::VerifyOptions options{.keys = keys};
  options.progress = [&](std::uint64_t done, std::uint64_t of) {
    progress.show(done, of);
  };
  std::string first_hash;
  options.on_entry = [&](std::uint64_t, std::string_view hash,
                         std::string_view line) {
    if (first_hash.empty()) first_hash = hash;
    const auto event = jsonl::event_from_json(line);
    if (event) {
      collector.take(*event);
    } else {
      ++not_read;
    }
  };
  auto verification = journal::verify(directory, options);
  if (!verification) return tl::unexpected<Error>(verification.error());
  const auto& checkpoint = verification->checkpoint;
  report::NodeReport node = std::move(collector).finish(
      checkpoint ? checkpoint->time : WallTime{}, now);
  node.node =
      checkpoint && !checkpoint->node.empty() ? checkpoint->node : directory;
  node.entries_not_read = not_read;
  node.first_hash = first_hash;
  node.audit = {.directory = directory,
                .verification = std::move(*verification),
                .keys_given = !keys.empty(),
                .witness = {}};
  return node;
}

// A journal and its copy are one. Empty: there are no such.
std::string given_twice(const std::vector<report::NodeReport>& nodes) {
  std::map<std::string, std::string> begins;  // by the first entry's hash
  for (const auto& node : nodes) {
    if (node.first_hash.empty()) continue;
    const auto [at, is_new] =
        begins.emplace(node.first_hash, node.audit.directory);
    if (!is_new) {
      return printable(at->second) + " and " + printable(node.audit.directory) +
             " are the same journal: give one of them";
    }
  }
  return {};
}

// What came of the API server's audit log.
std::string notice_of(const report::KubernetesAudit& kubernetes,
                      const report::Report& report) {
  std::size_t sessions = 0;
  for (const auto& node : report.nodes) {
    for (const auto& one : node.containers) {
      for (const auto& row : one.sessions) {
        if (!row.audit_id.empty()) ++sessions;
      }
    }
  }
  return fmt::format(
      "stillframe: --kube-audit: {} requests into containers; {} sessions have "
      "their user by that\n",
      kubernetes.requests(), sessions);
}

// Two machines of one name stay two.
void tell_apart(std::vector<report::NodeReport>& nodes) {
  std::multiset<std::string> names;
  for (const auto& node : nodes) names.insert(node.node);
  for (auto& node : nodes) {
    if (names.count(node.node) > 1) {
      node.node += " (" + node.audit.directory + ')';
    }
  }
}

std::string rendered(const report::Report& report, const Options& options,
                     Streams streams) {
  if (options.audit.output == "json") return report_json(report);
  if (options.audit.output == "html") return report_html(report);
  return report_text(report, console::use_color(options.color, streams.out));
}

}  // namespace

int run_audit_report(const Options& options, const std::string& version,
                     Streams streams) {
  std::signal(SIGPIPE, SIG_IGN);
  const AuditOptions& audit = options.audit;
  const auto keys = read_keys(audit.keys);
  if (!keys) return complain(keys.error(), streams);
  report::KubernetesAudit kubernetes;
  for (const auto& file : audit.kubernetes_audit) {
    if (auto read = kubernetes.read(file); !read) {
      return complain(
          {read.error().code, "--kube-audit: " + read.error().message},
          streams);
    }
  }
  std::vector<std::string> directories;
  for (const auto& given : audit.directories) {
    std::error_code error;
    const auto path =
        std::filesystem::canonical(journal_directory(given), error);
    directories.push_back(error ? journal_directory(given) : path.string());
    if (std::count(directories.begin(), directories.end(), directories.back()) >
        1) {
      return complain({0, printable(given) + " is given twice"}, streams);
    }
  }
  const WallTime now = wall_now();
  const report::Period period = period_of(audit, directories, now);
  if (period.until <= period.since) {
    return finish({.code = kUsage,
                   .out = {},
                   .err = "stillframe: nothing is between " +
                          report::moment(period.since) + " and " +
                          report::moment(period.until) +
                          ": give another --since or --until\n"},
                  streams);
  }
  std::vector<report::NodeReport> nodes;
  std::uint64_t faults = 0;
  for (const auto& directory : directories) {
    Progress progress(streams.err, "reading " + printable(directory));
    auto node = read_node(
        directory, *keys,
        report::Collector(
            period, audit.kubernetes_audit.empty() ? nullptr : &kubernetes),
        now, progress);
    if (!node) return complain(node.error(), streams);
    faults += node->audit.verification.fault_count + node->entries_not_read;
    nodes.push_back(std::move(*node));
  }
  if (const auto twice = given_twice(nodes); !twice.empty()) {
    return complain({0, twice}, streams);
  }
  tell_apart(nodes);
  report::Report report = report::make_report(period, std::move(nodes));
  report.made = now;
  report.version = version;
  report.kubernetes_asked = !audit.kubernetes_audit.empty();
  const std::string notice =
      report.kubernetes_asked ? notice_of(kubernetes, report) : "";
  return finish(
      {.code = faults == 0 ? kSuccess : kFailure,
       .out = rendered(report, options, streams),
       .err = notice +
              (faults == 0
                   ? std::string()
                   : fmt::format("stillframe: the journal has {} fault{}: the "
                                 "report is of what is left; see 'stillframe "
                                 "audit verify'\n",
                                 faults, faults == 1 ? "" : "s"))},
      streams);
}

}  // namespace stillframe::cli
