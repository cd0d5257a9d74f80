// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>

namespace stillframe::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kDeadline{30};

class SignalsTest : public ::testing::Test {
 protected:
  SignalsTest() { block_signals(); }

  void take(milliseconds patience) {
    auto taken = Signals::take({.stop =
                                    [this, patience] {
                                      ++stops_;
                                      stopped_.set_value();
                                      return patience;
                                    },
                                .reload = [this] { reloaded_.set_value(); },
                                .give_up = [this] { gave_up_.set_value(); }});
    ASSERT_TRUE(taken);
    signals_ = std::move(*taken);
  }
  static void send(int number) { ::kill(::getpid(), number); }
  static bool came(std::promise<void>& what) {
    return what.get_future().wait_for(kDeadline) == std::future_status::ready;
  }

  std::atomic<int> stops_ = 0;
  std::promise<void> stopped_;
  std::promise<void> reloaded_;
  std::promise<void> gave_up_;
  std::unique_ptr<Signals> signals_;
};

TEST_F(SignalsTest, HupReloads) {
  take(seconds(600));
  send(SIGHUP);
  EXPECT_TRUE(came(reloaded_));
  signals_.reset();
  EXPECT_EQ(stops_, 0);
}

TEST_F(SignalsTest, TermStopsOnceAndWaitsForTheEnd) {
  take(seconds(600));
  send(SIGTERM);
  EXPECT_TRUE(came(stopped_));
  send(SIGTERM);
  send(SIGINT);
  signals_.reset();
  EXPECT_EQ(stops_, 1);
}

TEST_F(SignalsTest, IntGivesUpWhereTheEndDoesNotCome) {
  take(milliseconds(1));
  send(SIGINT);
  EXPECT_TRUE(came(gave_up_));
  signals_.reset();
}

// One that came before anybody took it.
TEST_F(SignalsTest, NoneIsLostThatCameBefore) {
  send(SIGTERM);
  take(milliseconds(0));
  EXPECT_TRUE(came(gave_up_));
  signals_.reset();
}

}  // namespace
}  // namespace stillframe::engine
