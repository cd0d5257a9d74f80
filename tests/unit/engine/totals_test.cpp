// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <string>

#include "agent/base/file.h"
#include "agent/model/snapshot.h"

namespace stillframe::engine {
namespace {

std::string sources() {
  std::string text;
  for (const auto& entry :
       std::filesystem::directory_iterator(STILLFRAME_ENGINE_SOURCES)) {
    if (entry.path().extension() != ".cpp") continue;
    if (const auto file = read_file(entry.path().string())) text += *file;
  }
  return text;
}

// A total that is shown and never counted reads as "none of these happened".
TEST(AgentTotals, AreEachWrittenByTheEngine) {
  const std::string text = sources();
  ASSERT_FALSE(text.empty()) << STILLFRAME_ENGINE_SOURCES;
  AgentStats stats;
  each_stat(stats, [&](std::string_view name, const auto&) {
    const std::string field = "[a-z_]*stats_?(\\.|->)" + std::string(name);
    const std::regex written("\\+\\+[^;]*" + field + "\\b|" + field +
                             "\\s*(\\+\\+|\\+=|=[^=])");
    EXPECT_TRUE(std::regex_search(text, written)) << name;
  });
}

}  // namespace
}  // namespace stillframe::engine
