// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/grammar/grammar.h"

namespace stillframe::cli {

void add_own(Grammar& grammar) {
  CLI::App* completion = grammar.app.add_subcommand(
      "completion", "Print completion code for a shell");
  takes_one_of(grammar,
               completion->add_option("SHELL", grammar.raw.shell, "The shell"),
               {"bash", "zsh", "fish"})
      ->required();

  CLI::App* help =
      grammar.app.add_subcommand("help", "Print help about a command");
  std::vector<std::string> names;
  for (const CLI::App* command : grammar.app.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  CLI::Option* about = help->add_option("COMMAND", grammar.raw.help_about,
                                        "A command, such as: policy check");
  takes(grammar, about, "");
  grammar.values[about] = {Source::words, names};

  grammar.app.add_subcommand("version", "Print version");
}

}  // namespace stillframe::cli
