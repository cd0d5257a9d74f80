// SPDX-License-Identifier: Apache-2.0
//
// The ledger on disk: killed and started again, damaged, someone else's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/drift/ledger/store.h"
#include "agent/drift/ledger/store_lines.h"
#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string slurp(const std::string& path) {
  std::stringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

class Kept : public ::testing::Test {
 protected:
  Kept() : w(ContainerDrift::Options{.state_file = dir / "state"}) {
    w.put("/etc", 10, Change::none, kDirectory);
    w.drift->started(w.record, 1);
    w.settle();
  }
  void mutate() {
    const std::string odd = "/etc/\xff\n\"x";
    w.put(odd, 50, Change::added);
    auto who = actor("vi\x1b", Origin::exec, 7);
    who.tool = "editor";
    who.user = "root";
    who.login = Login{1000, 3, "ann"};
    who.ancestors = NameList({"su", "\xff"});
    who.session = Session{.id = 9,
                          .first_cmd = "sh -i",
                          .tty = "pts3",
                          .uid = 5,
                          .start = {123},
                          .ancestors = NameList({"sshd", "sudo\n"}),
                          .request_uid = "0-1"};
    w.drift->observe(w.seen(FileOp::create, odd, 50), who);
    w.whiteout("/etc/gone");
    w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), actor("rm"));
    w.settle();
    w.move(odd, "/etc/y");
    w.drift->observe(w.seen(FileOp::rename, "/etc/y", 50), actor("mv"));
    w.drift->observe(SysctlObservation{.boot_ns = w.tick(),
                                       .root = {},
                                       .name = "kernel/x",
                                       .value = "1",
                                       .process = {}},
                     actor("sysctl"));
    w.settle();
  }
  std::string path() const { return dir / "state"; }
  ScratchDirectory dir;
  World w;
};

std::string text_of(const ChangeList& rows) {
  std::stringstream out;
  for (const auto& r : rows) {
    out << static_cast<char>(r.change) << r.path.text() << '|'
        << (r.from ? r.from->text() : "") << '|' << to_string(r.verdict)
        << r.count << '|' << r.first_seen.ns << '|' << r.last_seen.ns;
    for (const Kind k : r.kinds.list()) out << ' ' << to_string(k);
    for (const auto& a : r.actors) {
      out << " <" << to_string(a.origin) << a.comm << a.tool << a.pid
          << (a.session ? a.session->first_cmd + a.session->tty : "") << a.user;
      if (a.login) out << a.login->uid << a.login->session << a.login->user;
      for (const auto& name : a.ancestors.all()) out << ' ' << name;
      if (a.session) {
        for (const auto& name : a.session->ancestors.all()) out << ' ' << name;
        out << ' ' << a.session->request_uid;
      }
      out << '>';
    }
    out << " +" << r.actors_left_out << '\n';
  }
  return out.str();
}

TEST_F(Kept, TheLedgerSurvivesAKill) {
  mutate();
  const auto before = text_of(w.drift->diff());
  const auto summary = w.drift->summary();
  w.restart();
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_TRUE(w.drift->summary().ever_mutated);
  EXPECT_EQ(w.settle().full, 1);
  EXPECT_EQ(text_of(w.drift->diff()), before);
  EXPECT_EQ(w.drift->summary().first_mutation, summary.first_mutation);
  EXPECT_NE(summary.last_mutation.ns, 0);
  EXPECT_EQ(w.drift->summary().last_mutation, summary.last_mutation);
  EXPECT_EQ(w.drift->summary().mutated_paths, summary.mutated_paths);
  EXPECT_EQ(w.drift->summary().violations, summary.violations);
  EXPECT_THAT(w.events, IsEmpty());  // all of it was reported before
  EXPECT_THAT(w.drift->trouble(), IsEmpty());
}

// A file whose other name went is nobody's work after a restart, either.
TEST_F(Kept, WhatAnotherNameExplainsIsKept) {
  w.put("/etc/x", 60, Change::added).links = 2;
  w.put("/etc/y", 60, Change::added).links = 2;
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 60), actor("maker"));
  w.drift->request_full_scan();
  w.settle();
  w.clock.advance(10'000'000'000);
  w.now += 10'000'000'000;
  w.take("/etc/x");
  w.drift->observe(w.seen(FileOp::unlink, "/etc/x", 60), actor("rm"));
  w.at("/etc/y").links = 1;
  w.at("/etc/y").ctime = w.wall(w.now);
  w.settle();
  w.restart();
  w.settle();
  EXPECT_THAT(w.who("/etc/y"), ElementsAre("exec:maker"));
}

TEST_F(Kept, HowManyActorsWereLeftOutIsKept) {
  w.put("/etc/x", 50, Change::added);
  for (std::uint32_t pid = 1; pid <= 20; ++pid) {
    w.drift->observe(w.seen(FileOp::create, "/etc/x", 50),
                     actor("sh", Origin::exec, pid));
  }
  w.settle();
  EXPECT_EQ(w.row("/etc/x")->actors_left_out, 4u);
  w.restart();
  w.settle();
  EXPECT_EQ(w.row("/etc/x")->actors_left_out, 4u);
}

TEST_F(Kept, RecordsOfAVersionThatDidNotCountThemAreRead) {
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), actor("old"));
  w.settle();
  ASSERT_TRUE(w.drift->flush());
  std::string text = slurp(path());
  const std::string end = ",0]";
  const auto record = text.rfind("[\"r\"");
  ASSERT_NE(record, std::string::npos);
  text.replace(text.find(end, record), end.size(), "]");
  std::ofstream(path(), std::ios::trunc) << text;
  World again(ContainerDrift::Options{.state_file = path()});
  EXPECT_THAT(again.drift->trouble(), IsEmpty());
  again.entries = w.entries;
  again.drift->started(again.record, 1);
  again.settle();
  EXPECT_THAT(again.who("/etc/x"), ::testing::ElementsAre("exec:old"));
}

TEST_F(Kept, AndGrowsOnFromThere) {
  mutate();
  w.restart();
  w.settle();
  w.put("/etc/z", 70, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/z", 70), actor("late"));
  w.settle();
  const auto before = text_of(w.drift->diff());
  w.restart();
  w.settle();
  EXPECT_EQ(text_of(w.drift->diff()), before);
}

TEST_F(Kept, WhatHappenedMeanwhileIsUnattributed) {
  mutate();
  w.restart();
  w.put("/etc/new", 80, Change::added);
  w.settle();
  EXPECT_THAT(w.who("/etc/new"), ElementsAre("unattributed"));
  EXPECT_THAT(w.reported(),
              ElementsAre("file_create /etc/new by unattributed violation"));
}

TEST_F(Kept, AWriteBeforeTheNextLifeIsNotTheRuntimesFirst) {
  w.restart();
  w.put("/etc/x", 50, Change::added).size = 1;
  auto o = w.seen(FileOp::create, "/etc/x", 50);
  o.live = false;
  w.drift->observe(o, actor("podman", Origin::host));
  w.settle();
  EXPECT_EQ(w.row("/etc/x")->verdict, Verdict::violation);
}

TEST_F(Kept, ATornLastLineIsDroppedQuietly) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  std::ofstream(path(), std::ios::app) << "[\"r\",12,0,\"half a li";
  const auto before = text_of(w.drift->diff());
  w.restart();
  w.settle();
  EXPECT_THAT(w.drift->trouble(), IsEmpty());
  EXPECT_EQ(text_of(w.drift->diff()), before);
  ASSERT_TRUE(w.drift->flush());
  EXPECT_THAT(slurp(path()), ::testing::Not(HasSubstr("half a li")));
}

// Whatever a machine without power left of the file: no state is claimed before
// a scan, all that changed is found by it, and nobody is named who was not in
// the file.
void expect_rebuilt(World& w, const std::string& what) {
  SCOPED_TRACE(what);
  ContainerDrift drift(w.record, w.policy, {}, w.options);
  const auto loaded = drift.summary();
  EXPECT_EQ(loaded.state, ContainerState::unknown);
  EXPECT_FALSE(loaded.complete);
  EXPECT_EQ(drift.kept_was_damaged(), !drift.trouble().empty());
  drift.applied(w.full_scan());
  EXPECT_EQ(drift.summary().state, ContainerState::mutated);
  std::vector<std::string> paths;
  for (const auto& row : drift.diff()) {
    if (row.change == Change::none) continue;
    paths.push_back(row.path.text());
    for (const auto& by : row.actors) {
      if (by.origin == Origin::unattributed) continue;
      EXPECT_THAT(by.comm, ::testing::AnyOf("vi\x1b", "rm", "mv", "sysctl"));
    }
  }
  EXPECT_THAT(paths, ::testing::IsSupersetOf({"/etc/y", "/etc/gone"}));
  EXPECT_TRUE(drift.flush());
}

TEST_F(Kept, NoTruncationHurts) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  const std::string whole = slurp(path());
  ASSERT_GT(whole.size(), 500u);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(path(), std::ios::trunc) << whole.substr(0, length);
    {
      const ContainerDrift drift(w.record, w.policy, {}, w.options);
      // Without its first line it is somebody else's work.
      EXPECT_EQ(drift.kept_was_damaged(), length <= whole.find('\n'));
    }
    std::ofstream(path(), std::ios::trunc) << whole.substr(0, length);
    expect_rebuilt(w, "cut at " + std::to_string(length));
  }
}

// The size of a file can reach the disk before its bytes do.
TEST_F(Kept, NoBlockOfZerosHurts) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  const std::string whole = slurp(path());
  for (std::size_t from = 0; from < whole.size(); ++from) {
    std::string torn = whole;
    torn.replace(from, std::string::npos, whole.size() - from, '\0');
    std::ofstream(path(), std::ios::trunc) << torn;
    expect_rebuilt(w, "zeros from " + std::to_string(from));
  }
}

TEST_F(Kept, NoFileButItsOwnIsTaken) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  const std::string whole = slurp(path());
  const std::string rest = whole.substr(whole.find('\n'));
  struct Case {
    const char* header;
    bool damaged;
  };
  for (const auto& [header, damaged] :
       {Case{R"({"gen":7,"id":"another","ino":2,"v":1})", false},
        Case{R"({"gen":8,"id":"ID","ino":2,"v":1})", false},
        Case{R"({"gen":7,"id":"ID","ino":3,"v":1})", false},
        Case{R"({"gen":7,"ino":2,"v":1})", false},
        Case{R"({"gen":7,"id":"ID","ino":2,"v":2})", true},
        Case{R"({"v":2})", true}, Case{R"({"gen":7,"id":"ID","ino":2})", true},
        Case{R"({"gen":7,"id":"ID","ino":"2","v":1})", true}}) {
    std::string line = header;
    if (const auto at = line.find("ID"); at != std::string::npos) {
      line.replace(at, 2, w.record.info.id);
    }
    std::filesystem::remove(path() + ".damaged");
    std::ofstream(path(), std::ios::trunc) << line << rest;
    ContainerDrift drift(w.record, w.policy, {}, w.options);
    EXPECT_EQ(drift.kept_was_damaged(), damaged) << line;
    EXPECT_EQ(std::filesystem::exists(path() + ".damaged"), damaged) << line;
    EXPECT_FALSE(drift.summary().ever_mutated) << line;
    drift.applied(w.full_scan());
    for (const auto& row : drift.diff()) {
      for (const auto& by : row.actors) {
        EXPECT_EQ(by.origin, Origin::unattributed) << line;
      }
    }
  }
}

TEST_F(Kept, ADamagedFileIsSetAsideAndSaid) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  const std::string whole = slurp(path());
  const auto line = whole.find('\n', whole.find('\n') + 1) + 1;
  const std::vector<std::string> damages = {
      "garbage\n",
      "[]\n",
      "[1]\n",
      "{}\n",
      "[\"q\"]\n",
      "[\"r\"]\n",
      "[\"r\",1,1,\"\",\"no_such_kind\",1,1,1,[],0,\"\"]\n",
      "[\"r\",1,1,\"\",\"file_write\",1,1,1,[12345],0,\"\"]\n",
      "[\"r\",1,1,\"\",\"file_write\",1,1,1,[],0,\"\",\"5\"]\n",
      "[\"r\",1,1,\"\",\"file_write\",1,1,1,[],0,\"\",70000]\n",
      "[\"r\",1,1,\"\",\"file_write\",1,1,1,[],0,\"\",5,6,7]\n",
      "[\"r\",0,0,\"\",\"file_write\",1,1,1,[],0,\"\"]\n",
      "[\"r\",-1,0,\"x\",\"file_write\",1,1,1,[],0,\"\"]\n",
      "[\"a\",1,\"nowhere\",\"\",\"\",\"\",1,1,false,null]\n",
      "[\"a\",1,\"exec\",\"\",\"\",\"\",1,1,false,[\"session\",1]]\n",
      "[\"s\",1,true,0,0]\n",
      std::string("\0\n", 2),
      std::string(100'000, '[') + "\n"};
  for (const auto& damage : damages) {
    std::ofstream(path(), std::ios::trunc)
        << whole.substr(0, line) << damage << whole.substr(line);
    std::filesystem::remove(path() + ".damaged");
    ContainerDrift drift(w.record, w.policy, {}, w.options);
    ASSERT_THAT(drift.trouble(), SizeIs(1)) << damage.substr(0, 60);
    EXPECT_TRUE(std::filesystem::exists(path() + ".damaged"));
    EXPECT_FALSE(std::filesystem::exists(path()));
    drift.applied(w.full_scan());
    for (const auto& row : drift.diff()) {
      for (const auto& by : row.actors) {
        EXPECT_EQ(by.origin, Origin::unattributed);
      }
    }
    EXPECT_TRUE(drift.flush());
  }
}

TEST_F(Kept, FlippedBytesNeverCrash) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  const std::string whole = slurp(path());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ (1 << (at % 8)));
    std::ofstream(path(), std::ios::trunc) << broken;
    ContainerDrift drift(w.record, w.policy, {}, w.options);
    drift.applied(w.full_scan());
    EXPECT_FALSE(drift.diff().empty());
  }
}

TEST_F(Kept, WhatCannotBeReadNowIsReadLaterAndNotLost) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  const std::string before = slurp(path());
  std::optional<ContainerDrift> drift;
  {
    const NoDescriptors none;
    drift.emplace(w.record, w.policy, nullptr, w.options);
    EXPECT_FALSE(drift->flush());
  }
  EXPECT_THAT(drift->trouble(),
              ElementsAre(HasSubstr("kept ledger cannot be read")));
  EXPECT_EQ(slurp(path()), before);
  drift->applied(w.full_scan());
  drift->observe(w.seen(FileOp::write, "/etc/y", 50), actor("late"));
  ASSERT_TRUE(drift->flush());
  EXPECT_THAT(drift->trouble(), IsEmpty());
  drift.reset();
  w.drift.reset();
  drift.emplace(w.record, w.policy, nullptr, w.options);
  drift->applied(w.full_scan());
  std::vector<std::string> who;
  for (const auto& row : drift->diff()) {
    if (row.path != "/etc/y") continue;
    for (const auto& a : row.actors) who.push_back(a.comm);
  }
  EXPECT_THAT(who, ::testing::IsSupersetOf({"vi\x1b", "mv", "late"}));
  EXPECT_TRUE(drift->summary().ever_mutated);
}

TEST_F(Kept, AnotherContainersFileIsNotOurs) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  auto other = w.record;
  other.root.inode.ino = 4711;
  ContainerDrift drift(other, w.policy, {}, w.options);
  EXPECT_FALSE(drift.summary().ever_mutated);
  EXPECT_THAT(drift.trouble(), IsEmpty());
  ASSERT_TRUE(drift.flush());
  EXPECT_THAT(slurp(path()), HasSubstr("4711"));
}

TEST_F(Kept, ForgettingRemovesIt) {
  mutate();
  ASSERT_TRUE(w.drift->flush());
  w.drift->forget();
  EXPECT_FALSE(std::filesystem::exists(path()));
  ASSERT_TRUE(w.drift->flush());
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(Kept, AFailureToWriteIsReportedAndMadeGood) {
  mutate();
  w.options.state_file = dir / "missing/state";
  ContainerDrift drift(w.record, w.policy, {}, w.options);
  drift.applied(w.full_scan());
  EXPECT_FALSE(drift.flush());
  std::filesystem::create_directories(dir / "missing");
  EXPECT_TRUE(drift.flush());
  EXPECT_THAT(slurp(w.options.state_file), HasSubstr("file_delete"));
}

TEST(Store, TheLogDoesNotGrowWithoutEnd) {
  ScratchDirectory dir;
  World w(ContainerDrift::Options{.state_file = dir / "state"});
  w.drift->started(w.record, 1);
  w.put("/log", 50, Change::added);
  w.settle();
  std::uintmax_t largest = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto o = w.seen(FileOp::write, "/log", 50);
    w.drift->observe(o, actor("sh"));
    ASSERT_TRUE(w.drift->flush());
    largest = std::max(largest, std::filesystem::file_size(dir / "state"));
  }
  EXPECT_LT(largest, (1u << 20) + 1000);
  w.restart();
  w.settle();
  EXPECT_EQ(w.row("/log")->count, 20'001u);
}

TEST(Store, WhatALifeBeganWithComesBack) {
  ScratchDirectory dir;
  ContainerRecord record;
  record.root.inode = {2, 7};
  ActorTable actors;
  Ledger ledger(10);
  Life life;
  life.init_start_ns = 5;
  life.has_mounts = true;
  life.mounts = {{.id = 1,
                  .dev = 2,
                  .root = "/",
                  .target = "/a\n\xff",
                  .type = "ext4",
                  .source = "/dev/\"x\"",
                  .options = "rw,nosuid",
                  .read_only_below = true,
                  .unique_id = 1ull << 40}};
  life.limits = {{"memory.max", "max"}};
  life.limits_now = {{"memory.max", "4096"}, {"io.max", "8:0 rbps=1\n8:1"}};
  life.revision = 3;
  Store store(dir / "state", record);
  ASSERT_TRUE(store.flush(actors, ledger, {}, {}));
  ASSERT_TRUE(store.flush(actors, ledger, {}, life));  // appended

  StoredState state;
  Life again;
  std::string why;
  Store reader(dir / "state", record);
  ASSERT_EQ(reader.load(actors, ledger, state, again, why),
            Store::Loaded::state)
      << why;
  EXPECT_EQ(again.init_start_ns, 5u);
  EXPECT_TRUE(again.has_mounts);
  EXPECT_FALSE(again.has_limits);
  EXPECT_EQ(again.mounts, life.mounts);
  EXPECT_EQ(again.limits, life.limits);
  EXPECT_EQ(again.limits_now, life.limits_now);
}

// An older agent takes a line with more in it for damaged.
TEST(Store, TheStateLineIsAsItAlwaysWas) {
  EXPECT_EQ(
      state_line({.ever_mutated = true, .first_mutation = {7}, .overflow = 3}),
      "[\"s\",true,true,7,3]\n");
  ActorTable actors;
  Ledger ledger(10);
  StoredState state;
  Life life;
  StoredLines to{actors, ledger, state, life};
  EXPECT_TRUE(read_line(R"(["s",true,true,8,4,9])", to));  // some had a time
  EXPECT_EQ(state, (StoredState{true, {8}, 4}));
  EXPECT_FALSE(read_line(R"(["s",true,true,8,4,"9"])", to));
  EXPECT_FALSE(read_line(R"(["s",true,true,8,4,9,9])", to));
}

TEST(Store, AHundredThousandRecordsComeBack) {
  ScratchDirectory dir;
  ContainerRecord record;
  record.root.inode = {2, 7};
  ActorTable actors;
  Ledger ledger(200'000);
  LeftOut none = 0;
  const auto who = actors.add(0, actors.intern(actor("sh")), none);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    Record* r = ledger.upsert(RecordKey::of_inode({100 + i, 7}));
    ASSERT_NE(r, nullptr);
    r->kinds.add(Kind::file_create);
    r->count = 1;
    r->actors = who;
  }
  Store store(dir / "state", record);
  ASSERT_TRUE(store.flush(actors, ledger, {}, {}));

  ActorTable actors_again;
  Ledger again(200'000);
  StoredState state;
  Life life;
  std::string why;
  Store reader(dir / "state", record);
  EXPECT_EQ(reader.load(actors_again, again, state, life, why),
            Store::Loaded::state);
  EXPECT_EQ(again.size(), 100'000u);
  EXPECT_TRUE(again.take_touched().empty());
}

}  // namespace
}  // namespace stillframe::drift::test
