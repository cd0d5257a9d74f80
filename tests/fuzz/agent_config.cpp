// SPDX-License-Identifier: Apache-2.0
//
// The agent's configuration file.
#include "agent/cli/config_file.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto entries =
      cli::parse_config(fuzz::text_of(data, size), "stillframe.toml");
  if (!entries) {
    require(entries.error().message.rfind("stillframe.toml:", 0) == 0,
            "an error names the file and the line");
    return 0;
  }
  for (const auto& entry : *entries) {
    require(entry.place.rfind("stillframe.toml:", 0) == 0,
            "an entry has its place");
    for (const auto& value : entry.values) {
      const auto again =
          cli::parse_config("key = " + cli::quote_config(value), "x");
      require(again && again->size() == 1 &&
                  (*again)[0].values == std::vector<std::string>{value},
              "a value that was quoted is read as it was");
    }
  }
  return 0;
}
