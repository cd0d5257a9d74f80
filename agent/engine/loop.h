// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "agent/base/result.h"

struct sd_event;
struct sd_event_source;

namespace stillframe::engine {

// The event loop of libsystemd, without callbacks of ours that do work: it
// sleeps until something is there and says what. So no exception crosses its C
// frames, and what happens next stands in one place.
class Loop {
 public:
  // Readable descriptors wake it; they outlive it. `names_fd` does so once each
  // time it becomes readable, and may be -1.
  static Result<std::unique_ptr<Loop>> create(int sensors_fd, int mailbox_fd,
                                              int names_fd);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  struct Woken {
    bool mailbox = false;
  };
  // Sleeps until `boot_ns` at the latest. `sensors`: waiting events end the
  // sleep, else they are left to gather. Answers the watchdog meanwhile.
  Result<Woken> sleep(std::uint64_t boot_ns, bool sensors);

 private:
  Loop() = default;
  Result<> add_sources(int sensors_fd, int mailbox_fd, int names_fd);

  sd_event* event_ = nullptr;
  sd_event_source* sensors_ = nullptr;
  sd_event_source* timer_ = nullptr;
  Woken woken_;
};

}  // namespace stillframe::engine
