// SPDX-License-Identifier: Apache-2.0
//
// What a command line may hold: one description, by which it is parsed, and
// from which help, shell completion, manual pages and messages are made.
//
// A new command is added in the file of its family, by add_command(); what its
// options take is said by takes() or takes_one_of(), so that it completes.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/cli/options.h"
#include "exporters/socket/address.h"

namespace stillframe::cli {

// Values as they are given, where Options has something else: turned into it
// once all are known.
struct RawValues {
  std::vector<std::string> listen = {":12015"};
  std::string scan_interval = "60s";
  std::string log_level = "info";
  std::string log_format = "logfmt";
  std::string metrics_grace = "5m";
  std::string journal_retention = "90d";
  std::string journal_max_size = "1GiB";
  std::string journal_segment_size = "16MiB";
  std::string journal_sync = "second";
  std::string journal_when_full = "prune";
  std::string config_file;
  bool print_config = false;
  std::string since;
  std::string until;
  bool quiet = false;
  bool everywhere = false;  // the default, as a flag
  std::string shell;
  std::vector<std::string> help_about;
  std::string app_socket;  // before the command
  std::string socket = socket_api::kDefaultPath;
  std::string color = "auto";
};

// Where the values of an option come from, for who completes it.
enum class Source {
  anything,
  words,  // a list of them
  files,
  directories,
  containers,  // of the running agent, like all that follow
  workloads,
  namespaces,
  names,
  ids,
  images,
  pods,
  labels
};

struct Values {
  Source source = Source::anything;
  std::vector<std::string> words = {};
  bool may_be_reversed = false;  // by a - in front of a word
};

// Stays where it is: the options write into it.
struct Grammar {
  CLI::App app;
  RawValues raw;
  Options options;
  std::map<const CLI::Option*, Values> values;
  // Of those that take KEY=VALUE: what each key takes.
  std::map<const CLI::Option*, std::map<std::string, Values>> keys;
  // Of those that are commands, not only a family of them.
  std::map<const CLI::App*, Command> commands;
};

// `version` is what --version prints, without a newline.
std::unique_ptr<Grammar> make_grammar(const std::string& version);

// "stillframe policy check"
std::string full_name(const CLI::App& command);
// What is called by one of these: `check` of `policy`; null: nothing.
const CLI::App* command_named(const CLI::App& parent, const std::string& name);
// Those that stand without a name, in their order.
std::vector<const CLI::Option*> positionals_of(const CLI::App& command);

// ---- For those that add commands.

// With what every command has: --socket and --color. `parent` null: the
// program.
CLI::App* add_command(Grammar& grammar, Command which, const std::string& name,
                      const std::string& description,
                      CLI::App* parent = nullptr);
// One that only has commands of its own.
CLI::App* add_family(Grammar& grammar, const std::string& name,
                     const std::string& description);
// -o; the first of `choices` is the default.
void add_output(Grammar& grammar, CLI::App* command, std::string& value,
                const std::vector<std::string>& choices);

// `metavar` stands for the value in help: FILE.
CLI::Option* takes(Grammar& grammar, CLI::Option* option,
                   const std::string& metavar,
                   Source source = Source::anything);
// Refuses all others, naming the nearest. Without a `metavar` help lists them.
CLI::Option* takes_one_of(Grammar& grammar, CLI::Option* option,
                          const std::vector<std::string>& words,
                          const std::string& metavar = "");

// A validator out of a function that returns a Result.
template <typename Parse>
std::function<std::string(const std::string&)> checked_by(Parse parse) {
  return [parse](const std::string& text) -> std::string {
    const auto result = parse(text);
    return result ? "" : result.error().message;
  };
}
std::string check_not_empty(const std::string& text);
std::string check_absolute(const std::string& text);
std::string check_without_parent(const std::string& text);
// A whole number in a range.
std::function<std::string(const std::string&)> check_number(std::size_t least,
                                                            std::size_t most);

void add_run(Grammar& grammar);
void add_queries(Grammar& grammar);  // ps, diff, events, doctor
void add_policy(Grammar& grammar);
void add_audit(Grammar& grammar);
void add_own(Grammar& grammar);  // completion, help, version

}  // namespace stillframe::cli
