// SPDX-License-Identifier: Apache-2.0
//
// Reading runtimes' JSON: any value may be missing or of the wrong type, and
// then counts as empty. Nothing here throws.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::containers {

Result<nlohmann::json> read_json(const std::string& path, std::size_t limit);

// The member of an object; a shared null when there is none.
const nlohmann::json& member(const nlohmann::json& object, const char* key);

std::string text_of(const nlohmann::json& object, const char* key);
std::uint64_t number_of(const nlohmann::json& object, const char* key);

// An object's string members; others are left out.
std::map<std::string, std::string> text_map(const nlohmann::json& object);

}  // namespace stillframe::containers
