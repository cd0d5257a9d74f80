// SPDX-License-Identifier: Apache-2.0
//
// Whatever is done to a journal, as far as its checkpoint goes, is found; what
// agents leave is never accused.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <random>

#include "agent/base/text.h"
#include "agent/journal/verify.h"
#include "tests/unit/journal/healthy_journal.h"

namespace stillframe::journal {
namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  // From 0 to `below`, without that.
  std::size_t roll(std::size_t below) { return random_() % below; }
  template <typename List>
  auto& one_of(List& list) {
    return list[roll(std::size(list))];
  }

 private:
  std::mt19937 random_;
};

Shape any_shape(Dice& dice) {
  Shape shape;
  const std::size_t segments = 1 + dice.roll(4);
  for (std::size_t i = 0; i < segments; ++i) {
    shape.segments.push_back(1 + static_cast<int>(dice.roll(6)));
  }
  shape.pruned = static_cast<int>(dice.roll(segments));
  shape.behind = static_cast<int>(
      dice.roll(static_cast<std::size_t>(shape.segments.back())));
  shape.closed = dice.roll(4) != 0;
  return shape;
}

// One segment's text, to be changed; closed ones are compressed again.
class Segment {
 public:
  Segment(Journal& journal, std::uint64_t first) : journal_(journal) {
    name_ = to_string(SegmentName{first, false});
    closed_ = journal.files.count(name_) == 0;
    if (closed_) name_ += ".zst";
    text = closed_ ? decompressed(journal.files.at(name_))
                   : journal.files.at(name_);
    lines = split(std::string_view(text).substr(0, text.size() - 1), '\n');
    // Behind these it is not said to be found.
    covered =
        first > journal.covered
            ? 0
            : std::min<std::size_t>(lines.size(), journal.covered - first + 1);
  }
  void set(const std::string& content) {
    journal_.files.at(name_) = closed_ ? compressed(content) : content;
  }
  void set_lines() {
    std::string content;
    for (const auto& line : lines) content += line + '\n';
    set(content);
  }
  std::size_t covered_bytes() const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < covered; ++i) bytes += lines[i].size() + 1;
    return bytes;
  }
  const std::string& name() const { return name_; }
  bool closed() const { return closed_; }

  std::string text;
  std::vector<std::string> lines;
  std::size_t covered = 0;

 private:
  Journal& journal_;
  std::string name_;
  bool closed_ = false;
};

Segment any_segment(Journal& journal, Dice& dice) {
  for (;;) {
    Segment segment(journal, dice.one_of(journal.firsts));
    if (segment.covered > 0) return segment;
  }
}

char other_than(char c, Dice& dice) {
  return static_cast<char>(static_cast<std::size_t>(c) + 1 + dice.roll(255));
}

void flip_hex(std::string& text, std::size_t at) {
  text[at] = text[at] == '0' ? '1' : '0';
}

struct Mutilation {
  const char* name;
  // False: this cannot be done to this journal, or changes nothing.
  std::function<bool(Journal&, Dice&)> done;
};

std::vector<Mutilation> mutilations() {
  return {
      {"a byte changed",
       [](Journal& journal, Dice& dice) {
         auto segment = any_segment(journal, dice);
         char& c = segment.text[dice.roll(segment.covered_bytes())];
         c = other_than(c, dice);
         segment.set(segment.text);
         return true;
       }},
      {"a byte changed of what is compressed",
       [](Journal& journal, Dice& dice) {
         const auto segment = any_segment(journal, dice);
         if (!segment.closed()) return false;
         std::string& file = journal.files.at(segment.name());
         char& c = dice.one_of(file);
         c = other_than(c, dice);
         return decompressed(file) != segment.text;
       }},
      {"a line removed",
       [](Journal& journal, Dice& dice) {
         auto segment = any_segment(journal, dice);
         segment.lines.erase(
             segment.lines.begin() +
             static_cast<std::ptrdiff_t>(dice.roll(segment.covered)));
         segment.set_lines();
         return true;
       }},
      {"a line twice",
       [](Journal& journal, Dice& dice) {
         auto segment = any_segment(journal, dice);
         const std::string line = segment.lines[dice.roll(segment.covered)];
         segment.lines.insert(
             segment.lines.begin() +
                 static_cast<std::ptrdiff_t>(dice.roll(segment.covered + 1)),
             line);
         segment.set_lines();
         return true;
       }},
      {"two lines swapped",
       [](Journal& journal, Dice& dice) {
         auto segment = any_segment(journal, dice);
         auto& one = segment.lines[dice.roll(segment.covered)];
         auto& other = segment.lines[dice.roll(segment.lines.size())];
         if (one == other) return false;
         std::swap(one, other);
         segment.set_lines();
         return true;
       }},
      {"a line inserted",
       [](Journal& journal, Dice& dice) {
         auto segment = any_segment(journal, dice);
         const std::size_t at = dice.roll(segment.covered);
         const auto after = parse_line(segment.lines[at]);
         const std::string lines[] = {
             "", "{}", make_line(after->prev, after->entry, R"({"v":1})"),
             make_line(after->prev, after->entry + dice.roll(9), R"({"v":2})"),
             make_line(kNoHash, 1 + dice.roll(99), R"({"v":1})")};
         segment.lines.insert(
             segment.lines.begin() + static_cast<std::ptrdiff_t>(at),
             dice.one_of(lines));
         segment.set_lines();
         return true;
       }},
      {"a segment removed",
       [](Journal& journal, Dice& dice) {
         journal.files.erase(any_segment(journal, dice).name());
         return true;
       }},
      {"a segment renamed",
       [](Journal& journal, Dice& dice) {
         const auto segment = any_segment(journal, dice);
         const auto name = parse_segment_name(segment.name());
         const std::string other =
             to_string({1 + dice.roll(40), segment.closed()});
         if (journal.files.count(other) != 0) return false;
         auto node = journal.files.extract(segment.name());
         node.key() = other;
         journal.files.insert(std::move(node));
         return parse_segment_name(other) != name;
       }},
      {"two segments swapped",
       [](Journal& journal, Dice& dice) {
         auto one = any_segment(journal, dice);
         auto other = any_segment(journal, dice);
         if (one.name() == other.name()) return false;
         one.set(other.text);
         other.set(one.text);
         return true;
       }},
      {"a segment cut short",
       [](Journal& journal, Dice& dice) {
         auto segment = any_segment(journal, dice);
         segment.set(
             segment.text.substr(0, dice.roll(segment.covered_bytes())));
         return true;
       }},
      {"a file cut short",
       [](Journal& journal, Dice& dice) {
         const auto segment = any_segment(journal, dice);
         if (!segment.closed()) return false;
         std::string& file = journal.files.at(segment.name());
         file.resize(dice.roll(file.size()));
         return true;
       }},
      {"something behind a file",
       [](Journal& journal, Dice& dice) {
         const auto segment = any_segment(journal, dice);
         if (!segment.closed()) return false;
         journal.files.at(segment.name()) +=
             dice.roll(2) == 0 ? "x" : compressed("x\n");
         return true;
       }},
      {"a segment added",
       [](Journal& journal, Dice& dice) {
         const auto segment = any_segment(journal, dice);
         const std::string other =
             to_string({1 + dice.roll(40), dice.roll(2) == 0});
         if (journal.files.count(other) != 0) return false;
         const bool closed = ends_with(other, ".zst");
         const bool twin = parse_segment_name(other)->first ==
                           parse_segment_name(segment.name())->first;
         journal.files[other] =
             closed ? compressed(segment.text) : segment.text;
         return !twin;
       }},
      {"another version of a segment added",
       [](Journal& journal, Dice& dice) {
         auto segment = any_segment(journal, dice);
         const auto name = *parse_segment_name(segment.name());
         char& c = dice.one_of(segment.text);
         c = other_than(c, dice);
         journal.files[to_string({name.first, !name.closed})] =
             name.closed ? segment.text : compressed(segment.text);
         return true;
       }},
      {"another checkpoint",
       [](Journal& journal, Dice& dice) {
         std::string& file = journal.files.at("checkpoint");
         switch (dice.roll(4)) {
           case 0:
             journal.files.erase("checkpoint");
             break;
           case 1:
             file.resize(dice.roll(file.size()));
             break;
           case 2:
             flip_hex(file, file.find("\"head\":\"") + 8 + dice.roll(64));
             break;
           default:
             file.replace(file.find("\"entry\":") + 8, 1,
                          std::to_string(100 + dice.roll(100)));
         }
         return true;
       }},
      {"another word of what was pruned",
       [](Journal& journal, Dice& dice) {
         if (journal.files.count("pruned") == 0) return false;
         std::string& file = journal.files.at("pruned");
         switch (dice.roll(4)) {
           case 0:
             journal.files.erase("pruned");
             break;
           case 1:
             file.resize(dice.roll(file.size()));
             break;
           case 2:
             flip_hex(file, file.find("\"head\":\"") + 8 + dice.roll(64));
             break;
           default:
             file.replace(file.find("\"entry\":") + 8, 1,
                          std::to_string(100 + dice.roll(100)));
         }
         return true;
       }},
  };
}

std::string shown(const Journal& journal) {
  std::string text;
  for (const auto& [name, content] : journal.files) {
    text += "== " + name + '\n' +
            (ends_with(name, ".zst") ? decompressed(content) : content);
  }
  return text;
}

Result<Verification> verified(const Journal& journal,
                              const VerifyOptions& options = {}) {
  const ScratchDirectory directory;
  journal.write_to(directory);
  return verify(directory.path(), options);
}

TEST(Mutilated, IsFoundWhateverWasDone) {
  const auto all = mutilations();
  Dice dice(20260101);
  std::map<std::string, int> done;
  for (int i = 0; i < 10'000;) {
    Journal journal = make_journal(any_shape(dice));
    const auto& mutilation = all[dice.roll(all.size())];
    if (!mutilation.done(journal, dice)) continue;
    ++i;
    ++done[mutilation.name];
    const auto result = verified(journal);
    ASSERT_FALSE(result && result->fault_count == 0)
        << i << ": " << mutilation.name << '\n'
        << shown(journal);
    // One deed is not a thousand faults.
    if (!result) continue;
    ASSERT_LE(result->fault_count, 12U) << mutilation.name << '\n'
                                        << shown(journal);
  }
  EXPECT_EQ(done.size(), all.size());
}

TEST(Mutilated, HealthyJournalsAreNeverAccused) {
  Dice dice(20260102);
  for (int i = 0; i < 1000; ++i) {
    Shape shape = any_shape(dice);
    shape.pruned_segments_stay = dice.roll(4) == 0;
    Journal journal = make_journal(shape);
    if (dice.roll(4) == 0) {
      Segment last(journal, journal.firsts.back());
      const std::string next =
          make_line(sha256_hex(last.lines.back()), 99, R"({"v":1})");
      last.set(last.text + next.substr(0, dice.roll(next.size() + 1)));
    } else if (dice.roll(4) == 0) {
      journal.files[to_string({journal.lines.size() + 1, false})] = "";
    }
    if (dice.roll(4) == 0) {
      const auto one = any_segment(journal, dice);
      const auto name = *parse_segment_name(one.name());
      if (name.closed) {
        journal.files[to_string({name.first, false})] = one.text;
      }
    }
    const auto result = verified(journal);
    ASSERT_TRUE(result);
    for (const auto& fault : result->faults) {
      ADD_FAILURE() << to_text(fault) << '\n' << shown(journal);
    }
    ASSERT_FALSE(HasFailure());
  }
}

TEST(Mutilated, EveryByteOfASmallJournal) {
  const auto key = Key::make();
  const Shape shape{.segments = {2, 2, 2}, .pruned = 1, .key = &*key};
  const Journal healthy = make_journal(shape);
  const VerifyOptions options{.keys = {*key}};
  for (const auto& [name, content] : healthy.files) {
    for (std::size_t at = 0; at < content.size(); ++at) {
      Journal cut = healthy;
      cut.files[name].resize(at);
      auto result = verified(cut, options);
      EXPECT_FALSE(result && result->fault_count == 0) << name << ' ' << at;
      Journal changed = healthy;
      changed.files[name][at] ^= 1;
      if (ends_with(name, ".zst") &&
          decompressed(changed.files[name]) == decompressed(content)) {
        continue;
      }
      result = verified(changed, options);
      EXPECT_FALSE(result && result->fault_count == 0) << name << ' ' << at;
    }
  }
}

}  // namespace
}  // namespace stillframe::journal
