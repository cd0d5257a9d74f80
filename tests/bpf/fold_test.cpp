// SPDX-License-Identifier: Apache-2.0
#include <asm/unistd.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "tests/bpf/inlines.h"

namespace stillframe::sensors {
namespace {

using ::testing::ElementsAre;

constexpr auto kHalfASecond = std::chrono::milliseconds(500);

using Fold = Inlines;
INSTANTIATE_TEST_SUITE_P(Reads, Fold, ::testing::Bool(), reads);

sf_change_key key_of(std::uint64_t ino) {
  sf_change_key key{};
  key.ino = ino;
  key.nr = -100;
  return key;
}

TEST_P(Fold, WhatRepeatsWithinASecondIsCounted) {
  EXPECT_EQ(fold(key_of(1)).sent, 1u);
  EXPECT_EQ(fold(key_of(1)).folded, 1u);
  EXPECT_EQ(fold(key_of(2)).sent, 1u);
  // As if the first had been longer ago.
  put(object_->maps.changes, key_of(1), sf_change_state{0, 7, 0});
  const auto later = fold(key_of(1));
  EXPECT_EQ(later.sent, 1u);
  EXPECT_EQ(later.repeats, 7u);
}

// The tick in which it was sent may be over, or not.
TEST_P(Fold, TheFirstRepeatOfAFileSaysThatMoreMayFollow) {
  ASSERT_EQ(fold(key_of(1), false, true).repeats, 0u);
  test_fold repeat{};
  std::uint32_t silent = 0;
  const auto end = std::chrono::steady_clock::now() + kHalfASecond;
  while (std::chrono::steady_clock::now() < end) {
    repeat = fold(key_of(1), false, true);
    if (repeat.sent != 0) break;
    ++silent;
  }
  EXPECT_EQ(repeat.sent, 1u);
  EXPECT_EQ(repeat.repeats, UINT32_MAX);
  EXPECT_EQ(fold(key_of(1), false, true).folded, 1u);
  // As if the first had been longer ago: what was reported does not count.
  sf_change_state state{};
  const auto key = key_of(1);
  bpf_map_lookup_elem(bpf_map__fd(object_->maps.changes), &key, &state);
  state.sent_ns = 0;
  put(object_->maps.changes, key_of(1), state);
  const auto later = fold(key_of(1), false, true);
  EXPECT_EQ(later.sent, 1u);
  EXPECT_EQ(later.repeats, silent + 1);
}

TEST_P(Fold, WhatIsPendingIsFoldedUntilItIsTakenOut) {
  EXPECT_EQ(fold(key_of(1), true).sent, 1u);
  put(object_->maps.changes, key_of(1), sf_change_state{0, 0, 0});
  EXPECT_EQ(fold(key_of(1), true).folded, 1u);
  const auto key = key_of(1);
  bpf_map_delete_elem(bpf_map__fd(object_->maps.changes), &key);
  EXPECT_EQ(fold(key_of(1), true).sent, 1u);
}

TEST_P(Fold, AKeyIsGivenBackWhereTheRingBufferIsFull) {
  fill_ring();
  const auto before = lost(SF_LOSS_ringbuf_full);
  for (int i = 0; i < 2; ++i) {
    const auto refused = fold(key_of(1));
    EXPECT_EQ(refused.folded, 0u);
    EXPECT_EQ(refused.sent, 0u);
  }
  EXPECT_EQ(lost(SF_LOSS_ringbuf_full), before + 2);
  events();
  EXPECT_EQ(fold(key_of(1)).sent, 1u);
}

class Changes : public Inlines {
 protected:
  void SetUp() override {
    Inlines::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    put(object_->maps.roots, root_, sf_root_state{});
  }
  bool folded(std::uint64_t ino, bool entries = false) {
    test_change test{};
    test.root = root_;
    test.inode = {ino, 1, root_.dev};
    test.nr = __NR_write;
    test.entries = entries ? 1 : 0;
    run(object_->progs.change, test);
    return test.folded != 0;
  }
  // The first repeat is reported too if the tick is over by then.
  bool folded_at_last(std::uint64_t ino) { return folded(ino) || folded(ino); }
  sf_inode root_{2, 1, 77};
};

INSTANTIATE_TEST_SUITE_P(Reads, Changes, ::testing::Bool(), reads);

TEST_P(Changes, OfFilesAreFoldedAndTheirKeysGivenBack) {
  EXPECT_FALSE(folded(3));
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE));
  EXPECT_TRUE(folded_at_last(3));
  events();
  put(object_->maps.roots, root_, sf_root_state{});
  fill_ring();
  EXPECT_FALSE(folded(4));
  EXPECT_FALSE(folded(4));
  events();
  put(object_->maps.roots, root_, sf_root_state{});  // the budget is used up
  EXPECT_FALSE(folded(4));
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE));
  EXPECT_TRUE(folded_at_last(4));
}

// A container can mount overlays of its own without end.
TEST_P(Changes, InAContainersOwnOverlaysTakeNoRoomFromOthers) {
  const auto known = [&](bpf_map* map) {
    sf_root_state state{};
    return bpf_map_lookup_elem(bpf_map__fd(map), &root_, &state) == 0;
  };
  test_process self{};
  run(object_->progs.process, self);
  const std::uint64_t cgroup = self.process.cgroup;
  for (const bool contained : {false, true}) {
    if (contained) put(object_->maps.cgroups, cgroup, sf_cgroup_state{});
    root_.ino += 10;
    folded(100 + root_.ino);
    EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE));
    EXPECT_EQ(known(object_->maps.roots), !contained);
    EXPECT_EQ(known(object_->maps.passing_roots), contained);
  }
  // Nor do they have a share of events each.
  sf_cgroup_state home{};
  home.root = {5, 1, 77};
  put(object_->maps.cgroups, cgroup, home);
  put(object_->maps.roots, home.root, sf_root_state{});
  fill_half_of_ring();
  for (std::uint32_t i = 0; i < kBudget + 2; ++i) {
    root_.ino += 10;
    folded(100 + root_.ino);
  }
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE, SF_EVENT_FILE, SF_EVENT_FILE,
                                    SF_EVENT_BUDGET));
}

// The agent gives such a key back when it takes the event out.
TEST_P(Changes, OfEntriesOverTheBudgetAreNotLeftPending) {
  fill_half_of_ring();
  for (std::uint64_t ino = 10; ino < 10 + kBudget; ++ino) folded(ino);
  EXPECT_FALSE(folded(20, true));
  EXPECT_FALSE(folded(20, true));
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE, SF_EVENT_FILE, SF_EVENT_FILE,
                                    SF_EVENT_BUDGET));
}

TEST_P(Changes, OverTheBudgetAreReportedOnceASecond) {
  const auto over = [&] {
    test_budget test{};
    test.root = root_;
    run(object_->progs.budget, test);
    return test.over != 0;
  };
  for (std::uint32_t i = 0; i < kBudget; ++i) EXPECT_FALSE(over());
  fill_ring();
  EXPECT_TRUE(over());  // and that finds no room
  events();
  fill_half_of_ring();
  EXPECT_TRUE(over());
  EXPECT_TRUE(over());
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_BUDGET));
  // As if the window had begun longer ago.
  sf_root_state state{};
  state.used = kBudget;
  put(object_->maps.roots, root_, state);
  EXPECT_FALSE(over());
}

struct HintCase {
  const char* name;
  std::string hint;
  std::string to;
  std::string text;  // none: it is marked as not read whole
  bool unreadable = false;
};

// The memory is the caller's, who may take it away.
TEST_P(Fold, WhatACallNamesIsReadWholeOrSaidNotToBe) {
  const sf_inode root{2, 1, 77};
  const std::string shortest(1, 'x');
  const std::string longest(SF_HINT_LEN - 2, 'l');
  const HintCase cases[] = {
      {"one path", "/a/b", "", "/a/b"},
      {"two paths", "/a/b", "c", std::string{"/a/b\0c", 6}},
      {"as long as it may be", longest, longest, longest + '\0' + longest},
      {"too long", longest + "xx", "", ""},
      {"the second too long", shortest, longest + "xx", ""},
      {"not to be read", "", "", "", true},
  };
  std::uint64_t ino = 100;
  for (const HintCase& one : cases) {
    put(object_->maps.roots, root, sf_root_state{});
    test_change test{};
    test.root = root;
    test.inode = {++ino, 1, root.dev};
    test.nr = __NR_renameat2;
    test.entries = 1;
    test.hint =
        one.unreadable ? 1 : reinterpret_cast<std::uintptr_t>(one.hint.c_str());
    if (!one.to.empty()) {
      test.to = reinterpret_cast<std::uintptr_t>(one.to.c_str());
    }
    taken_.clear();
    run(object_->progs.change, test);
    events();
    ASSERT_EQ(taken_.size(), 1u) << one.name;
    sf_file_event event{};
    std::memcpy(&event, taken_[0].data(),
                std::min(sizeof event, taken_[0].size()));
    const bool cut = (event.flags & SF_FILE_HINT_CUT) != 0;
    EXPECT_EQ(cut, one.text.empty()) << one.name;
    if (cut) continue;
    EXPECT_EQ(std::string(event.text + event.name_len, event.hint_len),
              one.text)
        << one.name;
  }
}

}  // namespace
}  // namespace stillframe::sensors
