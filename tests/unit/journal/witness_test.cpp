// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/witness.h"

#include <gmock/gmock.h>

#include "tests/unit/journal/healthy_journal.h"

namespace stillframe::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Scrape scrape_of(const Journal& journal, std::uint64_t entry) {
  return {entry, head_bits(journal.hash_of(entry)), time_of_entry(entry)};
}

struct Outcome {
  Testimony testimony;
  std::vector<std::string> faults;
};

Outcome held_against(const Journal& journal, std::vector<Scrape> scrapes) {
  const ScratchDirectory directory;
  journal.write_to(directory);
  Witness witness(std::move(scrapes));
  VerifyOptions options;
  options.on_entry = [&](std::uint64_t entry, std::string_view hash,
                         std::string_view) { witness.see(entry, hash); };
  auto result = verify(directory.path(), options);
  EXPECT_TRUE(result);
  Outcome out;
  out.testimony = witness.conclude(*result);
  for (const auto& fault : result->faults) out.faults.push_back(to_text(fault));
  EXPECT_EQ(result->fault_count, out.faults.size());
  return out;
}

TEST(Witness, HeadIsTheFirst48Bits) {
  EXPECT_EQ(head_bits("0123456789abcdef"), 0x0123456789abU);
  EXPECT_EQ(head_bits(std::string(64, 'f')), 0xffffffffffffU);
}

TEST(Witness, AgreesWithWhatItScraped) {
  const Journal journal = make_journal({.segments = {10, 10}});
  const auto out =
      held_against(journal, {scrape_of(journal, 20), scrape_of(journal, 3),
                             scrape_of(journal, 3), scrape_of(journal, 11)});
  EXPECT_THAT(out.faults, IsEmpty());
  EXPECT_EQ(out.testimony.agreed, 3U);
  EXPECT_EQ(out.testimony.unchecked, 0U);
  EXPECT_EQ(out.testimony.last, 20U);
  EXPECT_EQ(out.testimony.last_time, time_of_entry(20));
}

TEST(Witness, WhatWasPrunedCannotBeChecked) {
  const Journal journal = make_journal({.segments = {10, 10}, .pruned = 1});
  const auto out =
      held_against(journal, {scrape_of(journal, 4), scrape_of(journal, 12)});
  EXPECT_THAT(out.faults, IsEmpty());
  EXPECT_EQ(out.testimony.agreed, 1U);
  EXPECT_EQ(out.testimony.unchecked, 1U);
}

// The files alone fit: the checkpoint is as old as they are.
TEST(Witness, FindsAnEndThatWasCutOffWithItsCheckpoint) {
  const Journal journal = make_journal({.segments = {10, 10}});
  const Journal cut = make_journal({.segments = {10, 5}});
  const auto out = held_against(
      cut,
      {scrape_of(journal, 12), scrape_of(journal, 17), scrape_of(journal, 19)});
  EXPECT_THAT(
      out.faults,
      ElementsAre("entries 16–19 are missing at the end: Prometheus "
                  "scraped entry 19 at 2026-01-01T00:00:19.000000000Z"));
  EXPECT_EQ(out.testimony.agreed, 1U);
}

// All hashes were made again, and the checkpoint, too.
TEST(Witness, FindsAJournalThatWasWrittenAgain) {
  const Journal journal = make_journal({.segments = {10, 10}});
  Journal other = journal;
  std::string content;
  std::string prev = journal.hash_of(10);
  for (std::uint64_t entry = 11; entry <= 20; ++entry) {
    other.lines[entry - 1] = make_line(prev, entry, R"({"v":1})");
    prev = sha256_hex(other.lines[entry - 1]);
    content += other.lines[entry - 1] + '\n';
  }
  other.files.at("0000000000000011.jsonl") = content;
  other.files.at("checkpoint") = other.checkpoint(20);
  const auto out =
      held_against(other, {scrape_of(journal, 10), scrape_of(journal, 14),
                           scrape_of(journal, 16), scrape_of(journal, 20)});
  EXPECT_THAT(out.faults,
              ElementsAre("entries 14–20 are not what Prometheus scraped, "
                          "first at 2026-01-01T00:00:14.000000000Z"));
  EXPECT_EQ(out.testimony.agreed, 1U);
}

std::string answer(const std::string& series) {
  return R"({"status":"success","data":{"resultType":"matrix","result":[)" +
         series + "]}}";
}

TEST(Witness, ScrapesArePairedByTimeAndLabels) {
  const auto scrapes =
      pair_scrapes(answer(R"({"metric":{"__name__":"n","job":"a"},
                 "values":[[1.5,"7"],[2.5,"7"],[3.5,"8"],[4.5,"0"],[5.5,"9"]]},
                {"metric":{"__name__":"n","job":"b"},"values":[[1.5,"4"]]})"),
                   answer(R"({"metric":{"__name__":"h","job":"a"},
                 "values":[[1.5,"281474976710655"],[2.5,"281474976710655"],
                           [3.5,"5"],[4.5,"6"]]})"));
  ASSERT_TRUE(scrapes) << scrapes.error().message;
  EXPECT_THAT(*scrapes,
              ElementsAre(Scrape{7, 0xffffffffffff, WallTime{1'500'000'000}},
                          Scrape{8, 5, WallTime{3'500'000'000}}));
}

TEST(Witness, AnswersThatAreNone) {
  const std::string good = answer("");
  EXPECT_TRUE(pair_scrapes(good, good));
  const auto value = [](const std::string& pair) {
    return answer(R"({"metric":{},"values":[)" + pair + "]}");
  };
  const struct {
    std::string text;
    const char* why;
  } kCases[] = {
      {"", "not JSON"},
      {"[]", "not JSON"},
      {std::string(100'000, '['), "not JSON"},
      {"{}", "not its API's"},
      {R"({"data":{"resultType":"vector","result":[]}})", "other than samples"},
      {R"({"data":{"resultType":"matrix","result":{"a":1}}})", "not its API's"},
      {answer("7"), "not its API's"},
      {answer(R"({"metric":[],"values":[]})"), "not its API's"},
      {value("7"), "not a time and a value"},
      {value(R"([1,7])"), "not a time and a value"},
      {value(R"([1,"-1"])"), "not a whole number: -1"},
      {value(R"([1,"NaN"])"), "not a whole number: NaN"},
      {value(R"([1,"1e300"])"), "not a whole number"},
      {value(R"([1,"1.5"])"), "not a whole number"},
      {value(R"([1e300,"1"])"), "not a whole number"},
      {value(R"([1,"\u001b[31m"])"), "not a whole number: \\x1b[31m"},
  };
  for (const auto& test : kCases) {
    const auto scrapes = pair_scrapes(good, test.text);
    ASSERT_FALSE(scrapes) << test.text.substr(0, 100);
    EXPECT_THAT(scrapes.error().message, HasSubstr(test.why));
    EXPECT_FALSE(pair_scrapes(test.text, good));
  }
}

}  // namespace
}  // namespace stillframe::journal
