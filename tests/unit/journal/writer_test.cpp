// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/writer.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "agent/base/file.h"
#include "agent/journal/directory.h"
#include "agent/journal/line_reader.h"
#include "tests/unit/journal/scratch_directory.h"

namespace stillframe::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SetClock : public Clock {
 public:
  // Files have the machine's own times.
  std::uint64_t now_ns = static_cast<std::uint64_t>(wall_now().ns);
  std::uint64_t boot_ns() const override { return now_ns; }
  std::uint64_t mono_ns() const override { return now_ns; }
  WallTime wall() const override {
    return WallTime{static_cast<std::int64_t>(now_ns)};
  }
  void pass(std::chrono::seconds time) {
    now_ns +=
        static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
  }
};

class WriterTest : public testing::Test {
 protected:
  std::unique_ptr<Writer> open() {
    options_.directory = dir_.path();
    options_.node = "n1";
    auto writer = Writer::open(options_, clock_);
    EXPECT_TRUE(writer) << writer.error().message;
    return std::move(*writer);
  }

  // The next event.
  void add(Writer& writer) {
    ++seq_;
    writer.add(R"({"seq":)" + std::to_string(seq_) + R"(,"v":1})", seq_);
  }
  void write(Writer& writer, int count) {
    for (int i = 0; i < count; ++i) add(writer);
    const auto written = writer.flush();
    EXPECT_TRUE(written) << written.error().message;
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // Each line of all segments; checks the chain between them.
  std::vector<std::string> lines(std::string prev = std::string(kNoHash)) {
    std::vector<std::string> all;
    const auto listing = list_segments(dir_.path());
    for (const auto& name : listing->segments) {
      auto reader = LineReader::open(dir_.path(), name);
      for (;;) {
        const auto line = reader->next();
        EXPECT_TRUE(line) << line.error().message;
        if (!line || !*line) break;
        all.emplace_back((*line)->text);
        const auto parsed = parse_line(all.back());
        EXPECT_TRUE(parsed) << all.back();
        if (!parsed) continue;
        EXPECT_EQ(parsed->prev, prev) << "entry " << parsed->entry;
        prev = sha256_hex(all.back());
      }
    }
    return all;
  }

  std::string text_of(const std::string& file) const {
    return read_file(dir_.path() + "/" + file).value_or("");
  }
  Checkpoint checkpoint(std::string_view file) const {
    const std::string text = text_of(std::string(file));
    return parse_checkpoint(text.substr(0, text.find('\n')))
        .value_or(Checkpoint{});
  }

  ScratchDirectory dir_;
  SetClock clock_;
  Options options_;
  std::uint64_t seq_ = 0;
};

TEST_F(WriterTest, ChainsLinesAndGoesOnAfterARestart) {
  for (int life = 0; life < 3; ++life) {
    auto writer = open();
    EXPECT_THAT(writer->take_notices(), IsEmpty());
    EXPECT_EQ(writer->tail().entry, life * 2U);
    EXPECT_EQ(writer->tail().seq, life * 2U);
    write(*writer, 2);
    EXPECT_TRUE(writer->finish());
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(parse_line(all.back())->entry, 6U);
  EXPECT_THAT(files(), ElementsAre("0000000000000001.jsonl", "checkpoint"));
  EXPECT_EQ(checkpoint(kCheckpointFile).entry, 6U);
  EXPECT_EQ(checkpoint(kCheckpointFile).head, sha256_hex(all.back()));
  EXPECT_EQ(checkpoint(kCheckpointFile).node, "n1");
}

TEST_F(WriterTest, CheckpointsAreASecondApartAndAMinuteWhenQuiet) {
  auto writer = open();
  write(*writer, 1);
  EXPECT_EQ(checkpoint(kCheckpointFile).entry, 0U);
  clock_.pass(std::chrono::seconds(1));
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(checkpoint(kCheckpointFile).entry, 1U);
  const WallTime written = checkpoint(kCheckpointFile).time;
  clock_.pass(std::chrono::seconds(59));
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(checkpoint(kCheckpointFile).time, written);
  clock_.pass(std::chrono::seconds(1));
  EXPECT_TRUE(writer->flush());
  EXPECT_GT(checkpoint(kCheckpointFile).time, written);
}

TEST_F(WriterTest, SignsCheckpoints) {
  options_.key = *Key::make();
  auto writer = open();
  write(*writer, 1);
  EXPECT_TRUE(writer->finish());
  const std::string text = text_of("checkpoint");
  const auto first = text.find('\n');
  const auto signature = from_base64(
      std::string_view(text).substr(first + 1, text.size() - first - 2));
  ASSERT_TRUE(signature);
  EXPECT_TRUE(options_.key->verify(text.substr(0, first), *signature));
  EXPECT_EQ(checkpoint(kCheckpointFile).key, options_.key->fingerprint());
}

TEST_F(WriterTest, ATornLineAtAnyByteIsSetApart) {
  {
    auto writer = open();
    write(*writer, 3);
  }
  const std::string whole = text_of("0000000000000001.jsonl");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::filesystem::remove_all(dir_.path());
    std::filesystem::create_directory(dir_.path());
    std::ofstream(dir_.path() + "/0000000000000001.jsonl")
        << whole.substr(0, size);
    auto writer = open();
    const auto good = static_cast<std::uint64_t>(std::count(
        whole.begin(), whole.begin() + static_cast<long>(size), '\n'));
    EXPECT_EQ(writer->tail().entry, good) << size;
    const bool torn = size != 0 && whole[size - 1] != '\n';
    const auto notices = writer->take_notices();
    ASSERT_EQ(notices.size(), torn ? 1U : 0U) << size;
    if (torn) {
      EXPECT_EQ(notices[0].kind, "journal_repaired");
      EXPECT_EQ(files()[1].substr(0, 22), "0000000000000001.torn-");
    }
    write(*writer, 1);
    EXPECT_EQ(lines().size(), good + 1);
  }
}

TEST_F(WriterTest, BlocksThatNeverReachedTheDiskAreSetApart) {
  {
    auto writer = open();
    write(*writer, 3);
  }
  std::ofstream(dir_.path() + "/0000000000000001.jsonl", std::ios::app)
      << std::string(5000, '\0') << "\n"
      << std::string(10, '\0');
  auto writer = open();
  EXPECT_EQ(writer->tail().entry, 3U);
  write(*writer, 1);
  EXPECT_EQ(lines().size(), 4U);
}

TEST_F(WriterTest, WhatIsMissingAtTheEndLeavesAHole) {
  {
    auto writer = open();
    write(*writer, 3);
    EXPECT_TRUE(writer->finish());
  }
  const std::string whole = text_of("0000000000000001.jsonl");
  std::filesystem::resize_file(dir_.path() + "/0000000000000001.jsonl",
                               whole.find('\n') + 1);
  auto writer = open();
  const auto notices = writer->take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_THAT(notices[0].detail, HasSubstr("entries 2 to 3"));
  write(*writer, 1);
  EXPECT_EQ(writer->tail().entry, 4U);
}

TEST_F(WriterTest, AnUnreadableCheckpointIsMadeAgain) {
  {
    auto writer = open();
    write(*writer, 2);
    EXPECT_TRUE(writer->finish());
  }
  std::ofstream(dir_.path() + "/checkpoint") << "";
  auto writer = open();
  EXPECT_EQ(writer->take_notices().size(), 1U);
  EXPECT_EQ(writer->tail().entry, 2U);
  EXPECT_TRUE(writer->finish());
  EXPECT_EQ(checkpoint(kCheckpointFile).entry, 2U);
}

TEST_F(WriterTest, ClosesSegmentsBySizeAndAge) {
  options_.segment_bytes = 500;
  options_.compress_after = {};
  auto writer = open();
  write(*writer, 5);
  write(*writer, 1);
  EXPECT_THAT(files(), ElementsAre("0000000000000001.jsonl.zst",
                                   "0000000000000006.jsonl", "checkpoint"));
  clock_.pass(std::chrono::hours(24));
  write(*writer, 1);
  EXPECT_THAT(files(), ElementsAre("0000000000000001.jsonl.zst",
                                   "0000000000000006.jsonl.zst",
                                   "0000000000000007.jsonl", "checkpoint"));
  EXPECT_EQ(lines().size(), 7U);
  EXPECT_EQ(writer->segments(), 3U);
}

// Whoever ships them reads them to their end.
TEST_F(WriterTest, LeavesWhatItClosedAsItIsForTenMinutes) {
  options_.segment_bytes = 500;
  auto writer = open();
  write(*writer, 5);
  const std::string closed = text_of("0000000000000001.jsonl");
  write(*writer, 1);
  clock_.pass(std::chrono::minutes(9));
  writer = open();  // also over a restart
  write(*writer, 1);
  EXPECT_EQ(text_of("0000000000000001.jsonl"), closed);
  EXPECT_EQ(lines().size(), 7U);
}

TEST_F(WriterTest, CompressesWhatItClosedOnceThereIsNoRoom) {
  for (const auto when_full : {WhenFull::prune, WhenFull::stop}) {
    ScratchDirectory scratch;
    options_.directory = scratch.path();
    options_.segment_bytes = 4000;
    options_.most_bytes = 15'000;
    options_.when_full = when_full;
    const auto opened = Writer::open(options_, clock_);
    ASSERT_TRUE(opened);
    auto& writer = **opened;
    for (int i = 0; i < 3; ++i) write(writer, 50);
    EXPECT_TRUE(
        std::filesystem::exists(scratch.path("0000000000000001.jsonl.zst")));
    EXPECT_FALSE(std::filesystem::exists(scratch.path("pruned")));
    EXPECT_EQ(writer.lost(), 0U);
  }
}

TEST_F(WriterTest, GoesOnBehindClosedSegments) {
  options_.segment_bytes = 100;
  options_.compress_after = {};
  {
    auto writer = open();
    write(*writer, 2);
    write(*writer, 1);
  }
  // As if it had ended before the segment's first entry, and before the
  // checkpoint.
  std::filesystem::resize_file(dir_.path() + "/0000000000000003.jsonl", 0);
  std::filesystem::remove(dir_.path() + "/checkpoint");
  {
    auto writer = open();
    EXPECT_EQ(writer->tail().entry, 2U);
  }
  std::filesystem::remove(dir_.path() + "/0000000000000003.jsonl");
  auto writer = open();
  EXPECT_EQ(writer->tail().entry, 2U);
  write(*writer, 1);
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(WriterTest, FinishesToCloseASegment) {
  options_.segment_bytes = 100;
  options_.compress_after = {};
  {
    auto writer = open();
    write(*writer, 2);
    const std::string plain = text_of("0000000000000001.jsonl");
    write(*writer, 1);
    std::ofstream(dir_.path() + "/0000000000000001.jsonl") << plain;
  }
  {
    auto writer = open();
    EXPECT_EQ(writer->segments(), 2U);
    EXPECT_EQ(lines().size(), 3U);
  }
}

TEST_F(WriterTest, RemovesTheOldestByAgeAndSize) {
  options_.segment_bytes = 100;
  options_.compress_after = {};
  options_.retention = std::chrono::hours(1);
  auto writer = open();
  write(*writer, 2);
  write(*writer, 2);
  const auto before = lines();
  clock_.pass(std::chrono::hours(2));
  write(*writer, 2);
  EXPECT_THAT(files(),
              ElementsAre("0000000000000003.jsonl.zst",
                          "0000000000000005.jsonl", "checkpoint", "pruned"));
  const Checkpoint stub = checkpoint(kPrunedFile);
  EXPECT_EQ(stub.entry, 2U);
  EXPECT_EQ(stub.seq, 2U);
  EXPECT_EQ(stub.head, sha256_hex(before[1]));
  EXPECT_EQ(lines(stub.head).size(), 4U);
  const auto notices = writer->take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].kind, "journal_pruned");

  options_.most_bytes = 10;
  options_.segment_bytes = 1 << 20;
  writer.reset();
  writer = open();
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(checkpoint(kPrunedFile).entry, 4U);
  EXPECT_EQ(lines(checkpoint(kPrunedFile).head).size(), 2U);
}

TEST_F(WriterTest, AnUnreadableSegmentIsRemovedAllTheSame) {
  options_.segment_bytes = 100;
  options_.compress_after = {};
  options_.retention = std::chrono::hours(1);
  auto writer = open();
  write(*writer, 2);
  write(*writer, 2);
  const auto before = lines();
  std::ofstream(dir_.path("0000000000000001.jsonl.zst")) << "no zstd";
  clock_.pass(std::chrono::hours(2));
  write(*writer, 1);
  EXPECT_EQ(checkpoint(kPrunedFile).entry, 2U);
  EXPECT_EQ(checkpoint(kPrunedFile).head, sha256_hex(before[1]));
  EXPECT_EQ(writer->take_notices().front().kind, "journal_damaged");
  EXPECT_TRUE(writer->finish());
  EXPECT_EQ(checkpoint(kCheckpointFile).entry, 5U);
}

TEST_F(WriterTest, StopsWhenFullIfAskedTo) {
  options_.when_full = WhenFull::stop;
  options_.most_bytes = 200;
  auto writer = open();
  write(*writer, 1);
  add(*writer);
  add(*writer);
  EXPECT_FALSE(writer->flush());
  EXPECT_EQ(writer->lost(), 2U);
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(WriterTest, AFailedWriteLeavesNoPartOfALine) {
  auto writer = open();
  write(*writer, 1);
  // As if the disk were full within the next line.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{.rlim_cur = writer->bytes() + 20,
                     .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  add(*writer);
  EXPECT_FALSE(writer->flush());
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(writer->lost(), 1U);
  write(*writer, 1);
  EXPECT_EQ(lines().size(), 2U);
}

}  // namespace
}  // namespace stillframe::journal
