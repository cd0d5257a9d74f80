// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/json.h"

#include <nlohmann/json.hpp>

#include "agent/base/file.h"

namespace stillframe::containers {

Result<nlohmann::json> read_json(const std::string& path, std::size_t limit) {
  const auto text = read_file(path, limit);
  if (!text) return tl::unexpected<Error>(text.error());
  auto value = nlohmann::json::parse(*text, nullptr, false);
  if (value.is_discarded()) return fail(path + " is not JSON", EBADMSG);
  return value;
}

const nlohmann::json& member(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kNull;
  if (!object.is_object()) return kNull;
  const auto it = object.find(key);
  return it == object.end() ? kNull : *it;
}

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto& value = member(object, key);
  const auto* text = value.get_ptr<const std::string*>();
  return text == nullptr ? std::string() : *text;
}

std::uint64_t number_of(const nlohmann::json& object, const char* key) {
  const auto& value = member(object, key);
  const auto* number = value.get_ptr<const std::uint64_t*>();
  return number == nullptr ? 0 : *number;
}

std::map<std::string, std::string> text_map(const nlohmann::json& object) {
  std::map<std::string, std::string> result;
  if (!object.is_object()) return result;
  for (const auto& [key, value] : object.items()) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text != nullptr) result.emplace(key, *text);
  }
  return result;
}

}  // namespace stillframe::containers
