// SPDX-License-Identifier: Apache-2.0
//
// What a container in which nothing happens takes of memory: there may be a
// thousand of them.
#include <gtest/gtest.h>
#include <malloc.h>

#include <memory>
#include <vector>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

TEST(Footprint, OfAQuietContainer) {
  constexpr std::size_t kContainers = 64;
  const World world;
  std::vector<std::unique_ptr<ContainerDrift>> quiet;
  quiet.reserve(kContainers);
  const auto before = ::mallinfo2().uordblks;
  for (std::size_t i = 0; i < kContainers; ++i) {
    quiet.push_back(std::make_unique<ContainerDrift>(
        world.record, world.policy, [](const auto&) {}, world.options));
  }
  // Nothing is counted where a sanitizer has its own malloc.
  EXPECT_LE((::mallinfo2().uordblks - before) / kContainers, 7000u);
}

}  // namespace
}  // namespace stillframe::drift::test
