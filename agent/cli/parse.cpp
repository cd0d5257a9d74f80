// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/parse.h"

#include <sstream>

#include "agent/base/text.h"
#include "agent/cli/completion/script.h"
#include "agent/cli/duration.h"
#include "agent/cli/grammar/grammar.h"
#include "agent/cli/settings.h"
#include "agent/cli/size.h"
#include "agent/cli/time.h"
#include "agent/cli/usage.h"
#include "agent/model/runtime.h"

namespace stillframe::cli {
namespace {

using Parsed = tl::expected<Options, Exit>;

Exit printed(std::string text) {
  return {.code = kSuccess, .out = std::move(text), .err = {}};
}

// Values from the environment and the configuration file, by precedence.
Result<> settle(Grammar& grammar, CLI::App& command) {
  RawValues& raw = grammar.raw;
  CLI::Option* socket = command.get_option_no_throw("--socket");
  if (socket != nullptr && socket->count() == 0 && !raw.app_socket.empty()) {
    raw.socket = raw.app_socket;
    socket->add_result(raw.app_socket);
  }
  const bool run = command.get_name() == "run";
  for (CLI::Option* option : command.get_options()) {
    if (!run && option != socket) continue;
    if (const auto done = apply_environment(*option); !done) return done;
  }
  if (!run) return {};
  if (const auto good = check_together(command); !good) return good;
  if (raw.config_file.empty()) return {};
  return apply_config_file(command, raw.config_file);
}

// `help policy check` is `policy check --help`.
Exit help(const Grammar& grammar) {
  const CLI::App* about = &grammar.app;
  for (const auto& word : grammar.raw.help_about) {
    const CLI::App* command = command_named(*about, word);
    if (command == nullptr) {
      const bool family = !about->get_subcommands({}).empty();
      return usage(*about, family ? unknown_command(*about, word)
                                  : full_name(*about) + " has no commands");
    }
    about = command;
  }
  const CLI::App* parent = about->get_parent();
  // Of the program itself CLI11 would print the help of `help`.
  if (parent == nullptr) {
    return printed(grammar.app.get_formatter()->make_help(
        about, about->get_name(), CLI::AppFormatMode::Normal));
  }
  return printed(about->help(full_name(*parent)));
}

void take_journal(const RawValues& raw, JournalOptions& journal) {
  journal.retention = *parse_duration(raw.journal_retention);
  journal.max_bytes = *parse_size(raw.journal_max_size);
  journal.segment_bytes = *parse_size(raw.journal_segment_size);
  journal.sync = raw.journal_sync == "always"  ? journal::Sync::always
                 : raw.journal_sync == "never" ? journal::Sync::never
                                               : journal::Sync::second;
  journal.when_full = raw.journal_when_full == "stop"
                          ? journal::WhenFull::stop
                          : journal::WhenFull::prune;
}

// A container as metrics and alerts have it, RUNTIME://ID, by its id. No name
// holds that.
std::string without_runtime(const std::string& container) {
  for (const auto runtime : kRuntimeNames) {
    const std::string scheme = std::string(runtime) + "://";
    if (container.starts_with(scheme)) return container.substr(scheme.size());
  }
  return container;
}

// All values have been checked as they came in.
Options options_of(const Grammar& grammar, Command command) {
  const RawValues& raw = grammar.raw;
  Options options = grammar.options;
  options.command = command;
  options.socket = raw.socket;
  if (raw.quiet) options.ps.output = "id";
  for (std::string* container :
       {&options.diff.container, &options.events.container,
        &options.policy.container}) {
    *container = without_runtime(*container);
  }
  options.color = *console::color_mode_from(raw.color);
  if (!raw.since.empty()) options.events.since = *parse_time(raw.since);
  if (!raw.until.empty()) options.events.until = *parse_time(raw.until);
  options.audit.since = options.events.since;
  options.audit.until = options.events.until;
  RunOptions& run = options.run;
  for (const auto& address : raw.listen) {
    run.listen.push_back(*metrics::parse_listen_address(address));
  }
  run.scan_interval = *parse_duration(raw.scan_interval);
  run.metrics_grace = *parse_duration(raw.metrics_grace);
  take_journal(raw, run.journal);
  run.log_level = *log_level_from(raw.log_level);
  run.log_format = *log_format_from(raw.log_format);
  return options;
}

// Options that are each right, but not together; empty: they are.
std::string contradiction(const Grammar& grammar, const Options& options) {
  if (options.command == Command::ps && options.ps.workloads &&
      options.ps.output != "table") {
    return "--workloads groups the table; with -o wide and -o json each "
           "container has its workload";
  }
  if (options.command != Command::events) return "";
  const EventsOptions& events = options.events;
  if (events.follow && !grammar.raw.until.empty()) {
    return "--until ends what -f would go on with: give one of them";
  }
  if (events.since && events.until && *events.until <= *events.since) {
    return "nothing is between --since and --until: --until has to be later";
  }
  return "";
}

Parsed understand(Grammar& grammar, const std::string& version) {
  CLI::App& app = grammar.app;
  if (app.get_subcommands().empty()) {
    return tl::unexpected<Exit>(missing_command(app));
  }
  CLI::App* command = app.get_subcommands().front();
  if (command->get_name() == "help") {
    return tl::unexpected<Exit>(help(grammar));
  }
  if (command->get_name() == "version") {
    return tl::unexpected<Exit>(printed(version + '\n'));
  }
  if (command->get_name() == "completion") {
    return tl::unexpected<Exit>(printed(completion_script(grammar.raw.shell)));
  }
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
  }
  if (const auto settled = settle(grammar, *command); !settled) {
    return tl::unexpected<Exit>(usage(*command, settled.error().message));
  }
  if (grammar.raw.print_config) {
    return tl::unexpected<Exit>(printed(effective_config(*command)));
  }
  Options options = options_of(grammar, grammar.commands.at(command));
  if (const auto wrong = contradiction(grammar, options); !wrong.empty()) {
    return tl::unexpected<Exit>(usage(*command, wrong));
  }
  return options;
}

}  // namespace

Parsed parse(int argc, const char* const* argv, const std::string& version) {
  // What is completed is no command line yet.
  if (argc > 1 && std::string_view(argv[1]) == kCompleteCommand) {
    Options options;
    options.command = Command::complete;
    options.complete.words.assign(argv + 2, argv + argc);
    return options;
  }
  const auto grammar = make_grammar(version);
  try {
    grammar->app.parse(argc, argv);
  } catch (const CLI::Success& wish) {
    std::ostringstream out;
    grammar->app.exit(wish, out, out);
    return tl::unexpected<Exit>(printed(out.str()));
  } catch (const CLI::Error& error) {
    return tl::unexpected<Exit>(usage(*grammar, error));
  }
  return understand(*grammar, version);
}

}  // namespace stillframe::cli
