// SPDX-License-Identifier: Apache-2.0
//
// Untrusted bytes on their way out: into a terminal, a label, JSON.
#include "agent/base/text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/clock.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;
using stillframe::fuzz::require;

namespace {

bool drives_terminal(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  require(!drives_terminal(display(bytes)), "what is displayed is printable");
  require(!drives_terminal(printable(bytes)), "printable is printable");
  require(json_bytes(json_text(bytes)) == bytes, "JSON text has an inverse");
  const nlohmann::json value = json_text(bytes);
  require(!drives_terminal(dump_json(value)), "JSON is one printable line");
  (void)parse_rfc3339(std::string(bytes));
  return 0;
}
