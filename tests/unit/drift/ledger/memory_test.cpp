// SPDX-License-Identifier: Apache-2.0
//
// Processes' memory, and devices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;

class Memory : public ::testing::Test {
 protected:
  Memory() {
    w.drift->started(w.record, 1);
    w.settle();
  }
  MemoryObservation touch(MemoryOp op, const std::string& exe = "server") {
    MemoryObservation seen;
    seen.boot_ns = w.tick();
    seen.op = op;
    seen.pid = 42;
    seen.comm = "victim";
    seen.exe = exe;
    return seen;
  }
  World w;
  Actor gdb = actor("gdb");
};

struct OpCase {
  MemoryOp op;
  const char* kind;
};

class MemoryKinds : public ::testing::TestWithParam<OpCase> {};

TEST_P(MemoryKinds, AreOneEntryPerVictim) {
  World w;
  w.drift->started(w.record, 1);
  w.settle();
  MemoryObservation seen;
  seen.boot_ns = w.tick();
  seen.op = GetParam().op;
  seen.pid = 42;
  seen.comm = "victim";
  seen.exe = "server";
  seen.repeats = 2;
  w.drift->observe(seen, actor("gdb"));
  EXPECT_THAT(w.kinds("server"), ElementsAre(GetParam().kind));
  const auto* row = w.row("server");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->mutation_class, Class::memory);
  EXPECT_EQ(row->verdict, Verdict::violation);
  EXPECT_EQ(row->count, 3u);
  EXPECT_EQ(w.events.at(0).facts.at("pid"), "42");
  EXPECT_EQ(w.events.at(0).facts.at("comm"), "victim");
  EXPECT_EQ(w.drift->summary().violations.at({Class::memory, Origin::exec}),
            1u);
}

INSTANTIATE_TEST_SUITE_P(
    All, MemoryKinds,
    ::testing::Values(OpCase{MemoryOp::attach, "memory_attach"},
                      OpCase{MemoryOp::write, "memory_write"}),
    [](const auto& info) { return std::string(info.param.kind); });

TEST_F(Memory, WhatWasDoneToOneProgramIsOneRow) {
  w.drift->observe(touch(MemoryOp::attach), gdb);
  w.drift->observe(touch(MemoryOp::write), gdb);
  EXPECT_THAT(w.kinds("server"), ElementsAre("memory_attach", "memory_write"));
  EXPECT_EQ(w.drift->summary().mutated_paths, 1u);
}

TEST_F(Memory, AProcessWithoutAnExecutableGoesByItsName) {
  w.drift->observe(touch(MemoryOp::write, ""), gdb);
  EXPECT_NE(w.row("victim"), nullptr);
}

TEST_F(Memory, StaysWhenTheAgentIsStartedAgain) {
  ScratchDirectory directory;
  World kept{{.state_file = directory / "ledger"}};
  kept.drift->started(kept.record, 1);
  kept.settle();
  kept.drift->observe(touch(MemoryOp::write), gdb);
  kept.restart();
  kept.settle();
  EXPECT_THAT(kept.kinds("server"), ElementsAre("memory_write"));
  EXPECT_EQ(kept.drift->summary().state, ContainerState::mutated);
}

enum Access : unsigned { kMake = 1, kRead = 2, kWrite = 4 };

DeviceObservation device(bool block, std::uint32_t major, std::uint32_t minor,
                         unsigned access) {
  DeviceObservation seen;
  seen.block = block;
  seen.major = major;
  seen.minor = minor;
  seen.make = (access & kMake) != 0;
  seen.read = (access & kRead) != 0;
  seen.write = (access & kWrite) != 0;
  return seen;
}

struct DeviceCase {
  std::string name;
  DeviceObservation seen;
  std::string path;
  std::string access;
};

class Devices : public ::testing::TestWithParam<DeviceCase> {};

TEST_P(Devices, AreNamedByNumber) {
  World w;
  w.drift->started(w.record, 1);
  w.settle();
  auto seen = GetParam().seen;
  seen.boot_ns = w.tick();
  w.drift->observe(seen, actor("dd"));
  ASSERT_EQ(w.events.size(), 1u);
  EXPECT_EQ(w.events[0].kind, Kind::device_access);
  EXPECT_EQ(w.events[0].path, GetParam().path);
  EXPECT_EQ(w.events[0].facts.at("access"), GetParam().access);
  const auto* row = w.row(GetParam().path);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->mutation_class, Class::kernel);
  EXPECT_EQ(row->verdict, Verdict::violation);
}

INSTANTIATE_TEST_SUITE_P(
    All, Devices,
    ::testing::Values(DeviceCase{"write", device(true, 8, 1, kWrite),
                                 "/dev/block/8:1", "write"},
                      DeviceCase{"read_write",
                                 device(true, 259, 0, kRead | kWrite),
                                 "/dev/block/259:0", "read,write"},
                      DeviceCase{"make", device(false, 1, 1, kMake),
                                 "/dev/char/1:1", "mknod"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace stillframe::drift::test
