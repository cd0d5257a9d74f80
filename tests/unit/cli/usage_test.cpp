// SPDX-License-Identifier: Apache-2.0
//
// What is said of wrong command lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cli/parse.h"

namespace stillframe::cli {
namespace {

using testing::HasSubstr;

using Words = std::vector<std::string>;

std::string said_of(const Words& words) {
  std::vector<const char*> argv = {"stillframe"};
  for (const auto& word : words) argv.push_back(word.c_str());
  const auto options =
      parse(static_cast<int>(argv.size()), argv.data(), "version");
  if (options) return "right";
  EXPECT_EQ(options.error().code, kUsage);
  EXPECT_EQ(options.error().out, "");
  return options.error().err;
}

struct Wrong {
  Words words;
  std::string message;
  std::string help;  // of what
};

TEST(Usage, SaysWhatIsWrongWhatWasMeantAndWhereHelpIs) {
  const Wrong cases[] = {
      {{"foo"},
       "there is no command 'foo'; there are: run, ps, diff, events, "
       "doctor, policy, audit, completion, help, version",
       ""},
      {{"pss"}, "there is no command 'pss': did you mean 'ps'?", ""},
      {{"ls"}, "there is no command 'ls': did you mean 'ps'?", ""},
      {{"check", "p.yaml"},
       "there is no command 'check': did you mean 'policy check'?",
       ""},
      {{"config"},
       "there is no command 'config': did you mean 'run "
       "--print-config'?",
       ""},
      {{"-v"}, "there is no option -v: did you mean --version?", ""},
      {{"--foo"},
       "there is no option --foo; options stand behind the command that "
       "they belong to",
       ""},
      {{"describe", "web"},
       "there is no command 'describe': did you mean 'diff'?",
       ""},
      {{"validate", "p.yaml"},
       "there is no command 'validate': did you mean 'policy check'?",
       ""},
      {{"policy", "lint"},
       "policy has no command 'lint': did you mean 'check'?",
       " policy"},
      {{"ps", "--json"},
       "ps has no option --json: did you mean --output json?",
       " ps"},
      {{"events", "web"},
       "events takes no argument: did you mean --container web?",
       " events"},
      {{"policy", "suggest", "web"},
       "policy suggest takes no argument: did you mean --workload web?",
       " policy suggest"},
      {{"events", "--kind", "write"},
       "--kind: there is no 'write': did you mean one of file_write, "
       "memory_write, sysctl_write?",
       " events"},
      {{"policy", "chek"},
       "policy has no command 'chek': did you mean 'check'?",
       " policy"},
      {{"ps", "-w"},
       "ps has no option -w: did you mean --workloads or --watch?",
       " ps"},
      {{"run", "-d"}, "run has no option -d", " run"},
      {{"ps", "--work"},
       "ps has no option --work: did you mean --workloads?",
       " ps"},
      {{"ps", "--format", "{{.Name}}"},
       "ps has no option --format: did you mean --output?",
       " ps"},
      {{"events", "--tail", "5"},
       "events has no option --tail: did you mean --last?",
       " events"},
      {{"events", "--knid=x"},
       "events has no option --knid: did you mean --kind?",
       " events"},
      {{"policy", "explain", "--contaner", "web", "/x"},
       "policy explain has no option --contaner: did you mean --container?",
       " policy explain"},
      {{"ps", "extra"}, "ps takes no argument: 'extra' is one too many", " ps"},
      {{"diff", "a", "b"},
       "diff takes CONTAINER and no more: 'b' is one too many",
       " diff"},
      {{"diff"},
       "diff needs CONTAINER (Id, unique beginning of it, name, or "
       "NAMESPACE/POD[/CONTAINER]; of one that is gone: its last state)",
       " diff"},
      {{"policy", "suggest"},
       "policy suggest needs --workload WORKLOAD (Workload, as 'stillframe ps "
       "--workloads' names it)",
       " policy suggest"},
      {{"audit", "verify", "--instance", "a"},
       "--instance needs --prometheus URL, too",
       " audit verify"},
      {{"doctor", "-o"},
       "--output needs a value: one of table, json",
       " doctor"},
      {{"events", "--kind", "copy_up", "--kind", "live"},
       "--kind is given more than once",
       " events"},
      {{"ps", "-q", "--workloads"},
       "--quiet and --workloads exclude each other: give one of them",
       " ps"},
      {{"run", "--policy"}, "--policy needs a value: FILE", " run"},
      {{"doctor", "-o", "tabel"},
       "--output: there is no 'tabel': did you mean 'table'?",
       " doctor"},
      {{"doctor", "-o", "yaml"},
       "--output: there is no 'yaml': known: table, json",
       " doctor"},
      {{"events", "--kind", "file_wirte"},
       "--kind: there is no 'file_wirte': did you mean 'file_write'?",
       " events"},
      {{"events", "--tool", "anisble"},
       "--tool: there is no 'anisble': did you mean 'ansible'?",
       " events"},
      {{"events", "--verdict", "violations"},
       "--verdict: there is no 'violations': did you mean 'violation'?",
       " events"},
      {{"events", "--origin", "exce"},
       "--origin: there is no 'exce': did you mean 'exec'?",
       " events"},
      {{"events", "--class", "contents"},
       "--class: there is no 'contents': did you mean 'content'?",
       " events"},
      {{"run", "--metrics.max-containers", "many"},
       "--metrics.max-containers: 'many' is not a whole number from 1 to "
       "100000",
       " run"},
      {{"completion", "tcsh"},
       "SHELL: there is no 'tcsh': known: bash, zsh, fish",
       " completion"},
      {{"help", "polcy"},
       "there is no command 'polcy': did you mean 'policy'?",
       ""},
      {{"help", "ps", "diff"}, "stillframe ps has no commands", " ps"},
  };
  for (const auto& [words, message, help] : cases) {
    EXPECT_EQ(said_of(words), "stillframe: " + message + "\nTry 'stillframe" +
                                  help + " --help'.\n");
  }
}

TEST(Usage, ListsWhatThereIsWhereNothingIsAskedFor) {
  EXPECT_THAT(said_of({}),
              AllOf(HasSubstr("a command is missing. stillframe has:\n  run  "),
                    HasSubstr("\n  policy      Check a policy"),
                    HasSubstr("\nTry 'stillframe --help'.\n")));
  EXPECT_EQ(
      said_of({"policy"}),
      "stillframe: a command is missing. stillframe policy has:\n"
      "  check       Check policy files; needs no agent\n"
      "  explain     Show how changes of a path would be judged, and why\n"
      "  suggest     Print rules that would allow what a workload has "
      "changed\n"
      "Try 'stillframe policy --help'.\n");
}

TEST(Usage, TakesEachWordOfTheVocabulary) {
  for (const Words& words :
       {Words{"--kind", "file_write"}, Words{"--kind", "session_started"},
        Words{"--kind", "policy_loaded"}, Words{"--tool", "cp"},
        Words{"--tool", "systemd-tmpfiles"}, Words{"--tool", "kubelet"},
        Words{"--class", "agent"}, Words{"--verdict", "restored"},
        Words{"--origin", "unattributed"}}) {
    Words line = words;
    line.insert(line.begin(), "events");
    EXPECT_EQ(said_of(line), "right") << words.back();
  }
}

TEST(Usage, EscapesWhatItWasGiven) {
  EXPECT_THAT(said_of({"ps", "\x1b[31m"}), HasSubstr("'\\x1b[31m' is one"));
  EXPECT_THAT(said_of({"\x1b[31m"}), HasSubstr("no command '\\x1b[31m'"));
  EXPECT_THAT(said_of({"ps", "-o", "\x1b[31m"}),
              HasSubstr("there is no '\\x1b[31m'"));
}

}  // namespace
}  // namespace stillframe::cli
