// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/grammar/grammar.h"
#include "agent/cli/time.h"
#include "agent/journal/prometheus.h"

namespace stillframe::cli {
namespace {

constexpr const char* kDefaultJournal = "/var/lib/stillframe/journal";

void add_keys(Grammar& grammar, CLI::App* command) {
  takes(grammar,
        command->add_option(
            "--key", grammar.options.audit.keys,
            "File with the public key of who signs; may be repeated"),
        "FILE", Source::files)
      ->allow_extra_args(false)
      ->check(check_not_empty);
}

void add_verify(Grammar& grammar, CLI::App* audit) {
  AuditOptions& options = grammar.options.audit;
  CLI::App* verify =
      add_command(grammar, Command::audit_verify, "verify",
                  "Find what was changed in a journal; needs no agent", audit);
  options.directory = kDefaultJournal;
  takes(grammar,
        verify->add_option("DIR", options.directory,
                           "The journal, or the state directory that it is in"),
        "", Source::directories)
      ->check(check_not_empty)
      ->capture_default_str();
  add_keys(grammar, verify);
  auto* prometheus =
      takes(grammar,
            verify->add_option("--prometheus", options.prometheus,
                               "Compare with what this Prometheus scraped, as "
                               "http://host:9090"),
            "URL")
          ->check(journal::check_prometheus_url);
  takes(grammar,
        verify->add_option("--instance", options.instance,
                           "The agent's label there, if it knows several"),
        "INSTANCE")
      ->needs(prometheus)
      ->check(check_not_empty);
  add_output(grammar, verify, options.output, {"text", "json"});
}

void add_report(Grammar& grammar, CLI::App* audit) {
  AuditOptions& options = grammar.options.audit;
  RawValues& raw = grammar.raw;
  CLI::App* report = add_command(
      grammar, Command::audit_report, "report",
      "Tell what happened to containers, for auditors; needs no agent", audit);
  options.directories = {kDefaultJournal};
  takes(grammar,
        report->add_option("DIR", options.directories,
                           "Journals, or state directories that they are in: "
                           "of one node each"),
        "", Source::directories)
      ->check(check_not_empty)
      ->capture_default_str();
  takes(grammar,
        report->add_option("--since", raw.since,
                           "Begin of the report: as 30d, 2026-01-31, yesterday "
                           "or an RFC 3339 time; without, all that there is"),
        "TIME")
      ->check(checked_by(parse_time));
  takes(grammar,
        report->add_option("--until", raw.until,
                           "End of the report; without, now"),
        "TIME")
      ->check(checked_by(parse_time));
  add_keys(grammar, report);
  takes(grammar,
        report->add_option("--kube-audit", options.kubernetes_audit,
                           "The API server's audit log, which names the users "
                           "of kubectl exec; may be repeated"),
        "FILE", Source::files)
      ->allow_extra_args(false)
      ->check(check_not_empty);
  add_output(grammar, report, options.output, {"text", "json", "html"});
}

void add_keygen(Grammar& grammar, CLI::App* audit) {
  AuditOptions& options = grammar.options.audit;
  CLI::App* keygen = add_command(grammar, Command::audit_keygen, "keygen",
                                 "Make the keys that sign a journal", audit);
  options.key_file = "journal.key";
  takes(grammar,
        keygen->add_option(
            "--out", options.key_file,
            "File for the private key; the public one is beside it"),
        "FILE", Source::files)
      ->check(check_not_empty)
      ->capture_default_str();
}

}  // namespace

void add_audit(Grammar& grammar) {
  CLI::App* audit = add_family(
      grammar, "audit",
      "Check the journal of what happened, report from it, or make the "
      "key that signs it");
  add_verify(grammar, audit);
  add_report(grammar, audit);
  add_keygen(grammar, audit);
}

}  // namespace stillframe::cli
