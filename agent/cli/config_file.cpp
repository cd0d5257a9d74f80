// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <tuple>
#include <utility>

#include "agent/base/text.h"
#include "agent/base/toml.h"

namespace stillframe::cli {
namespace {

struct Placed {
  ConfigEntry entry;
  toml::source_position at;
};

// What a flag would be given.
std::optional<std::string> value_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) {
    return std::to_string(number->get());
  }
  if (const auto* flag = node.as_boolean()) {
    return flag->get() ? "true" : "false";
  }
  return std::nullopt;
}

// Flattens tables into entries.
class Reader {
 public:
  explicit Reader(const std::string& name) : name_(printable(name)) {}

  Result<> read(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string path = prefix + std::string(key.str());
      const auto read = node.is_table()
                            ? this->read(*node.as_table(), path + '.')
                            : add(path, key.source().begin, node);
      if (!read) return read;
    }
    return {};
  }

  // In the file's order: a table has its keys sorted.
  std::vector<ConfigEntry> take() {
    std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
      return std::tie(a.at.line, a.at.column) <
             std::tie(b.at.line, b.at.column);
    });
    std::vector<ConfigEntry> entries;
    for (auto& placed : found_) entries.push_back(std::move(placed.entry));
    return entries;
  }

 private:
  std::string place(const toml::source_position& at) const {
    return fmt::format("{}:{}:{}", name_, at.line, at.column);
  }

  Result<> add(const std::string& key, const toml::source_position& at,
               const toml::node& node) {
    ConfigEntry entry{.key = key, .values = {}, .place = place(at)};
    const auto add_value = [&](const toml::node& item) -> Result<> {
      auto value = value_of(item);
      if (!value) {
        return fail(place(item.source().begin) +
                    ": neither a text, nor a whole number, nor true or false");
      }
      entry.values.push_back(std::move(*value));
      return {};
    };
    if (const auto* array = node.as_array()) {
      for (const auto& item : *array) {
        if (const auto added = add_value(item); !added) return added;
      }
    } else if (const auto added = add_value(node); !added) {
      return added;
    }
    found_.push_back({std::move(entry), at});
    return {};
  }

  std::string name_;
  std::vector<Placed> found_;
};

}  // namespace

Result<std::vector<ConfigEntry>> parse_config(std::string_view text,
                                              const std::string& name) {
  const auto file = parse_toml(text, name);
  if (!file) return tl::unexpected<Error>(file.error());
  Reader reader(name);
  if (const auto read = reader.read(*file, ""); !read) {
    return tl::unexpected<Error>(read.error());
  }
  return reader.take();
}

std::string quote_config(std::string_view value) {
  std::ostringstream out;
  out << toml::toml_formatter(toml::value<std::string>(std::string(value)),
                              toml::format_flags::none);
  return out.str();
}

}  // namespace stillframe::cli
