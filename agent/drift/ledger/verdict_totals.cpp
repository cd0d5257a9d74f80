// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/verdict_totals.h"

#include <algorithm>

#include "agent/base/keyed_hash.h"

namespace stillframe::drift {
namespace {

// A longer chain of directories than any path can name.
constexpr int kMaxDepth = 4096;

template <typename Enum>
std::size_t index(Enum value) {
  return static_cast<std::size_t>(value);
}

// The list in words.h is in order of severity.
static_assert(Verdict::violation < Verdict::allowed &&
              Verdict::allowed < Verdict::scratch &&
              Verdict::scratch < Verdict::runtime &&
              Verdict::runtime < Verdict::restored);

// Of one name the inodes alone make a difference, and no two give the same.
std::uint64_t hash_of(const RecordKey& place) {
  return KeyedHash::own()(place.name) ^ (place.inode.ino * 0x9E3779B97F4A7C15u);
}

bool bump(std::uint32_t& counter, int by) {
  const bool was = counter != 0;
  counter = static_cast<std::uint32_t>(static_cast<int>(counter) + by);
  return was != (counter != 0);
}

}  // namespace

bool worse(Verdict a, Verdict b) { return a < b; }

bool VerdictTotals::Below::any() const {
  return std::any_of(verdicts.begin(), verdicts.end(),
                     [](auto n) { return n != 0; });
}

Verdict VerdictTotals::Below::worst() const {
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i] != 0) return static_cast<Verdict>(i);
  }
  return Verdict::restored;
}

void VerdictTotals::count(const PathVerdict& path_verdict, int by) {
  if (path_verdict.verdict != Verdict::violation) return;
  violating_ += static_cast<std::uint64_t>(by);
  const std::pair key{path_verdict.mutation_class, path_verdict.origin};
  auto& n = violations_[key];
  n += static_cast<std::uint64_t>(by);
  if (n == 0) violations_.erase(key);
}

bool VerdictTotals::count_below(Below& below, const PathVerdict& path_verdict,
                                int by) {
  bool shifted = bump(below.verdicts[index(path_verdict.verdict)], by);
  if (path_verdict.unexplained) shifted |= bump(below.unexplained, by);
  return shifted;
}

void VerdictTotals::set(const RecordKey& place,
                        const std::optional<PathVerdict>& path_verdict,
                        const ParentOf& parent_of,
                        const std::function<void(const InodeId&)>& shifted) {
  const std::uint64_t hash = hash_of(place);
  const auto it = places_.find(hash);
  std::optional<PathVerdict> old;
  if (it != places_.end()) old = it->second;
  if (old == path_verdict) return;
  if (old) count(*old, -1);
  if (path_verdict) {
    count(*path_verdict, 1);
    places_[hash] = *path_verdict;
  } else {
    places_.erase(it);
  }
  InodeId at = place.inode;
  for (int depth = 0; at && depth < kMaxDepth; ++depth) {
    Below& below = below_[at.ino];
    bool shift = false;
    if (old) shift |= count_below(below, *old, -1);
    if (path_verdict) shift |= count_below(below, *path_verdict, 1);
    if (!below.any()) below_.erase(at.ino);
    if (shift) shifted(at);
    at = parent_of(at);
  }
}

const PathVerdict* VerdictTotals::find(const RecordKey& place) const {
  const auto it = places_.find(hash_of(place));
  return it == places_.end() ? nullptr : &it->second;
}

const VerdictTotals::Below* VerdictTotals::below(
    const InodeId& directory) const {
  const auto it = below_.find(directory.ino);
  return it == below_.end() ? nullptr : &it->second;
}

void VerdictTotals::clear() { *this = {}; }

}  // namespace stillframe::drift
