// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/drift/ledger/fake_clock.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr InodeId kRootInode{2, 1};
constexpr InodeId kFileInode{50, 1};
constexpr std::uint64_t kSecond = 1'000'000'000;

class Announcing : public ::testing::Test {
 protected:
  Announcing() { set_tree(std::nullopt); }

  // The root, and perhaps a file in it.
  void set_tree(std::optional<Change> file, const std::string& name = "x") {
    ScanResult scan;
    scan.root = kRootInode;
    Entry root;
    root.inode = kRootInode;
    root.mode = S_IFDIR | 0755;
    scan.entries = {root};
    if (file) {
      Entry e;
      e.inode = kFileInode;
      e.parent = kRootInode;
      e.name = name;
      e.mode = S_IFREG | 0644;
      e.links = 1;
      e.change = *file;
      e.differs.content = *file == Change::changed;
      scan.entries.push_back(e);
    }
    books.tree.apply(scan);
  }
  Operation operation(std::optional<Kind> kind, const std::string& name = "x",
                      bool live = true) {
    Actor sh;
    sh.comm = "sh";
    sh.origin = Origin::exec;
    sh.pid = 100;
    Operation about;
    about.boot_ns = clock.boot_ns();
    about.inode = kFileInode;
    about.parent = kRootInode;
    about.name = name;
    about.kind = kind;
    about.actor = books.actors.intern(sh);
    about.live = live;
    return about;
  }
  void scanned(bool pending = false) {
    clock.advance(1);
    announcer.scanned(clock.boot_ns(),
                      [pending](const InodeId&) { return pending; });
  }

  FakeClock clock;
  ContainerRecord container;
  Books books{clock, {}, {}, Ledger(100)};
  Judge judge{container, books.actors,
              std::make_shared<const policy::Policy>()};
  History history;
  Verdicts verdicts{books, judge, history,
                    [](const std::string&, const Record&) { return false; }};
  DirectoryPaths directories{books.tree, kRootInode};
  std::vector<MutationEvent> events;
  std::vector<std::string> reported;
  Announcer announcer{books,
                      directories,
                      judge,
                      verdicts,
                      history,
                      [this](const MutationEvent& e) {
                        events.push_back(e);
                        reported.push_back(std::string(to_string(e.kind)) +
                                           " " + e.path + " " +
                                           std::string(to_string(e.verdict)));
                      }};
};

TEST_F(Announcing, AnOperationThatIsFullyKnownIsReportedAtOnce) {
  announcer.operation(operation(Kind::file_write));
  EXPECT_THAT(reported, ElementsAre("file_write /x violation"));
  EXPECT_TRUE(history.ever_mutated());
  EXPECT_EQ(history.first_mutation(), clock.wall());
}

TEST_F(Announcing, ToOpenIsNotAViolation) {
  announcer.operation(operation(Kind::copy_up));
  EXPECT_THAT(reported, ElementsAre("copy_up /x restored"));
  EXPECT_FALSE(history.ever_mutated());
}

struct Wait {
  std::string name;
  std::optional<Kind> kind;
  std::string file = "x";
  bool live = true;
  bool known_parent = true;
  std::optional<Change> found;
  std::vector<std::string> events;
};

class ADeferred : public Announcing,
                  public ::testing::WithParamInterface<Wait> {};

TEST_P(ADeferred, EventIsReportedByWhatAScanHasShown) {
  const auto& c = GetParam();
  auto about = operation(c.kind, c.file, c.live);
  if (!c.known_parent) about.parent = {77, 1};
  announcer.operation(about);
  EXPECT_THAT(reported, IsEmpty());
  scanned(true);
  EXPECT_THAT(reported, IsEmpty());
  set_tree(c.found, c.file);
  scanned();
  EXPECT_EQ(reported, c.events);
  scanned();
  EXPECT_EQ(reported, c.events);  // and once
}

INSTANTIATE_TEST_SUITE_P(
    Each, ADeferred,
    ::testing::Values(Wait{.name = "of_unknown_kind",
                           .kind = std::nullopt,
                           .found = Change::changed,
                           .events = {"unknown_change /x violation"}},
                      Wait{.name = "of_unknown_kind_and_gone",
                           .kind = std::nullopt,
                           .found = std::nullopt,
                           .events = {"unknown_change /x violation"}},
                      Wait{.name = "of_unknown_kind_and_nothing_changed",
                           .kind = std::nullopt,
                           .found = Change::none,
                           .events = {}},
                      Wait{.name = "in_an_unknown_directory",
                           .kind = Kind::file_write,
                           .known_parent = false,
                           .found = Change::changed,
                           .events = {"file_write /x violation"}},
                      Wait{.name = "at_a_place_of_the_runtime",
                           .kind = Kind::file_create,
                           .file = "run",
                           .live = false,
                           .found = Change::changed,
                           .events = {"file_create /run scratch"}},
                      Wait{.name = "which_made_it",
                           .kind = Kind::file_create,
                           .file = ".dockerenv",
                           .live = false,
                           .found = Change::added,
                           .events = {}}),
    [](const auto& info) { return info.param.name; });

TEST_F(Announcing, WhileScansFailAnEventWaitsForItsPatienceOnly) {
  announcer.operation(operation(std::nullopt));
  clock.advance(Announcer::kPatienceNs - kSecond);
  scanned(true);
  EXPECT_THAT(reported, IsEmpty());
  clock.advance(kSecond);
  scanned(true);
  EXPECT_THAT(reported, SizeIs(1));
}

TEST_F(Announcing, WhatWaitsIsBoundedByItsBytes) {
  const std::string name(255, 'f');
  std::uint32_t sent = 0;
  while (reported.size() < 5) {  // the oldest
    auto about = operation(std::nullopt, name);
    about.inode.ino = 1000 + sent++;
    announcer.operation(about);
  }
  EXPECT_GT(sent, 1000u);
  EXPECT_LT(sent, Announcer::kMaxDeferredBytes / name.size());
  EXPECT_EQ(reported[0], "unknown_change /" + name + " violation");
}

constexpr InodeId kUnknown{77, 1};

TEST_F(Announcing, WhatIsBelowAnUnknownDirectoryIsOneEventWithItsCount) {
  for (std::uint32_t i = 0; i < 5; ++i) {
    auto about = operation(Kind::file_create, "f" + std::to_string(i));
    about.inode.ino = 1000 + i;
    about.parent = kUnknown;
    announcer.operation(about);
  }
  scanned();
  EXPECT_THAT(reported, ElementsAre("unknown_change / violation"));
  EXPECT_EQ(events[0].count, 5u);
  EXPECT_EQ(events[0].actor->comm, "sh");
  EXPECT_EQ(events[0].detail, "changes below it, of names that are not known");
  scanned();
  EXPECT_THAT(reported, SizeIs(1));
}

// Where there were too many to be kept each.
TEST_F(Announcing, SuchAreReportedOfTheirDirectoryIfAScanShowsThat) {
  std::uint64_t sent = 0;
  std::uint64_t bytes = 0;
  while (bytes < 3 * Announcer::kMaxDeferredBytes) {
    auto about = operation(Kind::file_create, std::string(255, 'f'));
    about.inode.ino = 1000 + sent++;
    about.parent = kUnknown;
    bytes += 255 + sizeof about;
    announcer.operation(about);
  }
  EXPECT_THAT(reported, IsEmpty());
  directories.seen(kUnknown, kRootInode, "tmp", clock.boot_ns());
  scanned();
  std::uint64_t told = 0;
  for (const auto& event : events) told += event.count;
  EXPECT_EQ(told, sent);
  EXPECT_EQ(reported.back(), "unknown_change /tmp scratch");
  EXPECT_THAT(reported, ::testing::Each(::testing::EndsWith(" scratch")));
  EXPECT_FALSE(history.ever_mutated());
}

TEST_F(Announcing, WhatIsTooMuchEvenForThatIsAllOneSum) {
  for (std::uint32_t i = 0; i < Announcer::kMaxUnplaced + 9; ++i) {
    auto about = operation(Kind::file_create);
    about.inode.ino = about.parent.ino = 1000 + i;
    announcer.operation(about);
  }
  scanned();
  std::uint64_t told = 0;
  for (const auto& event : events) {
    EXPECT_EQ(event.path, "/");
    told += event.count;
  }
  EXPECT_EQ(told, Announcer::kMaxUnplaced + 9);
  EXPECT_LE(events.size(), Announcer::kMaxUnplaced + 1);
}

TEST_F(Announcing, OneThatNeverEndsIsReportedAfterItsPatience) {
  for (int second = 0; second < 12; ++second) {
    auto about = operation(Kind::file_create);
    about.parent = kUnknown;
    clock.advance(kSecond);
    announcer.operation(about);
    scanned(true);
  }
  EXPECT_FALSE(events.empty());
}

TEST_F(Announcing, AScanDoesNotRepeatAnOperation) {
  const auto about = operation(Kind::file_write);
  announcer.operation(about);
  MutationEvent event;
  event.kind = Kind::file_write;
  event.path = "/x";
  announcer.found(event, about.actor, {about.actor}, kFileInode);
  EXPECT_THAT(reported, SizeIs(1));
  clock.advance(Reported::kScanNs);
  announcer.found(event, about.actor, {about.actor}, kFileInode);
  EXPECT_THAT(reported, SizeIs(2));
}

TEST_F(Announcing, WhatNobodyWasSeenDoingIsReportedEachTime) {
  MutationEvent event;
  event.kind = Kind::file_write;
  event.path = "/x";
  const ActorId nobody = books.actors.intern({});
  announcer.found(event, nobody, {nobody}, kFileInode);
  announcer.found(event, nobody, {nobody}, kFileInode);
  EXPECT_THAT(reported, SizeIs(2));
}

TEST_F(Announcing, WhatIsFoundAndHasNoPlaceAnyMoreIsACount) {
  const ActorId by = operation(Kind::file_delete).actor;
  for (int i = 0; i < 2; ++i) {
    MutationEvent event;
    event.kind = Kind::file_delete;
    announcer.found(std::move(event), by, {by}, kFileInode);
  }
  EXPECT_THAT(events, IsEmpty());
  scanned();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].path, "/");
  EXPECT_EQ(events[0].kind, Kind::unknown_change);
  EXPECT_EQ(events[0].count, 2u);
}

}  // namespace
}  // namespace stillframe::drift::test
