// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "agent/base/suggestion.h"
#include "agent/base/text.h"

namespace stillframe::cli {
namespace {

constexpr std::string_view kProgram = "stillframe";

// What people are used to from other tools.
struct Habit {
  std::string_view word;
  std::string_view here;
};
constexpr std::array kHabits = {Habit{"ls", "ps"},
                                Habit{"list", "ps"},
                                Habit{"status", "ps"},
                                Habit{"get", "ps"},
                                Habit{"top", "ps --watch"},
                                Habit{"inspect", "diff"},
                                Habit{"describe", "diff"},
                                Habit{"logs", "events"},
                                Habit{"lint", "check"},
                                Habit{"lint", "policy check"},
                                Habit{"validate", "check"},
                                Habit{"validate", "policy check"},
                                Habit{"watch", "events -f"},
                                Habit{"start", "run"},
                                Habit{"config", "run --print-config"},
                                Habit{"-v", "--version"},
                                Habit{"--format", "--output"},
                                Habit{"--json", "--output json"},
                                Habit{"--wide", "--output wide"},
                                Habit{"--limit", "--last"},
                                Habit{"--tail", "--last"}};

std::vector<std::string> names_of_commands(const CLI::App& family) {
  std::vector<std::string> names;
  for (const CLI::App* command : family.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> names_of_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// The one that `word` stands for; empty: none.
std::string meant(const std::string& word,
                  const std::vector<std::string>& known) {
  for (const auto& habit : kHabits) {
    if (habit.word != word) continue;
    const auto first = split(habit.here, ' ').front();
    if (std::find(known.begin(), known.end(), first) != known.end()) {
      return std::string(habit.here);
    }
  }
  // A letter stands for what begins with it, not for another letter.
  const bool letter = word.size() == 2 && word[0] == '-' && word[1] != '-';
  if (letter) {
    std::string all;
    for (const auto& name : known) {
      if (!name.starts_with('-' + word)) continue;
      all += (all.empty() ? "" : " or ") + name;
    }
    return all;
  }
  const std::vector<std::string_view> words(known.begin(), known.end());
  return std::string(nearest(word, words));
}

// A command of that name of one of the families; empty: there is none.
std::string in_a_family(const CLI::App& app, const std::string& word) {
  for (const CLI::App* family : app.get_subcommands({})) {
    if (command_named(*family, word) != nullptr) {
      return family->get_name() + ' ' + word;
    }
  }
  return {};
}

// "policy check"; empty: the program itself.
std::string in_short(const CLI::App& command) {
  const auto name = full_name(command);
  return name.substr(std::min(name.size(), kProgram.size() + 1));
}

// "there is no option", "ps has no option"
std::string has_no(const CLI::App& command, std::string_view what) {
  const auto name = in_short(command);
  return name.empty() ? fmt::format("there is no {}", what)
                      : fmt::format("{} has no {}", name, what);
}

std::string unknown_option(const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  const auto known = names_of_options(command);
  std::string text = has_no(command, "option ") + name;
  if (const auto near = meant(name, known); !near.empty()) {
    return text + ": did you mean " + near + '?';
  }
  // It may stand behind the command that it belongs to.
  if (command.get_parent() == nullptr) {
    return text + "; options stand behind the command that they belong to";
  }
  return text;
}

// Of a command that takes a container by an option, which people forget.
std::string as_container(const Grammar& grammar, const CLI::App& command,
                         const std::string& word) {
  for (const CLI::Option* option : command.get_options()) {
    const auto values = grammar.values.find(option);
    if (values == grammar.values.end() || option->count() != 0) continue;
    if (values->second.source == Source::containers ||
        values->second.source == Source::workloads) {
      return option->get_name() + ' ' + word;
    }
  }
  return {};
}

std::string one_too_many(const Grammar& grammar, const CLI::App& command,
                         const std::string& word) {
  std::string taken;
  for (const CLI::Option* option : positionals_of(command)) {
    taken += (taken.empty() ? "" : " ") + option->get_name(true);
  }
  if (taken.empty()) {
    if (const auto near = as_container(grammar, command, word); !near.empty()) {
      return fmt::format("{} takes no argument: did you mean {}?",
                         in_short(command), near);
    }
    return fmt::format("{} takes no argument: '{}' is one too many",
                       in_short(command), word);
  }
  return fmt::format("{} takes {} and no more: '{}' is one too many",
                     in_short(command), taken, word);
}

// What nothing could be made of, and whose it was.
struct LeftOver {
  const CLI::App* command;
  std::string word;
};

std::optional<LeftOver> first_left_over(const CLI::App& app) {
  const CLI::App* command = &app;
  for (;;) {
    for (const auto& word : command->remaining()) {
      if (word != "--") return LeftOver{command, word};
    }
    const auto parsed = command->get_subcommands();
    if (parsed.empty()) return std::nullopt;
    command = parsed.front();
  }
}

std::string about(const Grammar& grammar, const LeftOver& left_over) {
  const auto& [command, word] = left_over;
  if (word.size() > 1 && word[0] == '-') return unknown_option(*command, word);
  if (!command->get_subcommands({}).empty()) {
    return unknown_command(*command, word);
  }
  return one_too_many(grammar, *command, word);
}

std::string wanted(const Grammar& grammar, const CLI::Option& option) {
  const auto values = grammar.values.find(&option);
  if (values != grammar.values.end() && !values->second.words.empty()) {
    return fmt::format("one of {}", fmt::join(values->second.words, ", "));
  }
  const std::string name = option.get_type_name();
  return name.empty() ? "a value" : name;
}

// What is missing where CLI11 says that something is.
std::optional<std::string> missing(const Grammar& grammar,
                                   const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name(option->get_positional());
    if (option->get_required() && option->count() == 0) {
      const std::string value =
          option->get_positional() ? "" : ' ' + option->get_type_name();
      return fmt::format("{} needs {}{} ({})", in_short(command), name, value,
                         option->get_description());
    }
    if (option->count() == 0) continue;
    for (const CLI::Option* needed : option->get_needs()) {
      if (needed->count() != 0) continue;
      return fmt::format("{} needs {} {}, too", name, needed->get_name(),
                         wanted(grammar, *needed));
    }
  }
  return std::nullopt;
}

// Of two that go not together.
std::optional<std::string> exclusive(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    for (const CLI::Option* other : option->get_excludes()) {
      if (other->count() == 0) continue;
      return fmt::format("{} and {} exclude each other: give one of them",
                         option->get_name(), other->get_name());
    }
  }
  return std::nullopt;
}

// Of an option that stands at the end, without its value, or that was given
// again.
std::optional<std::string> miscounted(const Grammar& grammar,
                                      const CLI::App& command,
                                      std::string_view message) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (message.starts_with(name + ": ")) {
      if (option->count() > 1) return name + " is given more than once";
      return name + " needs a value: " + wanted(grammar, *option);
    }
  }
  return std::nullopt;
}

}  // namespace

const CLI::App& chosen(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
  }
  return *command;
}

Exit usage(const CLI::App& command, const std::string& message) {
  return {.code = kUsage,
          .out = {},
          .err = fmt::format("stillframe: {}\nTry '{} --help'.\n",
                             printable(message), full_name(command))};
}

Exit usage(const Grammar& grammar, const CLI::Error& error) {
  if (const auto left_over = first_left_over(grammar.app)) {
    return usage(*left_over->command, about(grammar, *left_over));
  }
  const CLI::App& command = chosen(grammar.app);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr &&
      !command.get_subcommands({}).empty()) {
    return missing_command(command);
  }
  std::optional<std::string> text;
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ||
      dynamic_cast<const CLI::RequiresError*>(&error) != nullptr) {
    text = missing(grammar, command);
  } else if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) {
    text = exclusive(command);
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    text = miscounted(grammar, command, error.what());
  }
  return usage(command, text.value_or(error.what()));
}

Exit missing_command(const CLI::App& family) {
  std::string list;
  for (const CLI::App* command : family.get_subcommands({})) {
    list += fmt::format("  {:<12}{}\n", command->get_name(),
                        command->get_description());
  }
  return {.code = kUsage,
          .out = {},
          .err = fmt::format("stillframe: a command is missing. {} has:\n{}"
                             "Try '{} --help'.\n",
                             full_name(family), list, full_name(family))};
}

std::string unknown_command(const CLI::App& family, const std::string& word) {
  const auto known = names_of_commands(family);
  const std::string text = has_no(family, "command '") + word + "'";
  auto near = in_a_family(family, word);
  if (near.empty()) near = meant(word, known);
  if (!near.empty()) return text + ": did you mean '" + near + "'?";
  return fmt::format("{}; there are: {}", text, fmt::join(known, ", "));
}

}  // namespace stillframe::cli
