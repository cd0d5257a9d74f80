// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/sessions.h"

#include <gtest/gtest.h>

namespace stillframe::engine {
namespace {

struct Case {
  const char* name;
  const char* happens;   // m: it mutates, e: it ends
  const char* reported;  // s: started, e: ended
};

class SessionReports : public ::testing::TestWithParam<Case> {};

TEST_P(SessionReports, StartAndEndOnce) {
  Sessions sessions;
  std::string reported;
  for (const char c : std::string(GetParam().happens)) {
    if (c == 'm') {
      std::optional<EndedSession> ended;
      if (!sessions.mutated(7, &ended)) continue;
      reported += 's';
      if (ended) reported += 'e';
    } else if (sessions.ended({7, {}, {}})) {
      reported += 'e';
    }
  }
  EXPECT_EQ(reported, GetParam().reported);
}

INSTANTIATE_TEST_SUITE_P(
    All, SessionReports,
    ::testing::Values(Case{"Quiet", "e", ""}, Case{"Open", "mm", "s"},
                      Case{"Usual", "mme", "se"},
                      Case{"FoundByAScanAfterItsEnd", "emm", "se"},
                      Case{"FoundAgainAfterItsEnd", "mem", "se"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace stillframe::engine
