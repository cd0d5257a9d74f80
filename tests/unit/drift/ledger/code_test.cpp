// SPDX-License-Identifier: Apache-2.0
//
// Programs run that the image does not hold, and kernel settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/text.h"
#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Code : public ::testing::Test {
 protected:
  Code() {
    w.put("/tmp", 11, Change::none, kDirectory);
    w.put("/bin", 12, Change::none, kDirectory);
    w.drift->started(w.record, 1);
    w.settle();
  }
  ExecObservation run(ExecKind kind, const std::string& path,
                      std::uint64_t ino = 0) {
    ExecObservation o;
    o.boot_ns = w.tick();
    o.kind = kind;
    o.path = path;
    if (ino != 0) o.inode = {ino, 7};
    return o;
  }
  std::vector<std::string> code_events() const {
    auto all = w.reported();
    std::erase_if(all,
                  [](const auto& one) { return !starts_with(one, "exec_"); });
    return all;
  }
  World w;
  Actor sh = actor("sh", Origin::workload);
};

TEST_F(Code, ANewProgramIsAViolationEvenInScratch) {
  w.put("/tmp/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 50), sh);
  w.drift->observe(run(ExecKind::upper, "/tmp/x", 50), sh);
  EXPECT_THAT(w.events, SizeIs(1));  // whether it is new, the scan will tell
  w.settle();
  EXPECT_THAT(w.kinds("/tmp/x"), ElementsAre("file_create", "exec_new"));
  EXPECT_EQ(w.row("/tmp/x")->mutation_class, Class::code);
  EXPECT_EQ(w.row("/tmp/x")->verdict, Verdict::violation);
  EXPECT_EQ(w.reported().back(), "exec_new /tmp/x by sh violation");
  EXPECT_EQ(w.drift->summary().violations.at({Class::code, Origin::workload}),
            1u);
}

// Whoever comes while programs run sees what they are once the rootfs was
// looked at: nothing of the image's, and nothing that is known.
TEST_F(Code, WhatIsFoundRunningIsComparedWithTheImage) {
  w.put("/tmp/new", 50, Change::added);
  w.put("/bin/sh", 51, Change::changed).differs.content = true;
  w.put("/bin/same", 52, Change::none);
  auto& owned = w.put("/bin/owned", 53, Change::changed);
  owned.differs.owner = true;
  w.drift->request_full_scan();
  const auto find = [&] {
    for (const auto* path : {"/tmp/new", "/bin/sh", "/bin/same", "/bin/owned",
                             "/bin/of-a-lower-layer", "/tmp"}) {
      auto found = run(ExecKind::upper, path);
      found.found_running = true;
      w.drift->observe(found, sh);
    }
  };
  find();
  w.settle();
  const std::vector<std::string> once = {
      "exec_new /tmp/new by sh violation",
      "exec_changed /bin/sh by sh violation"};
  EXPECT_THAT(code_events(), ElementsAreArray(once));
  w.drift->request_full_scan();
  find();
  w.settle();
  EXPECT_THAT(code_events(), ElementsAreArray(once));
}

// Of more than can wait none is said to be what it may not be.
TEST_F(Code, WhatIsFoundRunningIsNeverTakenUnseen) {
  for (int i = 0; i < 1000; ++i) {
    auto found = run(ExecKind::upper, "/bin/" + std::to_string(i));
    found.found_running = true;
    w.drift->observe(found, sh);
  }
  w.settle();
  EXPECT_THAT(code_events(), IsEmpty());
}

// A scan of another directory has begun since, and was there first.
TEST_F(Code, AProgramWaitsForTheLookAtItsOwnDirectory) {
  w.put("/bin/z", 49, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/bin/z", 49), sh);
  const auto work = w.drift->take_work();
  w.put("/tmp/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 50), sh);
  w.drift->observe(run(ExecKind::upper, "/tmp/x", 50), sh);
  auto elsewhere = w.part_of(work);
  elsewhere.started_boot_ns = w.tick();
  w.drift->applied(elsewhere);
  w.settle();
  EXPECT_THAT(w.kinds("/tmp/x"), ElementsAre("file_create", "exec_new"));
  const auto rows = w.drift->diff();
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                          [](const auto& r) { return r.path == "/tmp/x"; }),
            1);
}

struct PatienceCase {
  std::string name;
  std::uint64_t after_ns;  // a scan of another directory begins
  bool reported;
};

class Patience : public ::testing::TestWithParam<PatienceCase> {};

// Nobody has looked where it was made, and perhaps nobody can.
TEST_P(Patience, EndsAfterTwoSeconds) {
  World w;
  w.put("/tmp", 11, Change::none, kDirectory);
  w.put("/bin", 12, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  const Actor sh = actor("sh", Origin::workload);
  w.put("/bin/z", 49, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/bin/z", 49), sh);
  const auto work = w.drift->take_work();
  w.put("/tmp/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 50), sh);
  ExecObservation ran;
  ran.boot_ns = w.tick();
  ran.kind = ExecKind::upper;
  ran.path = "/tmp/x";
  ran.inode = {50, 7};
  w.drift->observe(ran, sh);
  w.clock.advance(GetParam().after_ns);
  w.now += GetParam().after_ns;
  auto elsewhere = w.part_of(work);
  elsewhere.started_boot_ns = w.now;
  w.drift->applied(elsewhere);
  const auto reported = w.reported();
  EXPECT_EQ(std::count(reported.begin(), reported.end(),
                       "exec_new /tmp/x by sh violation"),
            GetParam().reported ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(
    Code, Patience,
    ::testing::Values(PatienceCase{"before", 1'900'000'000, false},
                      PatienceCase{"after", 2'100'000'000, true}),
    [](const auto& info) { return info.param.name; });

struct UpperCase {
  std::string name;
  Change change;
  Difference differs;
  std::vector<std::string> kinds;
};

class Upper : public ::testing::TestWithParam<UpperCase> {};

TEST_P(Upper, IsWhatTheTreeSays) {
  const auto& c = GetParam();
  World w;
  w.put("/x", 50, c.change).differs = c.differs;
  w.drift->started(w.record, 1);
  w.settle();
  w.events.clear();
  ExecObservation o;
  o.boot_ns = w.tick();
  o.kind = ExecKind::upper;
  o.path = "/x";
  o.inode = {50, 7};
  w.drift->observe(o, actor("sh"));
  std::vector<std::string> reported;
  for (const auto& e : w.events) reported.emplace_back(to_string(e.kind));
  EXPECT_EQ(reported, c.kinds);
  for (const auto& kind : c.kinds) {
    EXPECT_THAT(w.kinds("/x"), ::testing::Contains(kind));
  }
  EXPECT_EQ(w.drift->summary().state == ContainerState::mutated,
            !c.kinds.empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, Upper,
    ::testing::Values(
        UpperCase{"added", Change::added, {}, {"exec_new"}},
        UpperCase{
            "content", Change::changed, {.content = true}, {"exec_changed"}},
        UpperCase{"mode", Change::changed, {.mode = true}, {"exec_changed"}},
        UpperCase{"copied_up_only", Change::changed, {}, {}}),
    [](const auto& info) { return info.param.name; });

TEST_F(Code, ThatItWasRunStaysWhenTheFileIsGone) {
  w.put("/tmp/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 50), sh);
  w.settle();
  w.drift->observe(run(ExecKind::upper, "/tmp/x", 50), sh);
  w.take("/tmp/x");
  w.drift->observe(w.seen(FileOp::unlink, "/tmp/x", 50), sh);
  w.settle();
  const auto* row = w.row("/tmp/x");
  ASSERT_NE(row, nullptr);
  EXPECT_FALSE(row->shown_by_runtime);
  EXPECT_EQ(row->change, Change::changed);
  EXPECT_THAT(w.kinds("/tmp/x"), ElementsAre("exec_new"));
  EXPECT_EQ(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Code, AlsoWhenItWasGoneBeforeTheFirstLook) {
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 50), sh);
  w.drift->observe(run(ExecKind::upper, "/tmp/x", 50), sh);
  w.drift->observe(w.seen(FileOp::unlink, "/tmp/x", 50), sh);
  w.settle();
  ASSERT_NE(w.row("/tmp/x"), nullptr);
  EXPECT_THAT(w.kinds("/tmp/x"), ElementsAre("exec_new"));
}

TEST_F(Code, AndWhenAnotherFileTookItsPlace) {
  w.put("/tmp/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 50), sh);
  w.settle();
  w.drift->observe(run(ExecKind::upper, "/tmp/x", 50), sh);
  w.put("/tmp/x", 51, Change::added);
  w.drift->observe(w.seen(FileOp::rename, "/tmp/x", 51), sh);
  w.settle();
  EXPECT_EQ(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Code, OutsideTheTreeHasAnEntryOfItsOwn) {
  w.drift->observe(run(ExecKind::memfd, "memfd:payload"), sh);
  w.drift->observe(run(ExecKind::deleted, "/tmp/gone"), sh);
  w.drift->observe(run(ExecKind::volume, "/data/tool"), sh);
  EXPECT_THAT(w.reported(),
              ElementsAre("exec_memfd memfd:payload by sh violation",
                          "exec_deleted /tmp/gone by sh violation",
                          "exec_volume /data/tool by sh violation"));
  for (const auto* path : {"memfd:payload", "/tmp/gone", "/data/tool"}) {
    ASSERT_NE(w.row(path), nullptr) << path;
    EXPECT_FALSE(w.row(path)->shown_by_runtime);
    EXPECT_EQ(w.row(path)->verdict, Verdict::violation);
  }
  EXPECT_EQ(w.drift->summary().mutated_paths, 3u);
}

TEST_F(Code, AContainerThatLivesOnAVolumeIsMeantTo) {
  auto o = run(ExecKind::volume, "/app/server");
  o.starts_life = true;
  w.drift->observe(o, sh);
  EXPECT_THAT(w.events, IsEmpty());
  EXPECT_EQ(w.row("/app/server")->verdict, Verdict::runtime);
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Code, AChangedScriptIsFoundByItsPath) {
  w.put("/bin/run.sh", 50, Change::changed).differs.content = true;
  w.put("/bin/same.sh", 51, Change::changed).differs.mode = true;
  w.drift->request_full_scan();
  w.settle();
  w.events.clear();
  w.drift->observe(run(ExecKind::script, "/bin/./run.sh"), sh);
  auto relative = run(ExecKind::script, "../bin/run.sh");
  relative.directory = {11, 7};
  w.drift->observe(relative, sh);
  w.drift->observe(run(ExecKind::script, "/bin/same.sh"), sh);
  w.drift->observe(run(ExecKind::script, "/bin/image.sh"), sh);
  // From a directory that is not known, or where nothing changed.
  w.drift->observe(run(ExecKind::script, "bin/run.sh"), sh);
  EXPECT_THAT(w.reported(),
              ElementsAre("script_changed /bin/run.sh by sh violation",
                          "script_changed /bin/run.sh by sh violation"));
  EXPECT_THAT(w.kinds("/bin/run.sh"),
              ElementsAre("unknown_change", "script_changed"));
}

// After chroot(2): ".." does not lead out of it.
TEST_F(Code, AScriptIsFoundFromWhereItsPathStarts) {
  w.put("/bin/run.sh", 50, Change::added);
  w.put("/run.sh", 51, Change::added);
  w.drift->request_full_scan();
  w.settle();
  w.events.clear();
  auto jailed = run(ExecKind::script, "/../run.sh");
  jailed.directory = {12, 7};
  w.drift->observe(jailed, sh);
  EXPECT_THAT(w.reported(),
              ElementsAre("script_changed /bin/run.sh by sh violation"));
}

TEST_F(Code, ANewScriptWaitsForTheScanOfItsFile) {
  w.put("/tmp/a.sh", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/tmp/a.sh", 50), sh);
  w.drift->observe(run(ExecKind::script, "/tmp/a.sh"), sh);
  EXPECT_THAT(w.events, SizeIs(1));
  w.settle();
  EXPECT_EQ(w.reported().back(), "script_changed /tmp/a.sh by sh violation");
}

TEST_F(Code, AKernelSettingIsAnEntryOfItsOwn) {
  SysctlObservation o;
  o.boot_ns = w.tick();
  o.name = "net/ipv4/ip_forward";
  o.value = "1";
  w.drift->observe(o, sh);
  const auto* row = w.row("/proc/sys/net/ipv4/ip_forward");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->mutation_class, Class::kernel);
  EXPECT_EQ(row->change, Change::changed);
  EXPECT_FALSE(row->shown_by_runtime);
  ASSERT_THAT(w.events, SizeIs(1));
  EXPECT_EQ(w.events[0].detail, "1");
  EXPECT_EQ(w.events[0].verdict, Verdict::violation);
}

TEST_P(Upper, IsTheSameForALibraryButForItsMode) {
  const auto& c = GetParam();
  World w;
  w.put("/x.so", 50, c.change).differs = c.differs;
  w.drift->started(w.record, 1);
  w.settle();
  w.events.clear();
  ExecObservation o;
  o.boot_ns = w.tick();
  o.library = true;
  o.path = "x.so";
  o.inode = {50, 7};
  w.drift->observe(o, actor("java"));
  const bool runs_new = c.change == Change::added || c.differs.content;
  std::vector<std::string> expected;
  if (runs_new) expected.emplace_back("library_new /x.so by java violation");
  EXPECT_EQ(w.reported(), expected);
  EXPECT_EQ(w.drift->summary().violations.count({Class::code, Origin::exec}),
            runs_new ? 1u : 0u);
}

TEST_F(Code, ALibraryOutsideTheTreeHasAnEntryOfItsOwn) {
  auto memfd = run(ExecKind::memfd, "memfd:jit");
  auto volume = run(ExecKind::volume, "/data/lib.so");
  memfd.library = volume.library = true;
  w.drift->observe(memfd, sh);
  w.drift->observe(volume, sh);
  EXPECT_THAT(w.reported(),
              ElementsAre("library_new memfd:jit by sh violation",
                          "library_new /data/lib.so by sh violation"));
}

TEST_F(Code, DeferredProgramsAreBounded) {
  w.drift->request_full_scan();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    w.drift->observe(run(ExecKind::upper, "/tmp/x", 5000 + i), sh);
  }
  w.settle();
  EXPECT_THAT(w.events, SizeIs(1000));
}

}  // namespace
}  // namespace stillframe::drift::test
