// SPDX-License-Identifier: Apache-2.0
//
// The files sensor: which of its implementations are in use, found out by
// changing files on a rootfs of our own.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "agent/base/result.h"
#include "agent/sensors/ladder.h"
#include "agent/sensors/sensor.h"
#include "agent/sensors/trial.h"

namespace stillframe::sensors {

class FilesSensor : public Sensor {
 public:
  // Which operations, done on such a rootfs, come back as no event just now;
  // fails where that could not be tried.
  using Missed = std::function<Result<std::set<FileOp>>(TrialGround)>;

  // `ladder` and `plain` outlive this. Those implementations that do not see a
  // rootfs that is not an overlay by the same programs have `plain` for it.
  FilesSensor(const Ladder& ladder, const Implementation& plain, Missed missed)
      : ladder_(ladder),
        plain_implementation_(plain),
        missed_(std::move(missed)) {}

  void choose(const Setup& setup) override;
  bool overlay_appeared(const Setup& setup) override;

  // The programs for such a rootfs stand in the way of the host's changes: they
  // are attached only as long as they are wanted.
  bool watch_plain(bool wanted, const Setup& setup) override;
  bool may_attach_later() const override {
    return chosen_ == nullptr || !chosen_->plain;
  }

  SensorStatus status() const override;
  // Of those that were attached before, too.
  std::uint64_t missed_runs() const override;

 private:
  using Objects = std::vector<std::unique_ptr<Object>>;

  // All objects of an implementation, or none.
  static tl::expected<Objects, Refusal> attach(const Implementation& one,
                                               const Setup& setup);
  void attach_plain(const Setup& setup);
  void detach(Objects& objects);

  const Ladder& ladder_;
  const Implementation& plain_implementation_;
  Missed missed_;
  const Implementation* chosen_ = nullptr;  // of objects_
  Objects objects_;
  SensorStatus status_;
  bool plain_wanted_ = false;
  Objects plain_;  // one, or none
  SensorAttempt plain_attempt_;
  std::set<FileOp> unseen_;          // by objects_, when it was tried
  std::set<FileOp> plain_unseen_;    // by plain_
  std::uint64_t missed_before_ = 0;  // by objects that are detached again
};

}  // namespace stillframe::sensors
