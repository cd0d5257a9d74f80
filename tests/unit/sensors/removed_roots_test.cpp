// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/removed_roots.h"

#include <gmock/gmock.h>

namespace stillframe::sensors {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr UpperRoot kA{1, {10, 1}};
constexpr UpperRoot kB{1, {20, 1}};
constexpr UpperRoot kC{2, {10, 1}};
constexpr std::uint64_t kPause = RemovedRoots::kPauseNs;

TEST(RemovedRoots, OneAloneIsTakenAtOnceAndManyTogether) {
  RemovedRoots roots;
  EXPECT_THAT(roots.take(5), IsEmpty());
  roots.add(kA);
  EXPECT_THAT(roots.take(5), UnorderedElementsAre(kA));
  roots.add(kB);
  EXPECT_THAT(roots.take(6), IsEmpty());
  roots.add(kC);
  roots.add(kC);
  EXPECT_THAT(roots.take(4 + kPause), IsEmpty());
  EXPECT_THAT(roots.take(5 + kPause), UnorderedElementsAre(kB, kC));
  EXPECT_THAT(roots.take(9 * kPause), IsEmpty());
}

TEST(RemovedRoots, OneThatIsAContainersAgainKeepsItsInodes) {
  RemovedRoots roots;
  roots.add(kA);
  roots.add(kB);
  roots.keep(kA);
  EXPECT_THAT(roots.take(1), UnorderedElementsAre(kB));
}

}  // namespace
}  // namespace stillframe::sensors
