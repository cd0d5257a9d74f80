// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/object_line.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"

namespace stillframe::jsonl {

void ObjectLine::add_text(std::string& out, std::string_view bytes) {
  const bool plain = std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
  });
  if (plain) {
    out.append(1, '"').append(bytes).append(1, '"');
  } else {
    out += dump_json(json_text(bytes));
  }
}

}  // namespace stillframe::jsonl
