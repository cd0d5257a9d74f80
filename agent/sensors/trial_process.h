// SPDX-License-Identifier: Apache-2.0
//
// A process that does nothing but trials. Mounting an overlay and writing
// through it takes rights that the agent does not need for anything else and
// must not have where it reads what containers wrote. Sensors are tried again
// while it runs: when there is a first rootfs that is not an overlay, or
// overlay's module comes. It is asked for a ground by a message of fixed size,
// and reads nothing else.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/sensors/trial.h"

namespace stillframe::sensors {

class TrialProcess {
 public:
  // Forks: to be called while there is one thread, which still has its rights.
  // It ends with this object or the agent, and not by the agent's signals,
  // which are to be blocked by now.
  static Result<std::unique_ptr<TrialProcess>> start();
  ~TrialProcess();
  TrialProcess(const TrialProcess&) = delete;
  TrialProcess& operator=(const TrialProcess&) = delete;

  // As try_files(), which it does there. One at a time.
  Result<Trial> try_files(TrialGround ground,
                          const std::function<void(const UpperRoot&)>& begin);

 private:
  TrialProcess(pid_t pid, Fd socket) : pid_(pid), socket_(std::move(socket)) {}
  pid_t pid_;
  Fd socket_;
};

}  // namespace stillframe::sensors
