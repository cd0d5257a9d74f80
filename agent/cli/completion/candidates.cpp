// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/completion/candidates.h"

#include <algorithm>
#include <string_view>

namespace stillframe::cli {
namespace {

bool is_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-';
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() != 0;
}

// Where a command line has got to.
class Walk {
 public:
  explicit Walk(const Grammar& grammar)
      : grammar_(grammar), command_(&grammar.app) {}

  void step(const std::string& word);
  Completion finish(const std::string& begun);

 private:
  void step_option(const std::string& word);
  void step_argument(const std::string& word);
  void take(const CLI::Option& option, const std::string& value);
  const CLI::Option* option_named(const std::string& name) const;
  const CLI::Option* next_argument() const;
  void offer_values(Completion& out, const CLI::Option* option) const;
  void offer_pairs(Completion& out,
                   const std::map<std::string, Values>& keys) const;
  void offer_those(Completion& out, const Values& values) const;
  void offer_options(Completion& out) const;
  void offer_commands(Completion& out, const CLI::App& family) const;
  void offer(Completion& out, const std::string& word,
             const std::string& about) const;

  const Grammar& grammar_;
  const CLI::App* command_;
  const CLI::App* helped_ = nullptr;      // what `help` has been asked about
  const CLI::Option* waiting_ = nullptr;  // for its value
  bool arguments_only_ = false;           // behind --
  std::size_t arguments_ = 0;
  std::vector<const CLI::Option*> given_;
  std::string socket_;
};

const CLI::Option* Walk::option_named(const std::string& name) const {
  return command_->get_option_no_throw(name);
}

void Walk::take(const CLI::Option& option, const std::string& value) {
  if (option.check_lname("socket")) socket_ = value;
}

void Walk::step(const std::string& word) {
  if (waiting_ != nullptr) {
    take(*waiting_, word);
    waiting_ = nullptr;
  } else if (word == "--" && !arguments_only_) {
    arguments_only_ = true;
  } else if (is_option(word) && !arguments_only_) {
    step_option(word);
  } else {
    step_argument(word);
  }
}

void Walk::step_option(const std::string& word) {
  const bool is_long = word.starts_with("--");
  const auto equals = is_long ? word.find('=') : std::string::npos;
  const std::string name = is_long ? word.substr(0, equals) : word.substr(0, 2);
  const CLI::Option* option = option_named(name);
  if (option == nullptr) return;
  given_.push_back(option);
  if (!takes_value(*option)) return;
  if (equals != std::string::npos) {
    take(*option, word.substr(equals + 1));
  } else if (is_long || word.size() == 2) {
    waiting_ = option;
  }
}

void Walk::step_argument(const std::string& word) {
  if (helped_ != nullptr) {
    const CLI::App* inner = command_named(*helped_, word);
    if (inner != nullptr) helped_ = inner;
    return;
  }
  const CLI::App* inner = command_named(*command_, word);
  if (inner == nullptr) {
    ++arguments_;
    return;
  }
  command_ = inner;
  if (word == "help" && inner->get_parent() == &grammar_.app) {
    helped_ = &grammar_.app;
  }
}

// The last one takes all that are left, if it takes several.
const CLI::Option* Walk::next_argument() const {
  const auto arguments = positionals_of(*command_);
  if (arguments_ < arguments.size()) return arguments[arguments_];
  if (arguments.empty()) return nullptr;
  const CLI::Option* last = arguments.back();
  return last->get_items_expected_max() > 1 ? last : nullptr;
}

void Walk::offer(Completion& out, const std::string& word,
                 const std::string& about) const {
  if (word.starts_with(out.begun)) out.candidates.push_back({word, about});
}

void Walk::offer_values(Completion& out, const CLI::Option* option) const {
  if (const auto keys = grammar_.keys.find(option);
      keys != grammar_.keys.end()) {
    offer_pairs(out, keys->second);
  } else if (const auto values = grammar_.values.find(option);
             values != grammar_.values.end()) {
    offer_those(out, values->second);
  }
}

// A key first; behind its = what it takes.
void Walk::offer_pairs(Completion& out,
                       const std::map<std::string, Values>& keys) const {
  const auto equals = out.begun.find('=');
  if (equals == std::string::npos) {
    for (const auto& [key, values] : keys) offer(out, key + '=', "");
    return;
  }
  const auto key = keys.find(out.begun.substr(0, equals));
  out.before += out.begun.substr(0, equals + 1);
  out.begun.erase(0, equals + 1);
  if (key != keys.end()) offer_those(out, key->second);
}

void Walk::offer_those(Completion& out, const Values& values) const {
  out.source = values.source;
  const bool reversed = values.may_be_reversed && out.begun.starts_with('-');
  for (const auto& word : values.words) {
    offer(out, (reversed ? "-" : "") + word, "");
  }
}

void Walk::offer_commands(Completion& out, const CLI::App& family) const {
  for (const CLI::App* command : family.get_subcommands({})) {
    offer(out, command->get_name(), command->get_description());
  }
}

void Walk::offer_options(Completion& out) const {
  for (const CLI::Option* option : command_->get_options()) {
    const bool again = option->get_items_expected_max() > 1;
    if (!again &&
        std::find(given_.begin(), given_.end(), option) != given_.end()) {
      continue;
    }
    for (const auto& name : option->get_lnames()) {
      offer(out, "--" + name, option->get_description());
    }
    // One letter completes nothing: it is offered to those who look.
    for (const auto& name : option->get_snames()) {
      offer(out, "-" + name, option->get_description());
    }
  }
}

Completion Walk::finish(const std::string& begun) {
  Completion out;
  out.begun = begun;
  out.socket = socket_;
  const auto equals = begun.find('=');
  if (waiting_ != nullptr) {
    offer_values(out, waiting_);
  } else if (is_option(begun) && !arguments_only_ &&
             equals != std::string::npos) {
    out.before = begun.substr(0, equals + 1);
    out.begun = begun.substr(equals + 1);
    offer_values(out, option_named(begun.substr(0, equals)));
  } else if (begun.starts_with('-') && !arguments_only_) {
    offer_options(out);
  } else if (helped_ != nullptr) {
    offer_commands(out, *helped_);
  } else if (!command_->get_subcommands({}).empty()) {
    offer_commands(out, *command_);
  } else {
    offer_values(out, next_argument());
  }
  return out;
}

}  // namespace

Completion complete(const Grammar& grammar,
                    const std::vector<std::string>& words) {
  Walk walk(grammar);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) walk.step(words[i]);
  return walk.finish(words.empty() ? "" : words.back());
}

}  // namespace stillframe::cli
