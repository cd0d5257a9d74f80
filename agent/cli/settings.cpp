// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/settings.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cctype>
#include <cstdlib>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/cli/config_file.h"

namespace stillframe::cli {
namespace {

std::string long_name(const CLI::Option& option) {
  const auto& names = option.get_lnames();
  return names.empty() ? "" : names.front();
}

// These steer the command itself.
bool is_setting(const CLI::Option& option) {
  const std::string name = long_name(option);
  return !name.empty() && name != "help" && name != "config.file" &&
         name != "print-config" && name != "color";
}

bool is_repeatable(const CLI::Option& option) {
  return option.get_items_expected_max() > 1;
}

bool is_flag(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

CLI::Option* setting_named(CLI::App& run, const std::string& key) {
  for (CLI::Option* option : run.get_options()) {
    if (is_setting(*option) && long_name(*option) == key) return option;
  }
  return nullptr;
}

Result<> set(CLI::Option& option, const std::vector<std::string>& values) {
  if (!is_repeatable(option) && values.size() != 1) {
    return fail(long_name(option) + " takes one value");
  }
  if (values.empty()) return fail(long_name(option) + " needs a value");
  try {
    for (const auto& value : values) option.add_result(value);
    option.run_callback();
  } catch (const CLI::Error& error) {
    return fail(printable(error.what()));
  }
  return {};
}

}  // namespace

std::string environment_name(std::string flag) {
  for (char& c : flag) {
    c = c == '.' || c == '-'
            ? '_'
            : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return "STILLFRAME_" + flag;
}

std::vector<const CLI::Option*> settings_of(const CLI::App& run) {
  return run.get_options(
      [](const CLI::Option* option) { return is_setting(*option); });
}

Result<> apply_environment(CLI::Option& option) {
  if (option.count() != 0 || !is_setting(option)) return {};
  const std::string variable = environment_name(long_name(option));
  const char* value = std::getenv(variable.c_str());
  if (value == nullptr || *value == '\0') return {};
  const auto done = set(option, {value});
  if (!done) return fail(done, "environment variable " + variable);
  return {};
}

bool serves_on_systemd(const CLI::App& run) {
  const CLI::Option* socket = run.get_option("--web.systemd-socket");
  return socket->count() != 0 && socket->as<bool>();
}

Result<> check_together(const CLI::App& run) {
  if (!serves_on_systemd(run) ||
      run.get_option("--web.listen-address")->count() == 0) {
    return {};
  }
  return fail(
      "--web.systemd-socket serves on the sockets that systemd hands over, and "
      "on no --web.listen-address: give one of them");
}

Result<> apply_config_file(CLI::App& run, const std::string& path) {
  const auto text = read_file(path);
  if (!text) return fail(text, "--config.file");
  const auto entries = parse_config(*text, path);
  if (!entries) return tl::unexpected<Error>(entries.error());
  for (const auto& entry : *entries) {
    CLI::Option* option = setting_named(run, entry.key);
    if (option == nullptr) {
      return fail(entry.place + ": unknown key '" + printable(entry.key) + "'");
    }
    if (option->count() != 0) continue;
    if (const auto done = set(*option, entry.values); !done) {
      return fail(done, entry.place);
    }
    if (const auto good = check_together(run); !good) {
      return fail(good, entry.place);
    }
  }
  return {};
}

std::string effective_config(const CLI::App& run) {
  std::string out;
  for (const CLI::Option* option : settings_of(run)) {
    const bool listens = long_name(*option) == "web.listen-address";
    if (listens && serves_on_systemd(run)) continue;
    std::vector<std::string> values = option->results();
    if (values.empty()) {
      values = {is_flag(*option) ? "false" : option->get_default_str()};
    }
    std::string text;
    for (const auto& value : values) {
      text += (text.empty() ? "" : ", ") + quote_config(value);
    }
    if (is_repeatable(*option)) text = '[' + text + ']';
    out += long_name(*option) + " = " + text + '\n';
  }
  return out;
}

}  // namespace stillframe::cli
