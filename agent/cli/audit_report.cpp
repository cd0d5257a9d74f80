// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/audit_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
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
  return {.since = std::max(first, WallTime{}), .until = until};
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
  options.on_entry = [&](std::uint64_t, std::string_view,
                         std::string_view line) {
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
  node.audit = {.directory = directory,
                .verification = std::move(*verification),
                .keys_given = !keys.empty(),
                .witness = {}};
  return node;
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
    return complain({0, "--until has to be later than --since"}, streams);
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
  tell_apart(nodes);
  report::Report report = report::make_report(period, std::move(nodes));
  report.made = now;
  report.version = version;
  report.kubernetes_asked = !audit.kubernetes_audit.empty();
  return finish(
      {.code = faults == 0 ? kSuccess : kFailure,
       .out = rendered(report, options, streams),
       .err = faults == 0
                  ? std::string()
                  : fmt::format("stillframe: the journal has {} fault{}: the "
                                "report is of what is left; see 'stillframe "
                                "audit verify'\n",
                                faults, faults == 1 ? "" : "s")},
      streams);
}

}  // namespace stillframe::cli
