// SPDX-License-Identifier: Apache-2.0
//
// The container's lives: it may be stopped and started again. What is done
// ahead of the first one is the runtime's own work.
#pragma once

#include <cstdint>

#include "agent/base/clock.h"
#include "agent/drift/entry.h"

namespace stillframe::drift {

class Lives {
 public:
  void load(bool lived);
  // `since_boot_ns`: its first exec; 0: before we looked. `unseen_is_runtimes`:
  // what nobody saw changed before that instant, the runtime changed.
  void started(std::uint64_t since_boot_ns, bool unseen_is_runtimes,
               const Clock& clock);
  void stopped() { lived_before_ = lived_; }

  bool lived() const { return lived_; }  // at least once
  // An operation at that time; `live`: the kernel side says that it ran.
  bool before_first(std::uint64_t boot_ns, bool live) const;
  bool made_before_first(const Entry& entry) const;

 private:
  bool lived_ = false;
  bool lived_before_ = false;  // a life before this one, or one loaded
  std::uint64_t since_ns_ = 0;
  WallTime runtimes_until_;
};

}  // namespace stillframe::drift
