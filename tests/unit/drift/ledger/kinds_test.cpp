// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/kinds.h"

#include <gtest/gtest.h>

namespace stillframe::drift {
namespace {

TEST(KindList, KeepsTheOrderInWhichTheyCame) {
  KindList kinds;
  EXPECT_TRUE(kinds.empty());
  EXPECT_TRUE(kinds.add(Kind::mode_change));
  EXPECT_TRUE(kinds.add(Kind::file_create));
  EXPECT_FALSE(kinds.add(Kind::mode_change));
  EXPECT_EQ(kinds.list(),
            (std::vector<Kind>{Kind::mode_change, Kind::file_create}));
  kinds.remove(Kind::mode_change);
  EXPECT_TRUE(kinds.only(Kind::file_create));
}

TEST(KindList, HoldsAllKinds) {
  KindList kinds;
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    EXPECT_TRUE(kinds.add(static_cast<Kind>(i)));
  }
  const auto list = kinds.list();
  ASSERT_EQ(list.size(), kKindNames.size());
  EXPECT_EQ(list.front(), Kind::file_create);
  EXPECT_EQ(kinds.worst(), Kind::exec_new);
}

TEST(KindList, HasRoomForSixtyFour) {
  KindList kinds;
  std::vector<Kind> expected;
  for (unsigned i = 64; i-- > 0;) {
    EXPECT_TRUE(kinds.add(static_cast<Kind>(i)));
    if (i >= 54) expected.push_back(static_cast<Kind>(i));
  }
  // The first ten in the order in which they came, then the rest.
  for (unsigned i = 0; i < 54; ++i) expected.push_back(static_cast<Kind>(i));
  EXPECT_EQ(kinds.list(), expected);
}

TEST(KindList, TheWorstIsByClassThenTheEarliest) {
  struct Case {
    std::vector<Kind> kinds;
    Kind worst;
  };
  const std::vector<Case> cases = {
      {{Kind::mode_change, Kind::file_write}, Kind::file_write},
      {{Kind::file_write, Kind::file_create}, Kind::file_write},
      {{Kind::file_write, Kind::limit_change}, Kind::limit_change},
      {{Kind::limit_change, Kind::mount_change}, Kind::mount_change},
      {{Kind::mount_change, Kind::memory_write}, Kind::memory_write},
      {{Kind::memory_write, Kind::sysctl_write}, Kind::sysctl_write},
      {{Kind::sysctl_write, Kind::exec_memfd}, Kind::exec_memfd},
  };
  for (const auto& c : cases) {
    KindList kinds;
    for (const Kind kind : c.kinds) kinds.add(kind);
    EXPECT_EQ(kinds.worst(), c.worst);
  }
}

TEST(Kinds, OfUnlinkByWhatWasThere) {
  FileObservation o;
  o.op = FileOp::unlink;
  o.mode = 0100644;
  EXPECT_EQ(kind_of(o), Kind::file_delete);
  o.mode = 0040755;
  EXPECT_EQ(kind_of(o), Kind::dir_delete);
}

TEST(Kinds, WhatCannotBeComparedIsNeverRestored) {
  Entry entry;
  entry.change = Change::changed;
  entry.mode = 0100644;
  entry.differs.unknown = true;
  EXPECT_TRUE(state_kinds(entry).only(Kind::unknown_change));
  KindList recorded;
  recorded.add(Kind::mode_change);
  EXPECT_FALSE(restored(recorded, entry));
  EXPECT_EQ(explained(recorded, entry), recorded);  // it is explained by that
}

// A time that came along is not one that writing has moved.
TEST(Kinds, WhatWasPutThereWithAnotherTimeIsNotRestored) {
  Entry entry;
  entry.change = Change::changed;
  entry.mode = S_IFREG | 0644;
  entry.differs.time = true;
  KindList recorded;
  recorded.add(Kind::file_rename);
  EXPECT_FALSE(restored(recorded, entry));
  recorded.add(Kind::file_write);
  EXPECT_TRUE(restored(recorded, entry));
  entry.differs.time = false;
  EXPECT_TRUE(restored(recorded, entry));
}

TEST(Kinds, PastTheOverlayNothingIsCopiedUp) {
  Entry entry;
  entry.mode = S_IFREG | 0644;
  entry.change = Change::changed;
  entry.differs.content = true;
  EXPECT_TRUE(kinds_by_operation(FileOp::create, entry).has(Kind::copy_up));
  const auto direct = kinds_by_operation(FileOp::create, entry, true);
  EXPECT_TRUE(direct.has(Kind::file_create));
  EXPECT_FALSE(direct.has(Kind::copy_up));
}

TEST(Kinds, AnAddedFileIsNeverMerelyCopiedUp) {
  Entry entry;
  entry.change = Change::added;
  entry.mode = 0100644;
  KindList recorded;
  recorded.add(Kind::copy_up);
  EXPECT_TRUE(explained(recorded, entry).has(Kind::file_create));
}

}  // namespace
}  // namespace stillframe::drift
