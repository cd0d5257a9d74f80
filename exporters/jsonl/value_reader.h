// SPDX-License-Identifier: Apache-2.0
//
// The inverse of json.h's values. What is missing or of another type than it
// should be is empty: it may be a later agent's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/model/update.h"

namespace stillframe::jsonl {

const nlohmann::json& member(const nlohmann::json& object, const char* name);
std::string bytes(const nlohmann::json& value);
std::string text(const nlohmann::json& object, const char* name);
bool flag(const nlohmann::json& object, const char* name);
WallTime time_of(const nlohmann::json& object, const char* name);

template <typename Number = std::uint64_t>
Number number(const nlohmann::json& object, const char* name) {
  const nlohmann::json& value = member(object, name);
  return value.is_number_unsigned() ? value.get<Number>() : Number{};
}

// Of the vocabulary, whose names outlive everything.
template <std::size_t N>
std::string_view known(const std::array<std::string_view, N>& names,
                       const std::string& name) {
  for (const auto one : names) {
    if (one == name) return one;
  }
  return {};
}

ContainerInfo container_of(const nlohmann::json& value);
Actor actor_of(const nlohmann::json& value);
// But for its actor.
Update update_of(const nlohmann::json& value);

}  // namespace stillframe::jsonl
