// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/files_sensor.h"

#include <string>
#include <vector>

#include "agent/sensors/ladder.h"
#include "agent/sensors/status.h"

namespace stillframe::sensors {

void FilesSensor::choose(const Setup& setup) {
  std::vector<SensorAttempt> attempts;
  std::unique_ptr<Object> best;
  const Rung* best_rung = nullptr;
  std::size_t best_attempt = 0;
  std::size_t fewest = SF_OP_COUNT;
  for (const Rung& rung : files().rungs) {
    auto object = Object::attach(rung.object, setup);
    if (!object) {
      attempts.push_back(refused(rung.implementation, object.error()));
      continue;
    }
    const auto unseen = missed_(TrialGround::overlay);
    const std::set<FileOp> misses = unseen.value_or(std::set<FileOp>{});
    attempts.push_back(accepted(rung.implementation, to_string(misses)));
    attempts.back().in_use = false;
    if (!unseen) {
      attempts.back().meaning =
          "not tried out: no overlay can be mounted here now";
      attempts.back().cure =
          "nothing, as long as no container runs on an overlay";
    }
    if (misses.size() < fewest) {
      fewest = misses.size();
      best = std::move(*object);
      best_rung = &rung;
      best_attempt = attempts.size() - 1;
    }
    if (fewest == 0) break;
  }
  if (best) attempts[best_attempt].in_use = true;
  detach(object_);
  object_ = std::move(best);
  status_ = status_of(files(), std::move(attempts));
  sees_whole_ = best_rung != nullptr && best_rung->whole;
  attach_whole(setup);
}

bool FilesSensor::watch_whole(bool wanted, const Setup& setup) {
  if (wanted == whole_wanted_) return false;
  whole_wanted_ = wanted;
  attach_whole(setup);
  return !sees_whole_;
}

void FilesSensor::attach_whole(const Setup& setup) {
  detach(whole_);
  if (sees_whole_) return;
  const Rung& rung = whole_files();
  whole_attempt_ = {rung.implementation, false, "",
                    "not attached: every container's rootfs is an overlay", ""};
  if (!whole_wanted_) return;
  auto object = Object::attach(rung.object, setup);
  if (!object) {
    whole_attempt_ = refused(rung.implementation, object.error());
    return;
  }
  whole_ = std::move(*object);
  const auto misses = missed_(TrialGround::directory);
  whole_attempt_ =
      accepted(rung.implementation,
               misses ? to_string(*misses) : "anything (it was not tried)");
}

void FilesSensor::detach(std::unique_ptr<Object>& object) {
  if (object) missed_before_ += object->missed_runs();
  object.reset();
}

std::uint64_t FilesSensor::missed_runs() const {
  std::uint64_t missed = missed_before_;
  for (const auto* object : {&object_, &whole_}) {
    if (*object) missed += (*object)->missed_runs();
  }
  return missed;
}

SensorStatus FilesSensor::status() const {
  SensorStatus status = status_;
  if (!sees_whole_) status.tried.push_back(whole_attempt_);
  return status;
}

}  // namespace stillframe::sensors
