// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/format.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace stillframe::journal {
namespace {

TEST(Format, HashIsSha256) {
  EXPECT_EQ(sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223"
            "b00361a396177a9cb410ff61f20015ad");
}

TEST(Format, LineHasItsPlaceInTheChainFirst) {
  const std::string line = make_line(kNoHash, 7, R"({"v":1})");
  EXPECT_EQ(line,
            R"({"prev":")" + std::string(kNoHash) + R"(","entry":7,"v":1})");
  const auto parsed = parse_line(line);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->prev, kNoHash);
  EXPECT_EQ(parsed->entry, 7U);
}

TEST(Format, WhatIsNoLine) {
  const std::string good = make_line(sha256_hex("x"), 12, R"({"v":1})");
  std::string upper = good;
  upper[9] = 'X';
  const std::string zero = make_line(kNoHash, 0, R"({"v":1})");
  for (const std::string& bad :
       {std::string(), std::string("{}"), good.substr(1),
        good.substr(0, good.size() - 1), good + "\n", upper, zero,
        std::string(80, '\0'), R"({"v":1})" + good}) {
    EXPECT_FALSE(parse_line(bad)) << bad;
  }
}

TEST(Format, SegmentNames) {
  const std::vector<SegmentName> names = {{1, false}, {48212, true}};
  EXPECT_EQ(to_string(names[0]), "0000000000000001.jsonl");
  EXPECT_EQ(to_string(names[1]), "0000000000048212.jsonl.zst");
  for (const auto& name : names) {
    EXPECT_EQ(parse_segment_name(to_string(name)), name);
  }
  for (const char* other :
       {"checkpoint", "1.jsonl", "0000000000000000.jsonl",
        "000000000000000x.jsonl", "0000000000000001.jsonl.tmp", ".jsonl"}) {
    EXPECT_FALSE(parse_segment_name(other)) << other;
  }
}

TEST(Format, CheckpointsAreReadAsWritten) {
  const Checkpoint point{.file = "pruned",
                         .node =
                             "n\xff"
                             "ode",
                         .time = WallTime{1'800'000'000'000'000'001},
                         .entry = 9,
                         .seq = 12,
                         .head = sha256_hex("y"),
                         .key = sha256_hex("k")};
  const auto read = parse_checkpoint(to_text(point));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, point);
}

TEST(Format, BadCheckpointsSayWhy) {
  for (const char* bad :
       {"", "{", "[]", R"({"v":2})",
        R"({"v":1,"node":"","time":"x","entry":1,"seq":1,"head":""})"}) {
    EXPECT_FALSE(parse_checkpoint(bad)) << bad;
  }
}

}  // namespace
}  // namespace stillframe::journal
