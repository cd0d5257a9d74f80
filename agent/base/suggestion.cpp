// SPDX-License-Identifier: Apache-2.0
#include "agent/base/suggestion.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace stillframe {
namespace {

constexpr std::size_t kLongest = 32;
constexpr std::size_t kLeastBeginning = 2;
constexpr std::size_t kLeastPart = 3;

// Edits that make one of the other: bytes put in, taken out or replaced, and
// two neighbours that change places.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, row[j - 1] + 1, last[j] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row.back();
}

std::string_view only_one_begun(std::string_view typed,
                                std::span<const std::string_view> words) {
  if (typed.size() < kLeastBeginning) return {};
  std::string_view found;
  for (const auto word : words) {
    if (!word.starts_with(typed)) continue;
    if (!found.empty()) return {};
    found = word;
  }
  return found;
}

// Those that `typed` is a part of.
std::string holding(std::string_view typed,
                    std::span<const std::string_view> words) {
  std::string found;
  if (typed.size() < kLeastPart) return found;
  for (const auto word : words) {
    if (word.find(typed) == std::string_view::npos) continue;
    if (!found.empty()) found += ", ";
    found += word;
  }
  return found;
}

}  // namespace

std::string_view nearest(std::string_view typed,
                         std::span<const std::string_view> words) {
  if (typed.size() > kLongest) return {};
  std::string_view best = only_one_begun(typed, words);
  if (!best.empty()) return best;
  // A third of the letters may be wrong, and one of few.
  std::size_t least = std::max<std::size_t>(typed.size() / 3, 1) + 1;
  for (const auto word : words) {
    const std::size_t edits = distance(typed, word);
    if (edits < least && edits < word.size()) {
      least = edits;
      best = word;
    }
  }
  return best;
}

std::string suggestion(std::string_view typed,
                       std::span<const std::string_view> words) {
  if (const auto near = nearest(typed, words); !near.empty()) {
    return "did you mean '" + std::string(near) + "'?";
  }
  if (const auto some = holding(typed, words); !some.empty()) {
    return "did you mean one of " + some + '?';
  }
  std::string known = "known: ";
  for (const auto word : words) {
    if (word != words.front()) known += ", ";
    known += word;
  }
  return known;
}

}  // namespace stillframe
