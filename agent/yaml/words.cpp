// SPDX-License-Identifier: Apache-2.0
#include "agent/yaml/words.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace stillframe {
namespace {

constexpr std::size_t kLongest = 32;

// Edits that make one of the other: bytes put in, taken out or replaced.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest(std::string_view typed,
                         std::span<const std::string_view> words) {
  if (typed.size() > kLongest) return {};
  std::string_view best;
  // A third of the letters may be wrong.
  std::size_t least = typed.size() / 3 + 2;
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
  std::string known = "known: ";
  for (const auto word : words) {
    if (word != words.front()) known += ", ";
    known += word;
  }
  return known;
}

}  // namespace stillframe
