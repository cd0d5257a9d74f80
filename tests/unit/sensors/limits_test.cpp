// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/base/log.h"

namespace stillframe::sensors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class Cgroup {
 public:
  Cgroup() {
    char name[] = "/tmp/stillframe-limits-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Cgroup() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(path_ + "/" + file) << text;
  }

 private:
  std::string path_;
};

std::vector<LimitsObservation> drained(LimitWatch& watch) {
  std::vector<LimitsObservation> seen;
  watch.drain([&](Observation&& one) {
    seen.push_back(std::get<LimitsObservation>(one));
  });
  return seen;
}

struct FileCase {
  const char* name;
  bool limit;
};

class Files : public ::testing::TestWithParam<FileCase> {};

TEST_P(Files, AreLimitsOrNot) {
  EXPECT_EQ(is_limit_file(GetParam().name), GetParam().limit);
}

INSTANTIATE_TEST_SUITE_P(
    All, Files,
    ::testing::Values(FileCase{"memory.max", true}, FileCase{"cpu.max", true},
                      FileCase{"pids.max", true}, FileCase{"io.max", true},
                      FileCase{"memory.limit_in_bytes", true},
                      FileCase{"cpu.cfs_quota_us", true},
                      FileCase{"cgroup.procs", false},
                      FileCase{"memory.current", false},
                      FileCase{"memory.events", false},
                      FileCase{"cgroup.freeze", false}, FileCase{"", false}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& c : name) c = c == '.' ? '_' : c;
      return name.empty() ? "empty" : name;
    });

TEST(Limits, AreReadFromAllHierarchies) {
  const Cgroup memory;
  const Cgroup pids;
  memory.write("memory.limit_in_bytes", "4096\n");
  memory.write("memory.usage_in_bytes", "1\n");
  memory.write("pids.max", "first\n");
  pids.write("pids.max", "max\n");
  pids.write("io.max", "8:0 rbps=1\n8:16 rbps=2\n");
  EXPECT_THAT(
      read_limits(list_limits({memory.path(), pids.path(), "/none"})).values,
      ElementsAre(Pair("io.max", "8:0 rbps=1\n8:16 rbps=2"),
                  Pair("memory.limit_in_bytes", "4096"),
                  Pair("pids.max", "first")));
}

// One that is not there is gone; one that cannot be read keeps its value for
// whoever knows it: it is left out, and the others are not.
TEST(Limits, AreLeftOutWhereTheyCannotBeRead) {
  const Cgroup cgroup;
  cgroup.write("pids.max", "1\n");
  std::filesystem::create_directory(cgroup.path() + "/cpu.max");
  cgroup.write("memory.max", "1\n");
  const LimitFiles files = list_limits({cgroup.path()});
  EXPECT_THAT(files.files, SizeIs(3));
  std::filesystem::remove(cgroup.path() + "/memory.max");
  const auto warnings = log_counts().warnings;
  const auto limits = read_limits(files);
  EXPECT_THAT(limits.values, ElementsAre(Pair("pids.max", "1")));
  EXPECT_FALSE(limits.complete);
  std::filesystem::remove(cgroup.path() + "/cpu.max");
  EXPECT_TRUE(read_limits(files).complete);
  EXPECT_EQ(log_counts().warnings, warnings + 1);
}

TEST(LimitWatch, ReportsAWriteWithAllValues) {
  const Cgroup cgroup;
  cgroup.write("pids.max", "100\n");
  cgroup.write("cgroup.procs", "");
  LimitWatch watch(system_clock());
  ASSERT_TRUE(watch.trouble().empty()) << watch.trouble();
  EXPECT_TRUE(watch.watch(7, {cgroup.path(), "/none"}));
  EXPECT_THAT(drained(watch), IsEmpty());
  EXPECT_THAT(watch.look(7).values, ElementsAre(Pair("pids.max", "100")));

  cgroup.write("cgroup.procs", "1\n");
  EXPECT_THAT(drained(watch), IsEmpty());

  cgroup.write("pids.max", "200\n");
  ASSERT_THAT(watch.poll_fds(), SizeIs(1));
  pollfd ready{watch.poll_fds().front(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 0), 1);
  const auto seen = drained(watch);
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].cgroup, 7u);
  EXPECT_THAT(seen[0].values, ElementsAre(Pair("pids.max", "200")));
}

TEST(LimitWatch, NothingIsReadTwiceThatNobodyWroteTo) {
  const Cgroup one;
  const Cgroup other;
  for (const auto* cgroup : {&one, &other}) cgroup->write("pids.max", "1\n");
  LimitWatch watch(system_clock());
  watch.watch(7, {one.path()});
  watch.watch(8, {other.path()});
  EXPECT_THAT(watch.look(7).values, SizeIs(1));
  EXPECT_THAT(watch.look(7).values, IsEmpty());
  one.write("pids.max", "2\n");
  EXPECT_THAT(watch.look(8).values, SizeIs(1));
  EXPECT_THAT(watch.look(7).values, ElementsAre(Pair("pids.max", "2")));
  EXPECT_THAT(drained(watch), IsEmpty());
  one.write("pids.max", "3\n");
  other.write("pids.max", "3\n");
  EXPECT_THAT(watch.look(8).values, SizeIs(1));
  EXPECT_THAT(drained(watch), SizeIs(1));
  EXPECT_THAT(watch.look(7).values, IsEmpty());
}

// Of a directory that two have, or that was removed, not each write is
// reported.
TEST(LimitWatch, WhatIsNotReportedIsReadWhenAsked) {
  const Cgroup shared;
  shared.write("pids.max", "1\n");
  LimitWatch watch(system_clock());
  watch.watch(7, {shared.path()});
  EXPECT_THAT(watch.look(7).values, SizeIs(1));
  watch.watch(8, {shared.path()});
  watch.look(8);
  watch.forget(7);
  shared.write("pids.max", "2\n");
  EXPECT_THAT(watch.look(8).values, ElementsAre(Pair("pids.max", "2")));
  {
    const Cgroup own;
    own.write("pids.max", "1\n");
    watch.watch(9, {own.path()});
    watch.look(9);
    std::filesystem::remove_all(own.path());
    watch.look(9);
    std::filesystem::create_directory(own.path());
    own.write("pids.max", "2\n");
    EXPECT_THAT(watch.look(9).values, ElementsAre(Pair("pids.max", "2")));
  }
}

TEST(LimitWatch, InDoubtAllIsReadOnce) {
  const Cgroup cgroup;
  cgroup.write("pids.max", "1\n");
  LimitWatch watch(system_clock());
  watch.watch(7, {cgroup.path()});
  EXPECT_THAT(watch.look(7).values, SizeIs(1));
  watch.doubt(8);  // not watched
  watch.doubt(7);
  EXPECT_THAT(watch.look(7).values, ElementsAre(Pair("pids.max", "1")));
  EXPECT_THAT(watch.look(7).values, IsEmpty());
}

TEST(LimitWatch, ManyWritesAreOneLook) {
  const Cgroup cgroup;
  cgroup.write("pids.max", "1\n");
  LimitWatch watch(system_clock());
  watch.watch(7, {cgroup.path()});
  for (int i = 0; i < 100; ++i) cgroup.write("pids.max", "2\n");
  EXPECT_THAT(drained(watch), SizeIs(1));
}

TEST(LimitWatch, ForgetsAContainer) {
  const Cgroup cgroup;
  cgroup.write("pids.max", "1\n");
  LimitWatch watch(system_clock());
  watch.watch(7, {cgroup.path()});
  watch.forget(7);
  cgroup.write("pids.max", "2\n");
  EXPECT_THAT(drained(watch), IsEmpty());
  EXPECT_THAT(watch.look(7).values, IsEmpty());
}

Writer numbered(std::uint32_t pid) {
  Writer writer;
  writer.process.pid = pid;
  writer.process.start_ns = 1;
  return writer;
}

DescribeProcess everybody() {
  return [](std::uint32_t pid) { return std::optional(numbered(pid)); };
}

std::vector<LimitsObservation> awaited(LimitWatch& watch) {
  std::vector<pollfd> ready;
  for (const int fd : watch.poll_fds()) ready.push_back({fd, POLLIN, 0});
  EXPECT_GT(::poll(ready.data(), ready.size(), 10'000), 0);
  return drained(watch);
}

// In a process of its own, which has ended then.
std::uint32_t write_by_another(const Cgroup& cgroup, const std::string& text) {
  const pid_t child = ::fork();
  if (child == 0) {
    cgroup.write("pids.max", text);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  return static_cast<std::uint32_t>(child);
}

std::uint32_t writer_in(const LimitsObservation& seen) {
  const auto writer = seen.writers.find("pids.max");
  return writer == seen.writers.end() ? 0 : writer->second.front().process.pid;
}

TEST(LimitWatch, NamesWhoWrote) {
  const Cgroup cgroup;
  const Cgroup other;
  for (const auto* one : {&cgroup, &other}) one->write("pids.max", "1\n");
  LimitWatch watch(system_clock(), everybody());
  ASSERT_TRUE(watch.nameless().empty()) << watch.nameless();
  watch.watch(7, {cgroup.path()});
  watch.watch(8, {other.path()});
  EXPECT_EQ(writer_in(watch.look(7)), 0u);
  const auto child = write_by_another(cgroup, "2\n");
  const auto seen = awaited(watch);
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].cgroup, 7u);
  EXPECT_THAT(seen[0].values, ElementsAre(Pair("pids.max", "2")));
  EXPECT_EQ(writer_in(seen[0]), child);
  // Whoever asks sees a write at once, and it is another's now.
  const auto next = write_by_another(cgroup, "3\n");
  EXPECT_EQ(writer_in(watch.look(7)), next);
  EXPECT_THAT(drained(watch), IsEmpty());
}

// As a runtime does that has ended before its second write is looked into.
TEST(LimitWatch, KnowsForAMomentWhoHasWrittenBefore) {
  const Cgroup cgroup;
  for (const auto* file : {"pids.max", "cpu.max"}) cgroup.write(file, "1\n");
  int asked = 0;
  LimitWatch watch(system_clock(), [&](std::uint32_t pid) {
    return asked++ == 0 ? std::optional(numbered(pid)) : std::nullopt;
  });
  watch.watch(7, {cgroup.path()});
  watch.look(7);
  cgroup.write("pids.max", "2\n");
  cgroup.write("cpu.max", "2\n");
  EXPECT_THAT(watch.look(7).writers, SizeIs(2));
  const auto child = write_by_another(cgroup, "3\n");
  EXPECT_NE(child, 0u);
  EXPECT_THAT(watch.look(7).writers, IsEmpty());
}

TEST(LimitWatch, NamesAllWhereSeveralWrote) {
  const Cgroup cgroup;
  cgroup.write("pids.max", "1\n");
  LimitWatch watch(system_clock(), everybody());
  watch.watch(7, {cgroup.path()});
  watch.look(7);
  const auto one = write_by_another(cgroup, "2\n");
  const auto other = write_by_another(cgroup, "3\n");
  const auto seen = watch.look(7);
  EXPECT_THAT(seen.values, ElementsAre(Pair("pids.max", "3")));
  std::vector<std::uint32_t> pids;
  for (const auto& writer : seen.writers.at("pids.max")) {
    pids.push_back(writer.process.pid);
  }
  EXPECT_THAT(pids, ElementsAre(one, other));
}

TEST(LimitWatch, WaitsForWhomASystemServantServes) {
  const Cgroup cgroup;
  cgroup.write("pids.max", "1\n");
  const auto servant = static_cast<std::uint32_t>(::getpid());
  LimitWatch watch(system_clock(), everybody(), servant);
  watch.watch(7, {cgroup.path()});
  watch.look(7);
  cgroup.write("pids.max", "2\n");
  const auto child = write_by_another(cgroup, "2\n");
  const auto seen = awaited(watch);
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(writer_in(seen[0]), child);
  cgroup.write("pids.max", "3\n");  // nobody else does
  EXPECT_THAT(drained(watch), IsEmpty());
  const auto alone = awaited(watch);
  ASSERT_THAT(alone, SizeIs(1));
  EXPECT_EQ(writer_in(alone[0]), servant);
}

struct WritersCase {
  const char* name;
  std::vector<std::optional<std::uint32_t>> pids;
  std::vector<std::uint32_t> known;
};

class Writers : public ::testing::TestWithParam<WritersCase> {};

TEST_P(Writers, AreAllOrNobody) {
  std::vector<std::optional<Writer>> writers;
  for (const auto& pid : GetParam().pids) {
    writers.push_back(pid ? std::optional(numbered(*pid)) : std::nullopt);
  }
  std::vector<std::uint32_t> pids;
  for (const auto& writer : known_writers(writers, 1)) {
    pids.push_back(writer.process.pid);
  }
  EXPECT_EQ(pids, GetParam().known);
}

INSTANTIATE_TEST_SUITE_P(
    All, Writers,
    ::testing::Values(WritersCase{"none", {}, {}}, WritersCase{"one", {5}, {5}},
                      WritersCase{"same_twice", {5, 5}, {5}},
                      WritersCase{"two", {5, 6, 5}, {5, 6}},
                      WritersCase{"gone", {std::nullopt}, {}},
                      WritersCase{"one_and_gone", {5, std::nullopt}, {}},
                      WritersCase{"gone_and_one", {std::nullopt, 5}, {}},
                      WritersCase{"servant", {1, 1}, {1}},
                      WritersCase{"servant_and_one", {1, 5, 1}, {5}},
                      WritersCase{"servant_and_gone", {1, std::nullopt}, {}},
                      WritersCase{"servant_and_two", {1, 5, 6}, {5, 6}}),
    [](const auto& info) { return info.param.name; });

TEST(LimitWatch, SurvivesTheRemovalOfADirectory) {
  LimitWatch watch(system_clock());
  {
    const Cgroup cgroup;
    cgroup.write("pids.max", "1\n");
    watch.watch(7, {cgroup.path()});
  }
  EXPECT_THAT(drained(watch), IsEmpty());
  watch.forget(7);
}

}  // namespace
}  // namespace stillframe::sensors
