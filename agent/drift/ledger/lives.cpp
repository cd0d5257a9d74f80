// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/lives.h"

namespace stillframe::drift {
namespace {

// Files are stamped by a clock that ticks (HZ=100): what was made just now may
// look this much older.
constexpr std::int64_t kTickNs = 10'000'000;

}  // namespace

void Lives::load(bool lived) {
  lived_ = lived_ || lived;
  lived_before_ = lived_before_ || lived;
}

void Lives::started(std::uint64_t since_boot_ns, bool unseen_is_runtimes,
                    const Clock& clock) {
  lived_before_ = lived_;
  if (unseen_is_runtimes && since_boot_ns != 0 && !lived_) {
    runtimes_until_ = {clock.wall_at(since_boot_ns).ns - kTickNs};
  }
  lived_ = true;
  since_ns_ = since_boot_ns;
}

bool Lives::before_first(std::uint64_t boot_ns, bool live) const {
  if (live || lived_before_) return false;
  return !lived_ || boot_ns <= since_ns_;
}

bool Lives::made_before_first(const Entry& entry) const {
  return entry.ctime.ns != 0 && entry.ctime < runtimes_until_;
}

}  // namespace stillframe::drift
