// SPDX-License-Identifier: Apache-2.0
//
// The files sensor: which of its implementations are in use, found out by
// changing files on a rootfs of our own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "agent/model/snapshot.h"
#include "agent/sensors/object.h"
#include "agent/sensors/trial.h"

namespace stillframe::sensors {

class FilesSensor {
 public:
  // Which operations, done on such a rootfs, come back as no event just now;
  // nothing where that could not be tried.
  using Missed = std::function<std::optional<std::set<FileOp>>(TrialGround)>;

  explicit FilesSensor(Missed missed) : missed_(std::move(missed)) {}

  // The best implementation that works now; the one before is detached.
  void choose(const Setup& setup);

  // Whether there is a rootfs that is no overlay. Those who do not see it by
  // the same programs have others for it, which stand in the way of the host's
  // changes: they are attached only as long as they are wanted. Whether that
  // changed the status.
  bool watch_plain(bool wanted, const Setup& setup);

  SensorStatus status() const;
  // See Object; of those that were attached before, too.
  std::uint64_t missed_runs() const;

 private:
  void attach_plain(const Setup& setup);
  void detach(std::unique_ptr<Object>& object);

  Missed missed_;
  std::unique_ptr<Object> object_;
  SensorStatus status_;
  bool sees_plain_ = false;  // object_ does
  bool plain_wanted_ = false;
  std::unique_ptr<Object> plain_;
  std::uint64_t missed_before_ = 0;  // by objects that are detached again
  SensorAttempt plain_attempt_;
};

}  // namespace stillframe::sensors
