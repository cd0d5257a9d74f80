// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/manual/page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <span>
#include <vector>

#include "agent/base/text.h"
#include "agent/cli/help.h"
#include "agent/cli/settings.h"
#include "agent/model/words.h"

namespace stillframe::cli {
namespace {

constexpr std::string_view kConfigPage = "stillframe-config(5)";
constexpr std::string_view kPolicyPage = "stillframe-policy(5)";

// What scdoc would take for markup.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool begins = out.empty() || out.back() == '\n';
    if (c == '\\' || c == '*' || c == '_' ||
        (begins && std::string_view("#-.|[]").find(c) != std::string::npos)) {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string bold(std::string_view text) { return '*' + plain(text) + '*'; }

// FILE is a word that stands for something; table|json are meant as they are.
std::string value_text(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  if (option.get_items_expected_max() == 0 || name.empty()) return "";
  const bool metavar = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isupper(static_cast<unsigned char>(c)) != 0;
  });
  return ' ' + (metavar ? '_' + name + '_' : plain(name));
}

std::string names_text(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames())
    names.push_back(bold("-" + name));
  for (const auto& name : option.get_lnames()) {
    names.push_back(bold("--" + name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// In the sentence that describes it.
std::string about(const Grammar& grammar, const CLI::Option& option) {
  std::string text = option.get_description() + '.';
  const auto values = grammar.values.find(&option);
  const std::string type = option.get_type_name();
  if (values != grammar.values.end() && !values->second.words.empty() &&
      type.find('|') == std::string::npos && !option.get_positional()) {
    text += fmt::format(" One of: {}.", fmt::join(values->second.words, ", "));
  }
  const std::string standard = option.get_default_str();
  if (!standard.empty() && option.get_items_expected_max() != 0) {
    text += " Default: " + standard + '.';
  }
  if (option.get_required() && !option.get_positional()) text += " Required.";
  return plain(text);
}

std::string positional_text(const CLI::Option& option) {
  std::string name = '_' + option.get_name(true) + '_';
  if (option.get_items_expected_max() > 1) name += "...";
  return option.get_required() ? name : '[' + name + ']';
}

std::string synopsis(const CLI::App& command) {
  std::string out = bold(full_name(command));
  out += " [OPTION]...";
  for (const CLI::Option* option : positionals_of(command)) {
    out += ' ' + positional_text(*option);
  }
  if (!command.get_subcommands({}).empty()) out += " _COMMAND_";
  return out;
}

std::string options_text(const Grammar& grammar, const CLI::App& command) {
  std::string out;
  for (const CLI::Option* option : positionals_of(command)) {
    out += fmt::format("_{}_\n\t{}\n\n", option->get_name(true),
                       about(grammar, *option));
  }
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) continue;
    out += fmt::format("{}{}\n\t{}\n\n", names_text(*option),
                       value_text(*option), about(grammar, *option));
  }
  return out;
}

// Its own, and those of the commands that have no page of their own.
std::string examples_text(const CLI::App& command) {
  std::vector<std::string> lines = split(examples_of(full_name(command)), '\n');
  if (command.get_parent() != nullptr) {
    for (const CLI::App* inner : command.get_subcommands({})) {
      for (auto& line : split(examples_of(full_name(*inner)), '\n')) {
        if (std::find(lines.begin(), lines.end(), line) == lines.end()) {
          lines.push_back(std::move(line));
        }
      }
    }
  }
  std::erase(lines, "");
  return fmt::format("# EXAMPLES\n\n```\n{}\n```\n\n", fmt::join(lines, "\n"));
}

std::string commands_text(const Grammar& grammar, const CLI::App& family) {
  std::string out = "# COMMANDS\n\n";
  for (const CLI::App* command : family.get_subcommands({})) {
    if (family.get_parent() == nullptr) {
      out += fmt::format("{}\n\t{}.\n\n", bold(command->get_name()),
                         plain(command->get_description()));
      continue;
    }
    out += fmt::format("## {}\n\n{}\n\n{}.\n\n{}", command->get_name(),
                       synopsis(*command), plain(command->get_description()),
                       options_text(grammar, *command));
  }
  return out;
}

std::string command_page(const Grammar& grammar, const CLI::App& command,
                         std::string_view prose) {
  std::string page =
      fmt::format("# SYNOPSIS\n\n{}\n\n{}\n", synopsis(command), prose);
  page += "# OPTIONS\n\n" + options_text(grammar, command);
  if (!command.get_subcommands({}).empty()) {
    page += commands_text(grammar, command);
  }
  if (!command.get_footer().empty()) {
    page += "```\n" + command.get_footer() + "\n```\n\n";
  }
  return page + examples_text(command);
}

std::string settings_text(const Grammar& grammar) {
  std::string out = "# SETTINGS\n\n";
  for (const CLI::Option* option :
       settings_of(*command_named(grammar.app, "run"))) {
    const std::string& name = option->get_lnames().front();
    out += fmt::format("{}{}\n\t{} Environment: {}.\n\n", bold(name),
                       value_text(*option), about(grammar, *option),
                       plain(environment_name(name)));
  }
  return out;
}

std::string kinds_text() {
  std::string out = "# CLASSES AND KINDS\n\n";
  for (std::size_t i = 0; i < kClassNames.size(); ++i) {
    std::vector<std::string_view> kinds;
    for (std::size_t k = 0; k < kKindNames.size(); ++k) {
      if (class_of(static_cast<Kind>(k)) == static_cast<Class>(i)) {
        kinds.push_back(kKindNames[k]);
      }
    }
    out += fmt::format("{}\n\t{}\n\n", bold(kClassNames[i]),
                       plain(fmt::format("{}", fmt::join(kinds, ", "))));
  }
  return out;
}

// All pages, for each to name the others.
std::vector<std::string> pages(const CLI::App& app) {
  std::vector<std::string> names = {"stillframe(1)"};
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string& name = command->get_name();
    if (name == "help" || name == "version") continue;  // in stillframe(1)
    names.push_back("stillframe-" + name + "(1)");
  }
  names.emplace_back(kConfigPage);
  names.emplace_back(kPolicyPage);
  return names;
}

// "stillframe-ps(1)" is of `stillframe ps`.
const CLI::App* command_of(const CLI::App& app, std::string_view page) {
  const auto dash = page.find('-');
  if (dash == std::string_view::npos) return &app;
  return command_named(
      app, std::string(page.substr(dash + 1, page.find('(') - dash - 1)));
}

std::string brief(const CLI::App& app, std::string_view page) {
  if (page == kConfigPage) return "settings of the agent, in a file";
  if (page == kPolicyPage) return "which changes of containers are tolerated";
  std::string text = command_of(app, page)->get_description();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

Result<std::string> manual_page(const Grammar& grammar, std::string_view name,
                                std::string_view prose) {
  const auto all = pages(grammar.app);
  if (std::find(all.begin(), all.end(), name) == all.end()) {
    return fail("no page " + std::string(name));
  }
  std::string page = fmt::format(
      "{} \"Stillframe\" \"Stillframe\"\n\n# NAME\n\n{} - {}\n\n", name,
      name.substr(0, name.find('(')), plain(brief(grammar.app, name)));
  if (name == kConfigPage) {
    page += fmt::format("{}\n{}", prose, settings_text(grammar));
  } else if (name == kPolicyPage) {
    page += fmt::format("{}\n{}", prose, kinds_text());
  } else {
    page += command_page(grammar, *command_of(grammar.app, name), prose);
  }
  std::vector<std::string> others;
  for (const auto& other : all) {
    if (other == name) continue;
    const auto section = other.find('(');
    others.push_back(bold(other.substr(0, section)) + other.substr(section));
  }
  return page + fmt::format("# SEE ALSO\n\n{}\n", fmt::join(others, ", "));
}

}  // namespace stillframe::cli
