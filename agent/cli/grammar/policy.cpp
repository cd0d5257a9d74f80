// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/grammar/grammar.h"

namespace stillframe::cli {

void add_policy(Grammar& grammar) {
  PolicyOptions& options = grammar.options.policy;
  CLI::App* policy = add_family(
      grammar, "policy", "Check a policy, or see what it makes of changes");

  CLI::App* check = add_command(grammar, Command::policy_check, "check",
                                "Check policy files; needs no agent", policy);
  takes(grammar,
        check->add_option("FILE", options.files,
                          "Policy files; -: what comes by the pipe"),
        "", Source::files)
      ->required()
      ->check(check_not_empty);

  CLI::App* explain = add_command(
      grammar, Command::policy_explain, "explain",
      "Show how changes of a path would be judged, and why", policy);
  takes(grammar,
        explain->add_option("--container", options.container,
                            "Id, unique beginning of it, or name"),
        "CONTAINER", Source::containers)
      ->required()
      ->check(check_not_empty);
  takes(grammar,
        explain->add_option("PATH", options.path,
                            "Absolute path inside the container"),
        "")
      ->required()
      ->check(check_absolute)
      ->check(check_without_parent);
  add_output(grammar, explain, options.output, {"table", "json"});

  CLI::App* suggest = add_command(
      grammar, Command::policy_suggest, "suggest",
      "Print rules that would allow what a workload has changed", policy);
  takes(grammar,
        suggest->add_option("--workload", options.workload,
                            "Workload, as 'stillframe ps --workloads' names "
                            "it"),
        "WORKLOAD", Source::workloads)
      ->required()
      ->check(check_not_empty);
}

}  // namespace stillframe::cli
