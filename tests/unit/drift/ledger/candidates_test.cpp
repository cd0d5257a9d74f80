// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/candidates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

namespace stillframe::drift {
namespace {

constexpr InodeId kDir{5, 1};

Candidate one(ActorId who, std::uint64_t at, std::string hint = "",
              FileOp op = FileOp::unlink) {
  Candidate c;
  c.actor = who;
  c.op = op;
  c.first_ns = c.last_ns = at;
  c.hint = std::move(hint);
  c.live = true;
  return c;
}

Candidate cut(Candidate c) {
  c.cut = true;
  return c;
}

Candidate renamed(ActorId who, std::uint64_t at, std::string from,
                  std::string to) {
  Candidate c = one(who, at, std::move(from), FileOp::rename);
  c.to = std::move(to);
  return c;
}

// What an unlink leaves.
Entry whiteout(std::string name = "x") {
  Entry entry;
  entry.name = std::move(name);
  entry.mode = S_IFREG | 0644;
  entry.whiteout = true;
  entry.change = Change::deleted;
  return entry;
}

Entry left(Change change, std::uint32_t mode) {
  Entry entry;
  entry.name = "x";
  entry.mode = mode;
  entry.change = change;
  return entry;
}

std::vector<ActorId> who(const std::optional<Choice>& choice) {
  std::vector<ActorId> out;
  if (!choice) return out;
  for (const auto& c : choice->all()) out.push_back(c.actor);
  return out;
}

struct Case {
  std::string name;
  std::vector<Candidate> candidates;
  std::string entry;
  std::optional<std::int64_t> made;
  std::vector<ActorId> who;
};

class Choose : public ::testing::TestWithParam<Case> {};

TEST_P(Choose, WhoWasIt) {
  Candidates all;
  for (const auto& c : GetParam().candidates) all.add(kDir, c);
  const auto choice =
      all.choose(kDir, whiteout(GetParam().entry), GetParam().made);
  EXPECT_EQ(who(choice), GetParam().who);
  const std::set<ActorId> different(GetParam().who.begin(),
                                    GetParam().who.end());
  EXPECT_EQ(choice && choice->ambiguous(), different.size() > 1);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Choose,
    ::testing::Values(
        Case{"nobody", {}, "x", {}, {}},
        Case{"only_one", {one(1, 10)}, "x", {}, {1}},
        Case{"only_one_twice", {one(1, 10), one(1, 20, "y")}, "x", {}, {1, 1}},
        Case{"two_the_latest_last", {one(1, 20), one(2, 10)}, "x", {}, {2, 1}},
        Case{
            "two_the_hinted", {one(1, 10, "x"), one(2, 20, "y")}, "x", {}, {1}},
        Case{"the_hinted_and_whose_name_was_cut",
             {cut(one(1, 10)), one(2, 20, "x"), one(3, 30)},
             "x",
             {},
             {1, 2}},
        Case{"the_hinted_and_who_can_have_named_anything",
             {one(1, 10, "", FileOp::unknown), one(2, 20, "x")},
             "x",
             {},
             {1, 2}},
        Case{"the_cut_one_that_is_hinted_once",
             {cut(one(1, 10, "x"))},
             "x",
             {},
             {1}},
        Case{"renamed_from_it_or_to_it",
             {renamed(1, 10, "x", "y"), renamed(2, 20, "y", "x"),
              renamed(3, 30, "a", "b")},
             "x",
             {},
             {1, 2}},
        Case{"two_hint_the_same",
             {one(1, 10, "x"), one(2, 20, "x")},
             "x",
             {},
             {1, 2}},
        Case{"worked_beside_it",
             {one(1, 10), one(2, 20, "y", FileOp::create)},
             "x",
             {},
             {1}},
        Case{"named_it_otherwise",
             {one(1, 10), one(2, 20, "x", FileOp::open)},
             "x",
             {},
             {1}},
        Case{"only_somebody_beside_it",
             {one(2, 20, "x", FileOp::mkdir)},
             "x",
             {},
             {}},
        Case{"began_too_late", {one(1, 5'000'000'000)}, "x", 1'000'000'000, {}},
        Case{"within_slack", {one(1, 1'900'000'000)}, "x", 1'000'000'000, {1}},
        Case{"late_one_left_out",
             {one(1, 10), one(2, 5'000'000'000)},
             "x",
             1'000'000'000,
             {1}}),
    [](const auto& info) { return info.param.name; });

struct Fit {
  FileOp op;
  bool whiteout;
  bool new_file;
  bool new_link;
  bool new_device;
  bool new_directory;
  bool changed_file;
  bool changed_directory;
};

TEST(Candidates, AnOperationFitsWhatItCanLeave) {
  const Fit fits[] = {
      {FileOp::unknown, true, true, true, true, true, true, true},
      {FileOp::rename, true, true, true, true, true, true, true},
      {FileOp::unlink, true, false, false, false, false, false, true},
      {FileOp::rmdir, true, false, false, false, false, false, true},
      {FileOp::open, false, true, false, false, false, true, true},
      {FileOp::create, false, true, false, false, false, true, true},
      {FileOp::link, false, true, true, true, false, true, true},
      {FileOp::symlink, false, false, true, false, false, false, true},
      {FileOp::mkdir, false, false, false, false, true, false, true},
      {FileOp::mknod, false, true, false, true, false, true, true},
  };
  for (const Fit& fit : fits) {
    const auto op = static_cast<int>(fit.op);
    EXPECT_EQ(can_leave(fit.op, whiteout()), fit.whiteout) << op;
    EXPECT_EQ(can_leave(fit.op, left(Change::added, S_IFREG)), fit.new_file)
        << op;
    EXPECT_EQ(can_leave(fit.op, left(Change::added, S_IFLNK)), fit.new_link)
        << op;
    EXPECT_EQ(can_leave(fit.op, left(Change::added, S_IFCHR)), fit.new_device)
        << op;
    EXPECT_EQ(can_leave(fit.op, left(Change::added, S_IFDIR)),
              fit.new_directory)
        << op;
    EXPECT_EQ(can_leave(fit.op, left(Change::changed, S_IFREG)),
              fit.changed_file)
        << op;
    EXPECT_EQ(can_leave(fit.op, left(Change::changed, S_IFDIR)),
              fit.changed_directory)
        << op;
  }
}

TEST(Candidates, PastTheOverlayAWhiteoutIsMadeAsADevice) {
  Entry device = whiteout();
  device.inode = {50, 1};
  EXPECT_TRUE(can_leave(FileOp::mknod, device, true));
  EXPECT_TRUE(can_leave(FileOp::link, device, true));
  EXPECT_FALSE(can_leave(FileOp::create, device, true));
}

// A number is used again, and who was in the one directory was not in the
// other.
TEST(Candidates, ThoseOfAnEarlierDirectoryAreForgotten) {
  constexpr InodeId kLater{kDir.ino, kDir.generation + 1};
  Candidates all;
  all.add(kDir, one(1, 10));
  EXPECT_FALSE(all.choose(kLater, whiteout(), {}));
  EXPECT_FALSE(all.anyone(kLater));
  EXPECT_TRUE(all.nobody_in(kLater));
  all.add(kLater, one(2, 20));
  EXPECT_EQ(who(all.choose(kLater, whiteout(), {})), std::vector<ActorId>{2});
}

TEST(Candidates, WhoIsDoubtedIsAmbiguous) {
  Choice choice({one(1, 10)});
  EXPECT_FALSE(choice.ambiguous());
  choice.doubt();
  EXPECT_TRUE(choice.ambiguous());
}

TEST(Candidates, WithoutAnOverlayANameThatIsMissingIsNoDevice) {
  EXPECT_FALSE(can_leave(FileOp::mknod, whiteout(), true));
  EXPECT_FALSE(can_leave(FileOp::link, whiteout(), true));
  EXPECT_TRUE(can_leave(FileOp::unlink, whiteout(), true));
}

// bind(2) has its path where it is not read.
TEST(Candidates, WhoBoundASocketMayHaveGivenItAnyName) {
  Candidates all;
  all.add(kDir, one(1, 10, "", FileOp::mknod));
  all.add(kDir, one(2, 20, "x", FileOp::link));
  EXPECT_EQ(who(all.choose(kDir, left(Change::added, S_IFSOCK | 0755), {})),
            (std::vector<ActorId>{1, 2}));
}

TEST(Candidates, WhoMayHaveDoneMoreSinceIsNotSettled) {
  Candidates all;
  Candidate folds = one(1, 10);
  folds.until_ns = 30;
  all.add(kDir, folds);
  all.add(kDir, one(1, 15));
  all.settle(kDir, 20);
  EXPECT_EQ(who(all.choose(kDir, whiteout(), {})), std::vector<ActorId>{1});
  all.settle(kDir, 31);
  EXPECT_FALSE(all.choose(kDir, whiteout(), {}));
}

TEST(Candidates, AScanSettlesThoseBeforeIt) {
  Candidates all;
  all.add(kDir, one(1, 10));
  all.add(kDir, one(2, 30));
  all.settle(kDir, 20);
  EXPECT_EQ(who(all.choose(kDir, whiteout(), {})), std::vector<ActorId>{2});
  all.settle_all(31);
  EXPECT_FALSE(all.choose(kDir, whiteout(), {}));
}

TEST(Candidates, AfterALossOnlyWhoNamedTheEntryIsKnown) {
  Candidates all;
  all.add(kDir, one(1, 10));
  all.lost(100);
  all.add(kDir, one(2, 50, "y"));
  EXPECT_FALSE(all.choose(kDir, whiteout(), {}));
  EXPECT_FALSE(all.anyone(kDir));
  EXPECT_EQ(who(all.choose(kDir, whiteout("y"), {})), std::vector<ActorId>{2});
  all.settle_all(100);
  all.add(kDir, one(2, 110));
  EXPECT_FALSE(all.choose(kDir, whiteout(), {}));
  all.settle_all(101);
  EXPECT_EQ(who(all.choose(kDir, whiteout(), {})), std::vector<ActorId>{2});
}

TEST(Candidates, AreBoundedPerDirectoryAndInAll) {
  Candidates all;
  for (ActorId who = 0; who < 1000; ++who) {
    all.add(kDir, one(who, who + 1, who == 999 ? "y" : ""));
  }
  // Any of those that were not kept may have been the one.
  EXPECT_FALSE(all.choose(kDir, whiteout(), {}));
  EXPECT_EQ(who(all.choose(kDir, whiteout("y"), {})),
            std::vector<ActorId>{999});
  for (std::uint64_t ino = 10; ino < 20'000; ++ino) {
    all.add({ino, 1}, one(1, 1));
  }
  EXPECT_FALSE(all.choose({19'999, 1}, whiteout(), {}));
  // There was no room for whoever may have named it, wherever that was.
  EXPECT_FALSE(all.choose(kDir, whiteout("y"), {}));
  all.settle_all(1000);
  EXPECT_EQ(who(all.choose(kDir, whiteout(), {})), std::vector<ActorId>{999});
}

TEST(Candidates, OneActorsHintsDoNotPushOutAnother) {
  Candidates all;
  all.add(kDir, one(7, 1, "a"));
  for (std::uint64_t i = 0; i < 100; ++i) {
    all.add(kDir, one(8, 10 + i, "h" + std::to_string(i)));
  }
  EXPECT_EQ(who(all.choose(kDir, whiteout("a"), {})), std::vector<ActorId>{7});
}

TEST(Candidates, WhoIsPushedOutDoesNotLeaveAnotherToBlame) {
  for (const bool by_itself : {true, false}) {
    Candidates all;
    all.add(kDir, one(1, 1, "log"));
    for (ActorId i = 0; i < Candidates::kMaxPerDirectory; ++i) {
      const ActorId crowd = by_itself ? 1 : 100 + i;
      all.add(kDir, one(crowd, 10 + i, "c" + std::to_string(i)));
    }
    all.add(kDir, one(2, 900, "log"));
    all.add(kDir, one(3, 901, "other"));
    EXPECT_FALSE(all.choose(kDir, whiteout("log"), {}));
    EXPECT_EQ(who(all.choose(kDir, whiteout("other"), {})),
              std::vector<ActorId>{3});
    all.settle(kDir, 900);
    EXPECT_EQ(who(all.choose(kDir, whiteout("log"), {})),
              std::vector<ActorId>{2});
  }
}

TEST(Candidates, OfMoreNamesThanAreKeptNobodyIsNamed) {
  Candidates all;
  for (std::uint64_t i = 0; i < 2 * Candidates::kMaxDroppedNames; ++i) {
    all.add(kDir, one(1, 1 + i, "c" + std::to_string(i)));
  }
  all.add(kDir, one(2, 9000, "log"));
  EXPECT_FALSE(all.choose(kDir, whiteout("log"), {}));
}

TEST(Candidates, EveryCommandOfAScriptIsKept) {
  Candidates all;
  for (ActorId who = 0; who < 200; ++who) {
    all.add(kDir, one(who, who + 1, std::to_string(who)));
  }
  EXPECT_EQ(who(all.choose(kDir, whiteout("0"), {})), std::vector<ActorId>{0});
  EXPECT_EQ(who(all.choose(kDir, whiteout("199"), {})),
            std::vector<ActorId>{199});
}

TEST(Candidates, OfACrowdNobodyIsNamed) {
  Candidates all;
  for (ActorId who = 0; who < Candidates::kMaxPerChoice; ++who) {
    all.add(kDir, one(who, who + 1, "a"));
    all.add(kDir, one(who, who + 1, "b"));
  }
  EXPECT_EQ(who(all.choose(kDir, whiteout("c"), {})).size(),
            2 * Candidates::kMaxPerChoice);
  all.add(kDir, one(Candidates::kMaxPerChoice, 100));
  EXPECT_FALSE(all.choose(kDir, whiteout("c"), {}));
  EXPECT_FALSE(all.anyone(kDir));
}

TEST(Candidates, RoomIsGivenBack) {
  Candidates all;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t ino = 10; ino < 10 + Candidates::kMaxInAll; ++ino) {
      all.add({ino, 1}, one(1, 1));
    }
    EXPECT_FALSE(all.anyone(kDir));
    round == 0 ? all.settle_all(2) : all.drop({10, 1});
    all.add(kDir, one(2, 1));
    EXPECT_EQ(who(all.anyone(kDir)), std::vector<ActorId>{2});
    all.lost(1);
    all.settle_all(2);
  }
}

TEST(BaseName, OfWhatCallersPass) {
  EXPECT_EQ(base_name("/etc/passwd"), "passwd");
  EXPECT_EQ(base_name("passwd"), "passwd");
  EXPECT_EQ(parent_name("/etc/passwd/"), "etc");
  EXPECT_EQ(parent_name("a//b"), "a");
  EXPECT_EQ(parent_name("/x"), "");
  EXPECT_EQ(parent_name("x"), "");
  EXPECT_EQ(base_name("/etc/dir///"), "dir");
  EXPECT_EQ(base_name("/"), "");
  EXPECT_EQ(base_name(""), "");
}

}  // namespace
}  // namespace stillframe::drift
