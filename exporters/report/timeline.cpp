// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/timeline.h"

#include <algorithm>

namespace stillframe::report {

void Timeline::set(WallTime time, Condition condition) {
  for (auto change = changes_.rbegin();
       change != changes_.rend() && time < change->since; ++change) {
    change->since = time;
  }
  if (begun() && this->condition() == condition) return;
  changes_.push_back({time, condition});
}

void Timeline::set_late(WallTime time, Condition condition) {
  set(begun() ? std::max(time, changes_.back().since) : time, condition);
}

void Timeline::end(WallTime time) {
  end_ = begun() ? std::max(time, changes_.back().since) : time;
}

std::vector<Stretch> Timeline::within(const Period& period) const {
  std::vector<Stretch> out;
  const WallTime until = std::min(end_.value_or(period.until), period.until);
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const WallTime next =
        i + 1 < changes_.size() ? changes_[i + 1].since : until;
    const Stretch stretch{.condition = changes_[i].condition,
                          .since = std::max(changes_[i].since, period.since),
                          .until = std::min(next, until)};
    if (stretch.since < stretch.until) out.push_back(stretch);
  }
  return out;
}

Times sum(const std::vector<Stretch>& stretches) {
  Times times{};
  for (const auto& one : stretches) {
    time_of(times, one.condition) +=
        static_cast<double>(one.until.ns - one.since.ns) / 1e9;
  }
  return times;
}

}  // namespace stillframe::report
