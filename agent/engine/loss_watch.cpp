// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/loss_watch.h"

#include <fmt/format.h>

#include "agent/base/log.h"

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kCheckEveryNs = kSecondNs;
constexpr std::uint64_t kRepairEveryNs = 10 * kSecondNs;

std::uint64_t count_of(const sensors::KernelCounters& counters,
                       const char* reason) {
  const auto it = counters.lost.find(reason);
  return it == counters.lost.end() ? 0 : it->second;
}

// Of these it is not known whose they were. What the other reasons stand for
// concerns single files, which the next regular scan looks at.
std::uint64_t anybody_s(const sensors::KernelCounters& counters) {
  return count_of(counters, "ringbuf_full") + count_of(counters, "roots_full") +
         count_of(counters, "cgroups_full");
}

}  // namespace

LossWatch::LossWatch(Context& context, Fleet& fleet)
    : context_(context), fleet_(fleet) {}

bool LossWatch::turn(std::uint64_t now) {
  if (now < next_check_ns_) return false;
  next_check_ns_ = now + kCheckEveryNs;
  const auto counters = context_.kernel.counters();
  auto& stats = context_.stats;
  if (counters.suppressed != stats.suppressed ||
      counters.unlisted != stats.unlisted || counters.lost != stats.lost) {
    context_.changed = true;
  }
  stats.suppressed = counters.suppressed;
  stats.unlisted = counters.unlisted;
  stats.lost = counters.lost;
  if (now < next_repair_ns_) return false;
  const bool missed = repair_missed(counters, now);
  const bool lost = repair_lost(counters, now);
  return missed || lost;
}

// One event here and there: who was seen is still who did it.
bool LossWatch::repair_missed(const sensors::KernelCounters& counters,
                              std::uint64_t now) {
  const std::uint64_t missed = count_of(counters, "program_busy");
  if (missed == missed_) return false;
  missed_ = missed;
  next_repair_ns_ = now + kRepairEveryNs;
  for (const auto& container : fleet_.all()) container->request_full_scan();
  return true;
}

bool LossWatch::repair_lost(const sensors::KernelCounters& counters,
                            std::uint64_t now) {
  const std::uint64_t lost = anybody_s(counters);
  if (lost == lost_) return false;
  next_repair_ns_ = now + kRepairEveryNs;
  context_.events.agent(
      "events_lost",
      fmt::format("{} more events were lost: scanning all containers",
                  lost - lost_));
  log_warn("events were lost: scanning all containers",
           {{"count", lost - lost_},
            {"hint", "see stillframe_events_lost_total for the reason"}});
  lost_ = lost;
  for (const auto& container : fleet_.all()) container->lost(now);
  return true;
}

}  // namespace stillframe::engine
