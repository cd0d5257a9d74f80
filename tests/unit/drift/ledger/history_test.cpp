// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/history.h"

#include <gtest/gtest.h>

namespace stillframe::drift {
namespace {

TEST(History, KeepsTheFirstTimeAndTheLastActor) {
  History history;
  EXPECT_FALSE(history.ever_mutated());
  EXPECT_EQ(history.last_actor(), std::nullopt);
  history.violated({50}, {60}, 1);
  history.violated({40}, {55}, 2);             // ended earlier
  history.violated({70}, {80}, std::nullopt);  // by nobody known
  EXPECT_TRUE(history.ever_mutated());
  EXPECT_EQ(history.first_mutation().ns, 40);
  EXPECT_EQ(history.last_mutation().ns, 80);  // whoever it was by
  EXPECT_EQ(history.last_actor(), 1u);
  history.violated({60}, {60}, 3);  // at the same time: the later to be known
  EXPECT_EQ(history.last_actor(), 3u);
}

TEST(History, GoesOnFromWhatWasKept) {
  History history;
  history.load(true, {30});
  EXPECT_TRUE(history.ever_mutated());
  EXPECT_EQ(history.last_mutation().ns, 30);
  history.violated({50}, {90}, 1);
  EXPECT_EQ(history.first_mutation().ns, 30);
  EXPECT_EQ(history.last_mutation().ns, 90);
  history.violated({50}, {95}, 1);
  EXPECT_EQ(history.last_mutation().ns, 95);
}

}  // namespace
}  // namespace stillframe::drift
