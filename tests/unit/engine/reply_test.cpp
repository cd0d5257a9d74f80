// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/reply.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "agent/engine/mailbox.h"
#include "tests/unit/engine/fakes.h"

namespace stillframe::engine::test {
namespace {

TEST(Reply, AnswersOnce) {
  const Asked<int> asked;
  Reply<int> reply = asked.reply();
  EXPECT_TRUE(reply);
  reply.answer(7);
  EXPECT_FALSE(reply);
  reply.answer(8);
  reply.fail({0, "late"});
  ASSERT_TRUE(asked.once());
  EXPECT_EQ(asked.answer().value(), 7);
}

TEST(Reply, DroppedUnansweredSaysThatTheAgentStops) {
  const Asked<int> asked;
  {
    const Reply<int> reply = asked.reply();
  }
  ASSERT_TRUE(asked.once());
  EXPECT_EQ(asked.answer().error().message, "the agent is stopping");
}

TEST(Reply, IsOwedByWhomeverItWasMovedTo) {
  const Asked<int> asked;
  Reply<int> first = asked.reply();
  Reply<int> second = std::move(first);
  first = Reply<int>();
  EXPECT_TRUE(asked.answers->empty());
  second.answer(1);
  EXPECT_TRUE(asked.once());
}

TEST(Reply, OneThatIsReplacedAnswersFirst) {
  const Asked<int> before;
  const Asked<int> after;
  Reply<int> reply = before.reply();
  reply = after.reply();
  EXPECT_TRUE(before.once());
  EXPECT_TRUE(after.answers->empty());
}

TEST(Reply, MayBeDestroyedByItsOwnAnswer) {
  std::optional<Reply<int>> reply;
  int answers = 0;
  reply.emplace([&](const Result<int>&) {
    ++answers;
    reply.reset();
  });
  reply->answer(1);
  EXPECT_EQ(answers, 1);
}

TEST(Mailbox, AnswersWhatItDropsWhenClosed) {
  Mailbox mailbox;
  const Asked<int> waiting;
  const Asked<int> late;
  mailbox.post([reply = waiting.reply()]() mutable { reply.answer(1); });
  mailbox.close();
  mailbox.post([reply = late.reply()]() mutable { reply.answer(1); });
  mailbox.run();
  for (const auto& asked : {waiting, late}) {
    ASSERT_TRUE(asked.once());
    EXPECT_EQ(asked.answer().error().code, agent_is_stopping().code);
  }
}

}  // namespace
}  // namespace stillframe::engine::test
