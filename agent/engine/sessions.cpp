// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/sessions.h"

#include <algorithm>
#include <utility>

namespace stillframe::engine {

bool Sessions::mutated(std::uint64_t id, std::optional<EndedSession>* ended) {
  const auto past =
      std::find_if(past_.begin(), past_.end(),
                   [&](const Past& one) { return one.session.id == id; });
  if (past == past_.end()) return open_.insert(id).second;
  if (std::exchange(past->reported, true)) return false;
  *ended = past->session;
  return true;
}

bool Sessions::ended(EndedSession session) {
  const bool reported = open_.erase(session.id) != 0;
  past_.push_back({std::move(session), reported});
  if (past_.size() > kMaxEnded) past_.pop_front();
  return reported;
}

}  // namespace stillframe::engine
