// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/grammar/grammar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "agent/base/number.h"
#include "agent/base/suggestion.h"
#include "agent/base/text.h"
#include "agent/cli/help.h"

namespace stillframe::cli {
namespace {

// Examples before everything else: they are what most people look for.
class ExamplesFirst : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return app->get_description() + "\n\nExamples:\n" +
           std::string(examples_of(full_name(*app))) + '\n';
  }
  // The library has those that an option excludes in the order of their
  // addresses, and writes them last.
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text = Formatter::make_option_opts(option);
    const std::string label = ' ' + get_label("Excludes") + ':';
    const auto at = text.find(label);
    if (at == std::string::npos) return text;
    std::set<std::string> names;
    for (const CLI::Option* other : option->get_excludes()) {
      names.insert(other->get_name());
    }
    text.erase(at + label.size());
    for (const auto& name : names) text += ' ' + name;
    return text;
  }
};

CLI::Option* add_socket(CLI::App& command, std::string& value) {
  return command.add_option("--socket", value, "The agent's socket");
}

std::string not_one_of(const std::vector<std::string>& words,
                       const std::string& text) {
  if (std::find(words.begin(), words.end(), text) != words.end()) return "";
  const std::vector<std::string_view> known(words.begin(), words.end());
  return fmt::format("there is no '{}': {}", printable(text),
                     suggestion(text, known));
}

}  // namespace

std::unique_ptr<Grammar> make_grammar(const std::string& version) {
  auto grammar = std::make_unique<Grammar>();
  CLI::App& app = grammar->app;
  app.description(
      "Stillframe shows which containers are still the image that they were "
      "started from.");
  app.name("stillframe");
  app.formatter(std::make_shared<ExamplesFirst>());
  app.set_version_flag("-V,--version", version, "Print version and quit");
  app.set_help_flag("-h,--help", "Print this help and quit");
  takes(*grammar, add_socket(app, grammar->raw.app_socket), "FILE",
        Source::files);
  app.require_subcommand(0, 1);
  add_run(*grammar);
  add_queries(*grammar);
  add_policy(*grammar);
  add_audit(*grammar);
  add_own(*grammar);
  return grammar;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return (parent == nullptr ? "" : full_name(*parent) + ' ') +
         command.get_name();
}

const CLI::App* command_named(const CLI::App& parent, const std::string& name) {
  for (const CLI::App* command : parent.get_subcommands({})) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& command) {
  return command.get_options(
      [](const CLI::Option* option) { return option->get_positional(); });
}

CLI::App* add_command(Grammar& grammar, Command which, const std::string& name,
                      const std::string& description, CLI::App* parent) {
  CLI::App* command = (parent == nullptr ? &grammar.app : parent)
                          ->add_subcommand(name, description);
  grammar.commands[command] = which;
  takes(grammar, add_socket(*command, grammar.raw.socket), "FILE",
        Source::files)
      ->check(check_not_empty)
      ->capture_default_str();
  takes_one_of(
      grammar,
      command->add_option("--color", grammar.raw.color, "Colour the output"),
      {"always", "never", "auto"})
      ->capture_default_str();
  return command;
}

CLI::App* add_family(Grammar& grammar, const std::string& name,
                     const std::string& description) {
  CLI::App* family = grammar.app.add_subcommand(name, description);
  takes(grammar, add_socket(*family, grammar.raw.app_socket), "FILE",
        Source::files);
  family->require_subcommand(1);
  return family;
}

void add_output(Grammar& grammar, CLI::App* command, std::string& value,
                const std::vector<std::string>& choices) {
  value = choices.front();
  takes_one_of(grammar,
               command->add_option("-o,--output", value, "Output format"),
               choices)
      ->capture_default_str();
}

CLI::Option* takes(Grammar& grammar, CLI::Option* option,
                   const std::string& metavar, Source source) {
  grammar.values[option] = {.source = source};
  return option->type_name(metavar);
}

CLI::Option* takes_one_of(Grammar& grammar, CLI::Option* option,
                          const std::vector<std::string>& words,
                          const std::string& metavar) {
  grammar.values[option] = {.source = Source::words, .words = words};
  option->type_name(metavar.empty() ? fmt::format("{}", fmt::join(words, "|"))
                                    : metavar);
  return option->check(
      [words](const std::string& text) { return not_one_of(words, text); });
}

std::string check_without_parent(const std::string& text) {
  const auto parts = split(text, '/');
  return std::find(parts.begin(), parts.end(), "..") == parts.end()
             ? ""
             : "must not hold .. (where that leads depends on links)";
}

std::string check_absolute(const std::string& text) {
  return !text.empty() && text[0] == '/' ? "" : "must be an absolute path";
}

std::string check_not_empty(const std::string& text) {
  return text.empty() ? "must not be empty" : "";
}

std::function<std::string(const std::string&)> check_number(std::size_t least,
                                                            std::size_t most) {
  return [least, most](const std::string& text) -> std::string {
    const auto number = parse_number<std::size_t>(text);
    if (number && *number >= least && *number <= most) return "";
    return fmt::format("'{}' is not a whole number from {} to {}",
                       printable(text), least, most);
  };
}

}  // namespace stillframe::cli
