// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/records.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/drift/ledger/fake_clock.h"

namespace stillframe::drift::test {
namespace {

constexpr InodeId kRootInode{2, 1};
constexpr InodeId kThere{50, 1};
constexpr InodeId kAway{51, 1};

class Recording : public ::testing::Test {
 protected:
  Recording() {
    ScanResult scan;
    scan.root = kRootInode;
    scan.entries = {entry(kRootInode, {}, "", S_IFDIR | 0755),
                    entry(kThere, kRootInode, "x", S_IFREG | 0644),
                    entry({60, 1}, kRootInode, "gone", S_IFREG | 0644)};
    scan.entries[2].whiteout = true;
    books.tree.apply(scan);
    books.actors.intern({});  // actor 0
  }
  static Entry entry(InodeId inode, InodeId parent, std::string name,
                     std::uint32_t mode) {
    Entry e;
    e.inode = inode;
    e.parent = parent;
    e.name = std::move(name);
    e.mode = mode;
    e.links = 1;
    e.change = Change::added;
    return e;
  }
  Record* add(const RecordKey& key, Kind kind, std::uint64_t boot_ns = 5) {
    Record* r = records.add(key, clock.wall_at(boot_ns), 1, 0);
    r->kinds.add(kind);
    r->last_boot_ns = boot_ns;
    return r;
  }

  FakeClock clock;
  ContainerRecord container;
  Books books{clock, {}, {}, Ledger(100)};
  Judge judge{container, books.actors,
              std::make_shared<const policy::Policy>()};
  History history;
  Verdicts verdicts{books, judge, history,
                    [](const std::string&, const Record&) { return false; }};
  Records records{books, verdicts};
};

TEST_F(Recording, WhatIsMissingGoesWhenNothingIsLeftToLookAt) {
  for (const auto& inode : {kThere, kAway}) {
    add(RecordKey::of_inode(inode), Kind::file_create);
    records.missing(inode, "/x");
  }
  records.scanned(10, true);
  EXPECT_NE(books.ledger.find(RecordKey::of_inode(kAway)), nullptr);
  records.scanned(20, false);
  EXPECT_EQ(books.ledger.find(RecordKey::of_inode(kAway)), nullptr);
  EXPECT_NE(books.ledger.find(RecordKey::of_inode(kThere)), nullptr);
}

TEST_F(Recording, WhatIsMissingAndSeenSinceStays) {
  add(RecordKey::of_inode(kAway), Kind::file_create);
  records.missing(kAway, "/x");
  add(RecordKey::of_inode(kAway), Kind::file_write, 30);
  records.scanned(20, false);
  EXPECT_NE(books.ledger.find(RecordKey::of_inode(kAway)), nullptr);
}

TEST_F(Recording, CountsAndKeepsTheSpanOfTime) {
  const auto key = RecordKey::of_inode(kThere);
  records.add(key, {50}, 2, 0);
  records.add(key, {40}, 1, 0);
  const Record* r = records.add(key, {60}, UINT32_MAX, 0);
  ASSERT_NE(r, nullptr);
  EXPECT_EQ(r->first_seen.ns, 40);
  EXPECT_EQ(r->last_seen.ns, 60);
  EXPECT_EQ(r->count, UINT32_MAX);
}

struct Swept {
  std::string name;
  RecordKey key;
  std::uint64_t boot_ns = 5;
  bool stays = false;
};

class ASweep : public Recording, public ::testing::WithParamInterface<Swept> {};

TEST_P(ASweep, RemovesWhatTheScanDidNotMeet) {
  const auto& c = GetParam();
  add(c.key, Kind::file_write, c.boot_ns);
  records.sweep(10);
  EXPECT_EQ(books.ledger.find(c.key) != nullptr, c.stays);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ASweep,
    ::testing::Values(
        Swept{"a_file", RecordKey::of_inode(kThere), 5, true},
        Swept{"a_file_that_is_gone", RecordKey::of_inode(kAway)},
        Swept{"one_changed_since", RecordKey::of_inode(kAway), 10, true},
        Swept{"a_whiteout", RecordKey::of_place(kRootInode, "gone"), 5, true},
        Swept{"a_file_instead_of_one", RecordKey::of_place(kRootInode, "x")},
        Swept{"nothing_instead_of_one", RecordKey::of_place(kRootInode, "y")},
        Swept{"what_has_no_place", RecordKey::of_path("/proc/sys/x"), 5, true}),
    [](const auto& info) { return info.param.name; });

TEST_F(Recording, ThatCodeWasExecutedStaysByPath) {
  for (const auto* path : {"/x", ""}) {
    add(RecordKey::of_inode(kAway), Kind::file_create)
        ->kinds.add(Kind::exec_new);
    records.retire(kAway, path);
    EXPECT_EQ(books.ledger.find(RecordKey::of_inode(kAway)), nullptr);
    const std::string at = *path == '\0' ? "(unknown)" : path;
    const Record* kept = books.ledger.find(RecordKey::of_path(at));
    ASSERT_NE(kept, nullptr);
    EXPECT_TRUE(kept->kinds.only(Kind::exec_new));
  }
  EXPECT_EQ(verdicts.totals().violating_paths(), 2u);
}

TEST_F(Recording, CodeOfOneInodeDoesNotCoverForThatOfAnotherAtItsPath) {
  Actor session;
  session.origin = Origin::exec;
  Actor workload;
  workload.origin = Origin::workload;
  for (const auto& who : {session, workload}) {
    const auto key = RecordKey::of_inode(kAway);
    records.add(key, {50}, 1, books.actors.intern(who))
        ->kinds.add(Kind::exec_new);
    records.retire(kAway, "/x");
  }
  const Record* kept = books.ledger.find(RecordKey::of_path("/x"));
  ASSERT_NE(kept, nullptr);
  const auto& members = books.actors.members(kept->actors);
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(books.actors.get(members[0]).origin, Origin::exec);
  EXPECT_EQ(kept->count, 2u);
}

// The ledger that was kept could be read only later.
TEST_F(Recording, AnOlderLedgerGoesUnderWhatWasRecordedSince) {
  Actor before;
  before.comm = "before";
  Actor since;
  since.comm = "since";
  ActorTable actors;
  Ledger older(100);
  Record* old = older.upsert(RecordKey::of_inode(kThere));
  old->kinds.add(Kind::file_create);
  old->first_seen.ns = old->last_seen.ns = 10;
  old->count = 3;
  old->actors = actors.add(0, actors.intern(before), old->left_out);
  older.upsert(RecordKey::of_path("/proc/sys/x"))->count = 1;
  const ActorId by = books.actors.intern(since);
  records.add(RecordKey::of_inode(kThere), {50}, 1, by)
      ->kinds.add(Kind::file_write);

  merge(actors, older, books);
  const Record* r = books.ledger.find(RecordKey::of_inode(kThere));
  ASSERT_NE(r, nullptr);
  EXPECT_TRUE(r->kinds.has(Kind::file_create));
  EXPECT_TRUE(r->kinds.has(Kind::file_write));
  EXPECT_EQ(r->first_seen.ns, 10);
  EXPECT_EQ(r->last_seen.ns, 50);
  EXPECT_EQ(r->count, 4u);
  std::vector<std::string> who;
  for (const ActorId id : books.actors.members(r->actors)) {
    who.push_back(books.actors.get(id).comm);
  }
  EXPECT_EQ(who, (std::vector<std::string>{"before", "since"}));
  EXPECT_NE(books.ledger.find(RecordKey::of_path("/proc/sys/x")), nullptr);
}

}  // namespace
}  // namespace stillframe::drift::test
