// SPDX-License-Identifier: Apache-2.0
#include "agent/base/flat_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace stillframe {
namespace {

// A slot is eight bits of key and what is said of it.
std::uint64_t key_of(const std::uint64_t& slot) { return slot >> 8; }

TEST(FlatTable, AnswersAsAMapDoes) {
  std::mt19937_64 random(1);
  FlatTable<std::uint64_t, key_of> table;
  std::map<std::uint64_t, std::uint64_t> expected;
  for (int step = 0; step < 20000; ++step) {
    // Few keys, so that they meet; some a multiple of the table's size apart.
    const std::uint64_t key = 1 + random() % 400 + (random() % 3 << 44);
    if (random() % 3 != 0) {
      const std::uint64_t slot = key << 8 | random() % 256;
      table.put(slot);
      expected[key] = slot;
    } else {
      table.erase(key);
      expected.erase(key);
    }
    ASSERT_EQ(table.size(), expected.size());
    const std::uint64_t asked = 1 + random() % 400;
    const auto it = expected.find(asked);
    const std::uint64_t* found = table.find(asked);
    ASSERT_EQ(found != nullptr, it != expected.end()) << asked;
    if (found != nullptr) {
      ASSERT_EQ(*found, it->second) << asked;
    }
  }
  for (const auto& [key, slot] : expected) {
    ASSERT_NE(table.find(key), nullptr) << key;
    EXPECT_EQ(*table.find(key), slot);
  }
}

TEST(FlatTable, OfNothingFindsAndErasesNothing) {
  FlatTable<std::uint64_t, key_of> table;
  EXPECT_EQ(table.find(1), nullptr);
  table.erase(1);
  table.put(1 << 8);
  table.clear();
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.find(1), nullptr);
}

}  // namespace
}  // namespace stillframe
