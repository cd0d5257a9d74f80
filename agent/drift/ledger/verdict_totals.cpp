// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/verdict_totals.h"

#include <algorithm>
#include <cstring>

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

// How a verdict and the hash of its place share eight bytes, from the lowest
// bit on.
constexpr unsigned kVerdictBits = 3;
constexpr unsigned kClassBits = 3;
constexpr unsigned kOriginBits = 3;
constexpr unsigned kHashAt = kVerdictBits + kClassBits + kOriginBits + 1;
static_assert(kVerdictNames.size() <= 1u << kVerdictBits);
static_assert(kClassNames.size() <= 1u << kClassBits);
static_assert(kOriginNames.size() <= 1u << kOriginBits);

std::uint64_t packed(std::uint64_t hash, const PathVerdict& verdict) {
  std::uint64_t slot = hash << 1 | (verdict.unexplained ? 1 : 0);
  slot = slot << kOriginBits | index(verdict.origin);
  slot = slot << kClassBits | index(verdict.mutation_class);
  return slot << kVerdictBits | index(verdict.verdict);
}

template <typename Enum>
Enum taken(std::uint64_t& slot, unsigned bits) {
  const auto value = static_cast<Enum>(slot & ((1u << bits) - 1));
  slot >>= bits;
  return value;
}

PathVerdict unpacked(std::uint64_t slot) {
  PathVerdict verdict;
  verdict.verdict = taken<Verdict>(slot, kVerdictBits);
  verdict.mutation_class = taken<Class>(slot, kClassBits);
  verdict.origin = taken<Origin>(slot, kOriginBits);
  verdict.unexplained = (slot & 1) != 0;
  return verdict;
}

bool bump(std::uint32_t& counter, int by) {
  const bool was = counter != 0;
  counter = static_cast<std::uint32_t>(static_cast<int>(counter) + by);
  return was != (counter != 0);
}

}  // namespace

bool worse(Verdict a, Verdict b) { return a < b; }

std::uint64_t VerdictTotals::hash_of(const RecordKey& place) {
  const std::array<std::uint64_t, 2> both = {KeyedHash::own()(place.name),
                                             place.inode.ino};
  std::array<char, sizeof both> bytes;
  std::memcpy(bytes.data(), both.data(), bytes.size());
  // Not 0, so that no slot is.
  return std::max<std::uint64_t>(
      1, KeyedHash::own()({bytes.data(), bytes.size()}) >> kHashAt);
}

std::uint64_t VerdictTotals::hash_in(const std::uint64_t& slot) {
  return slot >> kHashAt;
}

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
  verdicts_[index(path_verdict.verdict)] += static_cast<std::uint64_t>(by);
  if (path_verdict.verdict != Verdict::violation) return;
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
  const std::uint64_t* known = places_.find(hash);
  std::optional<PathVerdict> old;
  if (known != nullptr) old = unpacked(*known);
  if (old == path_verdict) return;
  if (old) count(*old, -1);
  if (path_verdict) {
    count(*path_verdict, 1);
    places_.put(packed(hash, *path_verdict));
  } else {
    places_.erase(hash);
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

const VerdictTotals::Below* VerdictTotals::below(
    const InodeId& directory) const {
  const auto it = below_.find(directory.ino);
  return it == below_.end() ? nullptr : &it->second;
}

void VerdictTotals::clear() { *this = {}; }

}  // namespace stillframe::drift
