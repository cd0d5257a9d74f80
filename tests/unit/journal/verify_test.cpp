// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/verify.h"

#include <gmock/gmock.h>

#include <functional>

#include "agent/base/text.h"
#include "tests/unit/journal/healthy_journal.h"

namespace stillframe::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Verification verified(const Journal& journal, VerifyOptions options = {}) {
  const ScratchDirectory directory;
  journal.write_to(directory);
  auto result = verify(directory.path(), options);
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::move(*result) : Verification{};
}

std::vector<std::string> faults_of(const Journal& journal,
                                   VerifyOptions options = {}) {
  const auto result = verified(journal, std::move(options));
  std::vector<std::string> texts;
  for (const auto& fault : result.faults) texts.push_back(to_text(fault));
  EXPECT_EQ(texts.size(), result.fault_count);
  return texts;
}

constexpr const char* kOpen = "0000000000000011.jsonl";
constexpr const char* kClosed = "0000000000000001.jsonl.zst";

// Ten entries in a closed segment, ten in the open one.
Journal twenty() { return make_journal({.segments = {10, 10}}); }

// Changes the lines of a segment.
void edit(Journal& journal, const std::string& name,
          const std::function<void(std::vector<std::string>&)>& change) {
  const bool closed = ends_with(name, ".zst");
  std::string& file = journal.files.at(name);
  const std::string text = closed ? decompressed(file) : file;
  auto lines = split(text.substr(0, text.size() - 1), '\n');
  change(lines);
  std::string out;
  for (const auto& line : lines) out += line + '\n';
  file = closed ? compressed(out) : out;
}

TEST(Verify, AHealthyJournal) {
  const Journal journal = make_journal({.segments = {10, 10, 5}, .behind = 2});
  const auto result = verified(journal);
  EXPECT_THAT(result.faults, IsEmpty());
  EXPECT_THAT(result.notes, IsEmpty());
  EXPECT_EQ(result.entries, 25U);
  EXPECT_EQ(result.segments, 3U);
  EXPECT_EQ(result.first, 1U);
  EXPECT_EQ(result.last, 25U);
  EXPECT_EQ(result.covered(), 23U);
  EXPECT_EQ(result.first_time, time_of_entry(1));
  EXPECT_EQ(result.last_time, time_of_entry(25));
}

TEST(Verify, EachEntryIsHandedOutWithItsHash) {
  const Journal journal = twenty();
  std::vector<std::string> hashes;
  verified(journal,
           {.keys = {}, .on_entry = [&](std::uint64_t entry, auto hash, auto) {
              EXPECT_EQ(entry, hashes.size() + 1);
              hashes.emplace_back(hash);
            }});
  ASSERT_EQ(hashes.size(), 20U);
  EXPECT_EQ(hashes[4], journal.hash_of(5));
}

TEST(Verify, WhatAgentsLeaveIsHealthy) {
  Journal torn = twenty();
  torn.files.at(kOpen) += R"({"prev":")";
  EXPECT_THAT(faults_of(torn), IsEmpty());
  EXPECT_THAT(verified(torn).notes,
              ElementsAre(HasSubstr("0000000000000011.jsonl, line 11: it has "
                                    "no end")));

  Journal later = twenty();
  later.files.at(kOpen) +=
      make_line(later.hash_of(20), 21,
                R"({"path":"/x\",\"v\":1,\"","v":2,"verdict":null})") +
      '\n';
  EXPECT_THAT(faults_of(later), IsEmpty());
  EXPECT_THAT(verified(later).notes,
              ElementsAre(HasSubstr("1 entries, the first of them entry 21, "
                                    "are of a format version")));

  Journal twice = twenty();
  twice.files["0000000000000001.jsonl"] = decompressed(twice.files.at(kClosed));
  EXPECT_THAT(faults_of(twice), IsEmpty());
  EXPECT_THAT(verified(twice).notes, ElementsAre(HasSubstr("are the same")));
  EXPECT_EQ(verified(twice).entries, 20U);

  const Journal pruned = make_journal({.segments = {10, 10, 5}, .pruned = 2});
  EXPECT_THAT(faults_of(pruned), IsEmpty());
  EXPECT_EQ(verified(pruned).first, 21U);
  EXPECT_EQ(verified(pruned).pruned->entry, 20U);
  EXPECT_THAT(faults_of(make_journal({.segments = {10, 10, 5},
                                      .pruned = 2,
                                      .pruned_segments_stay = true})),
              IsEmpty());

  Journal one_of_two = make_journal(
      {.segments = {10, 10, 5}, .pruned = 2, .pruned_segments_stay = true});
  one_of_two.files.erase(kClosed);
  EXPECT_THAT(faults_of(one_of_two), IsEmpty());

  Journal new_segment = twenty();
  new_segment.files["0000000000000021.jsonl"] = "";
  EXPECT_THAT(faults_of(new_segment), IsEmpty());
  EXPECT_THAT(faults_of(make_journal({.segments = {0}})), IsEmpty());
  EXPECT_THAT(faults_of(make_journal({.segments = {3, 0}, .pruned = 1})),
              IsEmpty());
}

struct Damage {
  const char* name;
  std::function<void(Journal&)> done;
  std::vector<std::string> faults;
};

void expect_faults(const std::vector<Damage>& cases,
                   const Journal& healthy = twenty()) {
  for (const auto& test : cases) {
    Journal journal = healthy;
    test.done(journal);
    EXPECT_EQ(faults_of(journal), test.faults) << test.name;
  }
}

TEST(Verify, DamagedEntries) {
  const std::string changed =
      " changed: the next entry's `prev` is not its hash";
  expect_faults({
      {"changed",
       [](Journal& j) { edit(j, kOpen, [](auto& l) { l[4][120] ^= 1; }); },
       {"0000000000000011.jsonl, line 5: entry 15 was" + changed}},
      {"changed where it is compressed, at its end",
       [](Journal& j) { edit(j, kClosed, [](auto& l) { l[9][120] ^= 1; }); },
       {"0000000000000001.jsonl.zst, line 10: entry 10 was" + changed}},
      {"three of them",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) {
           for (int i : {2, 3, 4}) l[i][120] ^= 1;
         });
       },
       {"0000000000000011.jsonl, line 3: entries 13–15 were" + changed}},
      {"the last",
       [](Journal& j) { edit(j, kOpen, [](auto& l) { l[9][120] ^= 1; }); },
       {"checkpoint: entry 20 has another hash there"}},
      {"`prev` of the first",
       [](Journal& j) { edit(j, kClosed, [](auto& l) { l[0][9] = '1'; }); },
       {"0000000000000001.jsonl.zst, line 1: entry 1 has a `prev`, though it "
        "is the first of all",
        "0000000000000001.jsonl.zst, line 1: entry 1 was" + changed}},
      {"removed",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) { l.erase(l.begin() + 3, l.begin() + 6); });
       },
       {"0000000000000011.jsonl, line 4: entries 14–16 are missing before "
        "this line"}},
      {"removed at the beginning",
       [](Journal& j) {
         edit(j, kClosed, [](auto& l) { l.erase(l.begin()); });
       },
       {"0000000000000001.jsonl.zst, line 1: entry 1 is missing before this "
        "line"}},
      {"removed at the end",
       [](Journal& j) { edit(j, kOpen, [](auto& l) { l.resize(7); }); },
       {"checkpoint: entries 18–20 are missing at the end: the journal went up "
        "to there"}},
      {"replaced by what is not an entry",
       [](Journal& j) { edit(j, kOpen, [](auto& l) { l[3] = "x"; }); },
       {"0000000000000011.jsonl, line 4: this line is not an entry"}},
      {"the last replaced by what is not an entry",
       [](Journal& j) { edit(j, kOpen, [](auto& l) { l[9] = "x"; }); },
       {"0000000000000011.jsonl, line 10: this line is not an entry"}},
      {"something inserted",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) { l.insert(l.begin() + 3, ""); });
       },
       {"0000000000000011.jsonl, line 4: this line is not an entry"}},
      {"something endless inserted",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) {
           l.insert(l.begin() + 3, std::string(kMostLine + 1, 'x'));
         });
       },
       {"0000000000000011.jsonl, line 4: this line is longer than any entry"}},
      {"an entry inserted that fits",
       [](Journal& j) {
         edit(j, kOpen, [&](auto& l) {
           l.insert(l.begin() + 3,
                    make_line(j.hash_of(13), 14, R"({"seq":14})"));
         });
       },
       {"0000000000000011.jsonl, line 5: entry 14 is out of place, behind "
        "entry 14"}},
      {"twice",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) { l.insert(l.begin() + 3, l[3]); });
       },
       {"0000000000000011.jsonl, line 5: entry 14 is out of place, behind "
        "entry 14"}},
      {"swapped",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) { std::swap(l[3], l[4]); });
       },
       {"0000000000000011.jsonl, line 4: entry 14 is missing before this line",
        "0000000000000011.jsonl, line 5: entry 14 is out of place, behind "
        "entry 15"}},
      {"another number",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) { l[3].replace(83, 2, "99"); });
       },
       {"0000000000000011.jsonl, line 4: entry 99 stands where entry 14 is "
        "due"}},
      {"a number beyond all others",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) {
           l.insert(l.begin() + 3,
                    make_line(kNoHash, 9'999'999'999, R"({"v":1})"));
         });
       },
       {"0000000000000011.jsonl, line 4: entries 14–9999999998 are missing "
        "before this line",
        "0000000000000011.jsonl, line 5: entries 14–20 are out of place, "
        "behind entry 9999999999"}},
      {"removed and linked again",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) {
           l.erase(l.begin() + 3);
           for (std::size_t i = 3; i < l.size(); ++i) {
             l[i].replace(9, kHashDigits, sha256_hex(l[i - 1]));
           }
         });
       },
       {"0000000000000011.jsonl, line 4: entry 15 stands where entry 14 is due",
        "checkpoint: entry 20 has another hash there"}},
      {"removed, numbered and linked again",
       [](Journal& j) {
         edit(j, kOpen, [](auto& l) {
           l.erase(l.begin() + 3);
           for (std::size_t i = 3; i < l.size(); ++i) {
             l[i] = make_line(sha256_hex(l[i - 1]), 11 + i, R"({"v":1})");
           }
         });
       },
       {"checkpoint: entry 20 is missing at the end: the journal went up to "
        "there"}},
  });
}

TEST(Verify, DamagedSegments) {
  expect_faults({
      {"removed",
       [](Journal& j) { j.files.erase(kClosed); },
       {"0000000000000011.jsonl, line 1: entries 1–10 are missing before this "
        "line"}},
      {"the last removed",
       [](Journal& j) { j.files.erase(kOpen); },
       {"checkpoint: entries 11–20 are missing at the end: the journal went up "
        "to there"}},
      {"emptied",
       [](Journal& j) { j.files.at(kClosed) = compressed(""); },
       {"0000000000000001.jsonl.zst: it is empty",
        "0000000000000011.jsonl, line 1: entries 1–10 are missing before this "
        "line"}},
      {"renamed",
       [](Journal& j) {
         auto node = j.files.extract(kOpen);
         node.key() = "0000000000000012.jsonl";
         j.files.insert(std::move(node));
       },
       {"0000000000000012.jsonl: begins with entry 11, which is not its "
        "name"}},
      {"moved before another",
       [](Journal& j) {
         auto node = j.files.extract(kClosed);
         node.key() = "0000000000000031.jsonl.zst";
         j.files.insert(std::move(node));
       },
       {"0000000000000011.jsonl, line 1: entries 1–10 are missing before this "
        "line",
        "0000000000000031.jsonl.zst, line 1: entries 1–10 are out of place, "
        "behind entry 20"}},
      {"cut short",
       [](Journal& j) { j.files.at(kClosed).resize(100); },
       {"0000000000000001.jsonl.zst cannot be "
        "decompressed: it is cut short",
        "0000000000000011.jsonl, line 1: entries 1–10 are missing before this "
        "line"}},
      {"without its last newline",
       [](Journal& j) {
         std::string text = decompressed(j.files.at(kClosed));
         text.pop_back();
         j.files.at(kClosed) = compressed(text);
       },
       {"0000000000000001.jsonl.zst, line 10: this line has no end"}},
      {"two versions",
       [](Journal& j) {
         std::string text = decompressed(j.files.at(kClosed));
         j.files["0000000000000001.jsonl"] = text;
         text[500] ^= 1;
         j.files.at(kClosed) = compressed(text);
       },
       {"0000000000000001.jsonl.zst, line 4: differs from "
        "0000000000000001.jsonl"}},
  });
}

TEST(Verify, DamagedCheckpoints) {
  const Journal other = make_journal({.segments = {1, 30}});
  expect_faults({
      {"removed",
       [](Journal& j) { j.files.erase("checkpoint"); },
       {"checkpoint: it is missing: nothing says how far the journal went"}},
      {"empty",
       [](Journal& j) { j.files.at("checkpoint").clear(); },
       {"checkpoint: it is cut short"}},
      {"of another journal",
       [&](Journal& j) {
         j.files.at("checkpoint") =
             to_text(Checkpoint{.file = "checkpoint",
                                .node = {},
                                .time = {},
                                .entry = 12,
                                .seq = 1,
                                .head = std::string(kNoHash),
                                .key = {}}) +
             '\n';
       },
       {"checkpoint: entry 12 has another hash there"}},
      {"further",
       [&](Journal& j) { j.files.at("checkpoint") = other.checkpoint(25); },
       {"checkpoint: entries 21–25 are missing at the end: the journal went up "
        "to there"}},
      {"a checkpoint as what was pruned",
       [](Journal& j) { j.files["pruned"] = j.checkpoint(10); },
       {"pruned: it is not `pruned`, but another file's text"}},
      {"something pruned that was not",
       [](Journal& j) { j.files["pruned"] = j.pruned(20); },
       {}},
      {"pruned with another hash",
       [](Journal& j) {
         std::string text = j.pruned(10);
         text.replace(text.find(j.hash_of(10)), 1, "x");
         j.files["pruned"] = text;
       },
       {"pruned: its head is not a SHA-256"}},
      {"pruned further than the checkpoint",
       [&](Journal& j) { j.files["pruned"] = other.pruned(25); },
       {"pruned: it goes up to entry 25, further than `checkpoint`, which ends "
        "with 20"}},
  });
  expect_faults(
      {
          {"pruned is missing",
           [](Journal& j) { j.files.erase("pruned"); },
           {"0000000000000011.jsonl.zst, line 1: entries 1–10 are missing "
            "before this line"}},
          {"pruned is of less",
           [](Journal& j) { j.files.at("pruned") = j.pruned(7); },
           {"0000000000000011.jsonl.zst, line 1: entries 8–10 are missing "
            "before this line"}},
          {"pruned is of more",
           [](Journal& j) {
             std::string text = j.pruned(12);
             const auto at = text.find(j.hash_of(12));
             text[at] = text[at] == 'a' ? 'b' : 'a';
             j.files.at("pruned") = text;
           },
           {"pruned: entry 12 has another hash there"}},
          {"pruned has another hash",
           [](Journal& j) {
             std::string text = j.pruned(10);
             const auto at = text.find(j.hash_of(10));
             text[at] = text[at] == 'a' ? 'b' : 'a';
             j.files.at("pruned") = text;
           },
           {"0000000000000011.jsonl.zst, line 1: entry 11 does not follow "
            "entry 10 as `pruned` has it"}},
      },
      make_journal({.segments = {10, 10, 10}, .pruned = 1}));
}

TEST(Verify, Signatures) {
  const auto key = Key::make();
  const auto other = Key::make();
  ASSERT_TRUE(key && other);
  const VerifyOptions options{.keys = {*key}};
  const Journal good =
      make_journal({.segments = {10, 10}, .pruned = 1, .key = &*key});
  EXPECT_THAT(faults_of(good, options), IsEmpty());
  EXPECT_TRUE(verified(good, options).signature_good);
  EXPECT_FALSE(verified(good).signature_good);
  // After a change of keys.
  EXPECT_THAT(faults_of(good, {.keys = {*other, *key}}), IsEmpty());
  EXPECT_THAT(
      faults_of(good, {.keys = {*other}}),
      ElementsAre(
          "checkpoint: it is signed by another key: " + key->fingerprint(),
          "pruned: it is signed by another key: " + key->fingerprint()));

  const Journal bare = make_journal({.segments = {10, 10}});
  EXPECT_THAT(faults_of(bare, options),
              ElementsAre("checkpoint: it is not signed"));
  Journal forged = good;
  forged.files.at("checkpoint") =
      good.checkpoint(20).substr(0, good.checkpoint(20).size() - 1) + '\n' +
      to_base64(other->sign("x")) + '\n';
  EXPECT_THAT(faults_of(forged, options),
              ElementsAre("checkpoint: it does not name the key that signed "
                          "it"));
  Journal edited = good;
  std::string& text = edited.files.at("checkpoint");
  text.replace(text.find("n1"), 2, "n2");
  EXPECT_THAT(faults_of(edited, options),
              ElementsAre(HasSubstr("not by the key that it names, or not of "
                                    "this text")));
}

TEST(Verify, FaultsAreCountedBeyondWhatIsKept) {
  Journal journal = make_journal({.segments = {100}});
  edit(journal, "0000000000000001.jsonl", [](auto& lines) {
    for (std::size_t i = 0; i < lines.size(); i += 2) lines[i] = "x";
  });
  const auto result = verified(journal, {.keys = {}, .most_faults = 3});
  EXPECT_EQ(result.faults.size(), 3U);
  EXPECT_EQ(result.fault_count, 50U);
}

TEST(Verify, NoJournal) {
  const ScratchDirectory directory;
  const auto none = verify(directory.path(), {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("there is no journal in"));
  EXPECT_FALSE(verify("/nowhere", {}));
}

TEST(Verify, ASymbolicLinkIsNotFollowed) {
  const ScratchDirectory directory;
  twenty().write_to(directory);
  std::filesystem::rename(directory.path(kOpen), directory.path("elsewhere"));
  std::filesystem::create_symlink("elsewhere", directory.path(kOpen));
  const auto result = verify(directory.path(), {});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->fault_count, 2U);
  EXPECT_EQ(to_text(result->faults[0]),
            "0000000000000011.jsonl is a symbolic link");
}

}  // namespace
}  // namespace stillframe::journal
