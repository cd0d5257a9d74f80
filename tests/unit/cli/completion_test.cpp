// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cli/completion/candidates.h"
#include "agent/cli/completion/script.h"

namespace stillframe::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;

using Words = std::vector<std::string>;

Completion completed(const Words& words) {
  static const auto grammar = make_grammar("version");
  return complete(*grammar, words);
}

Words offered(const Words& words) {
  Words out;
  for (const auto& candidate : completed(words).candidates) {
    out.push_back(candidate.word);
  }
  return out;
}

TEST(Complete, CommandsAndThoseOfAFamily) {
  EXPECT_THAT(offered({""}),
              ElementsAre("run", "ps", "diff", "events", "doctor", "policy",
                          "audit", "completion", "help", "version"));
  EXPECT_THAT(offered({"po"}), ElementsAre("policy"));
  EXPECT_THAT(offered({"policy", ""}),
              ElementsAre("check", "explain", "suggest"));
  EXPECT_THAT(offered({"--socket", "/s", "audit", "k"}), ElementsAre("keygen"));
  EXPECT_THAT(offered({"nonsense", ""}), Contains("ps"));
  EXPECT_EQ(completed({"po"}).candidates.front().about,
            "Check a policy, or see what it makes of changes");
}

TEST(Complete, HelpAsTheCommandsThemselves) {
  EXPECT_THAT(offered({"help", "po"}), ElementsAre("policy"));
  EXPECT_THAT(offered({"help", "policy", "ch"}), ElementsAre("check"));
}

TEST(Complete, OptionsThatWereNotGivenYet) {
  EXPECT_THAT(offered({"diff", "--"}),
              IsSupersetOf({"--output", "--exit-code", "--color"}));
  EXPECT_THAT(offered({"diff", "--ex"}), ElementsAre("--exit-code"));
  EXPECT_THAT(offered({"diff", "--exit-code", "--ex"}), IsEmpty());
  EXPECT_THAT(offered({"diff", "-ojson", "--out"}), IsEmpty());
  EXPECT_THAT(offered({"audit", "verify", "--key", "a", "--ke"}),
              ElementsAre("--key"));
  EXPECT_THAT(offered({"diff", "--", "-"}), IsEmpty());
}

TEST(Complete, ValuesHoweverTheyAreGiven) {
  const Words outputs = {"table", "wide", "json", "docker"};
  EXPECT_EQ(offered({"diff", "-o", ""}), outputs);
  EXPECT_EQ(offered({"diff", "--output", ""}), outputs);
  EXPECT_EQ(offered({"diff", "--output="}), outputs);
  EXPECT_EQ(completed({"diff", "--output=j"}).before, "--output=");
  EXPECT_THAT(offered({"diff", "--output=j"}), ElementsAre("json"));
  EXPECT_THAT(offered({"events", "--kind", "file_wr"}),
              ElementsAre("file_write"));
  EXPECT_THAT(offered({"events", "--class", "ag"}), ElementsAre("agent"));
  EXPECT_THAT(offered({"events", "--tool", "ans"}), ElementsAre("ansible"));
  EXPECT_THAT(offered({"events", "--origin", "un"}),
              ElementsAre("unattributed"));
  EXPECT_THAT(offered({"events", "--verdict", "v"}), ElementsAre("violation"));
  EXPECT_THAT(offered({"run", "--log.level", ""}),
              ElementsAre("debug", "info", "warn", "error"));
  EXPECT_THAT(offered({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
}

TEST(Complete, KeysAndWhatEachTakes) {
  EXPECT_THAT(
      offered({"ps", "--filter", ""}),
      ElementsAre("id=", "image=", "label=", "name=", "namespace=", "pod=",
                  "running=", "runtime=", "state=", "workload="));
  EXPECT_THAT(offered({"ps", "--filter", "sta"}), ElementsAre("state="));
  EXPECT_EQ(offered({"ps", "--filter", "state="}),
            (Words{"still", "mutated", "unknown"}));
  EXPECT_EQ(completed({"ps", "--filter", "state=mu"}).before, "state=");
  EXPECT_THAT(offered({"ps", "--filter", "state=mu"}), ElementsAre("mutated"));
  EXPECT_EQ(completed({"ps", "--filter=state=mu"}).before, "--filter=state=");
  EXPECT_THAT(offered({"ps", "--filter=state=mu"}), ElementsAre("mutated"));
  EXPECT_THAT(offered({"ps", "--filter", "running="}),
              ElementsAre("true", "false"));
  EXPECT_THAT(offered({"ps", "--filter", "runtime=pod"}),
              ElementsAre("podman"));
  EXPECT_THAT(offered({"ps", "--filter", "nothing="}), IsEmpty());
  const auto label = completed({"ps", "--filter", "label=app=sh"});
  EXPECT_EQ(label.source, Source::labels);
  EXPECT_EQ(label.before, "label=");
  EXPECT_EQ(label.begun, "app=sh");
  EXPECT_EQ(completed({"ps", "--filter", "name=w"}).source, Source::names);
  EXPECT_EQ(completed({"ps", "--filter", "id=1"}).source, Source::ids);
  EXPECT_EQ(completed({"ps", "--filter", "pod="}).source, Source::pods);
}

TEST(Complete, ColumnsInBothDirections) {
  EXPECT_THAT(offered({"ps", "--sort", "s"}), ElementsAre("state", "started"));
  EXPECT_THAT(offered({"ps", "--sort", "-s"}),
              ElementsAre("-state", "-started"));
  EXPECT_THAT(offered({"ps", "--sort=-ag"}), ElementsAre("-age"));
}

TEST(Complete, SaysWhoKnowsTheRest) {
  EXPECT_EQ(completed({"diff", "w"}).source, Source::containers);
  EXPECT_EQ(completed({"diff", "w"}).begun, "w");
  EXPECT_EQ(completed({"diff", "-o", "json", ""}).source, Source::containers);
  EXPECT_EQ(completed({"diff", "web", ""}).source, Source::words);
  EXPECT_EQ(completed({"events", "--container=w"}).source, Source::containers);
  EXPECT_EQ(completed({"ps", "-n", ""}).source, Source::namespaces);
  EXPECT_EQ(completed({"policy", "suggest", "--workload", ""}).source,
            Source::workloads);
  EXPECT_EQ(completed({"policy", "check", ""}).source, Source::files);
  EXPECT_EQ(completed({"policy", "check", "a", ""}).source, Source::files);
  EXPECT_EQ(completed({"run", "--policy="}).source, Source::files);
  EXPECT_EQ(completed({"run", "--state-dir", ""}).source, Source::directories);
  EXPECT_EQ(completed({"audit", "report", ""}).source, Source::directories);
  EXPECT_EQ(completed({"events", "--since", ""}).source, Source::anything);
}

TEST(Complete, AsksTheAgentThatTheWordsName) {
  EXPECT_EQ(completed({"--socket", "/a", "diff", ""}).socket, "/a");
  EXPECT_EQ(completed({"diff", "--socket=/b", ""}).socket, "/b");
  EXPECT_EQ(completed({"diff", ""}).socket, "");
}

TEST(Complete, SurvivesAnyWords) {
  for (const Words& words :
       {Words{}, Words{"--"}, Words{"-"}, Words{"="}, Words{"--=", "--="},
        Words{"diff", "-o"}, Words{"diff", "--nothing=", ""},
        Words{"help", "help", "help"}, Words{"\xff\n", "\xff"}}) {
    completed(words);
  }
}

// A value that has a list completes by it, and a file by its name: whoever adds
// an option says what it takes.
TEST(Complete, KnowsWhatEachOptionTakes) {
  const auto grammar = make_grammar("version");
  std::vector<const CLI::App*> commands = {&grammar->app};
  for (std::size_t i = 0; i < commands.size(); ++i) {
    for (const CLI::App* inner : commands[i]->get_subcommands({})) {
      commands.push_back(inner);
    }
    for (const CLI::Option* option : commands[i]->get_options()) {
      if (option->get_items_expected_max() == 0) continue;
      EXPECT_TRUE(grammar->values.contains(option))
          << full_name(*commands[i]) << ' ' << option->get_name(true);
    }
  }
  EXPECT_GT(commands.size(), 15u);
}

}  // namespace
}  // namespace stillframe::cli
