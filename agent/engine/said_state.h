// SPDX-License-Identifier: Apache-2.0
//
// When a container's state is worth an event: the journal has to show how long
// it was what. Pure logic, of the loop's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/model/words.h"

namespace stillframe::engine {

class SaidState {
 public:
  // Whoever changes something and back all the time fills no journal by that.
  static constexpr unsigned kAtOnce = 20;
  static constexpr std::uint64_t kEveryNs = 60'000'000'000;
  // Said again after half of that, or up to all of it: not all containers at
  // once.
  static constexpr std::uint64_t kRecallNs = 24 * 60 * kEveryNs;

  explicit SaidState(std::uint64_t spread) : spread_(spread) {}

  // Something was changed that no rule allows.
  void violated() { violated_ = true; }
  // Whether to say it now: it is another than was said, or was meanwhile.
  // `complete`: all that changed has been looked at. `now`: boot time.
  bool is_due(ContainerState state, bool complete, std::uint64_t now);
  // Whether to say it again: it was never said, or so long ago that it may not
  // be kept any more, or the journal could not be written since. `resumption`:
  // EventLog::resumptions().
  bool is_to_be_recalled(std::uint64_t now, std::uint64_t resumption) const;
  void said(ContainerState state, std::uint64_t now, std::uint64_t resumption);
  // Nothing: none was said.
  std::optional<ContainerState> last() const { return last_; }

 private:
  bool take_turn(std::uint64_t now);

  std::uint64_t spread_;
  std::optional<ContainerState> last_;
  std::uint64_t said_ns_ = 0;
  std::uint64_t resumption_ = 0;
  bool violated_ = false;  // since all was looked at
  bool waits_ = false;     // for its turn
  unsigned turns_ = kAtOnce;
  std::uint64_t earned_ns_ = 0;
};

}  // namespace stillframe::engine
