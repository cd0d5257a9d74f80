// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/files_sensor.h"

#include <string>
#include <vector>

#include "agent/sensors/ladder.h"
#include "agent/sensors/status.h"

namespace stillframe::sensors {
namespace {

// What came of trying an implementation that is attached. `misses`: nothing if
// it could not be tried, since there was no `ground` to try it on.
SensorAttempt tried(const Rung& rung,
                    const std::optional<std::set<FileOp>>& misses,
                    const std::string& ground) {
  if (misses) return accepted(rung.implementation, to_string(*misses));
  SensorAttempt attempt = accepted(rung.implementation, "");
  attempt.meaning = "not tried out: no " + ground + " can be mounted here now";
  attempt.fix = "nothing, as long as no container runs on one";
  return attempt;
}

}  // namespace

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
    const auto misses = missed_(TrialGround::overlay);
    attempts.push_back(tried(rung, misses, "overlay"));
    attempts.back().in_use = false;
    const std::size_t unseen = misses ? misses->size() : 0;
    if (unseen < fewest) {
      fewest = unseen;
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
  if (best_rung != nullptr && best_rung->by_scan != nullptr) {
    status_.by_scan.emplace_back(best_rung->by_scan);
    if (status_.reason.empty()) {
      status_.reason = std::string(best_rung->by_scan) +
                       ": only scans find them, without the actor";
      status_.fix = "use a kernel with the ctime tracepoints (since 6.13)";
    }
  }
  sees_plain_ = best_rung != nullptr && best_rung->plain;
  attach_plain(setup);
}

bool FilesSensor::watch_plain(bool wanted, const Setup& setup) {
  if (wanted == plain_wanted_) return false;
  plain_wanted_ = wanted;
  attach_plain(setup);
  return !sees_plain_;
}

void FilesSensor::attach_plain(const Setup& setup) {
  detach(plain_);
  if (sees_plain_) return;
  const Rung& rung = plain_files();
  plain_attempt_ = {rung.implementation, false, "",
                    "not attached: every container's rootfs is an overlay", ""};
  if (!plain_wanted_) return;
  auto object = Object::attach(rung.object, setup);
  if (!object) {
    plain_attempt_ = refused(rung.implementation, object.error());
    return;
  }
  plain_ = std::move(*object);
  plain_attempt_ = tried(rung, missed_(TrialGround::directory), "directory");
}

void FilesSensor::detach(std::unique_ptr<Object>& object) {
  if (object) missed_before_ += object->missed_runs();
  object.reset();
}

std::uint64_t FilesSensor::missed_runs() const {
  std::uint64_t missed = missed_before_;
  for (const auto* object : {&object_, &plain_}) {
    if (*object) missed += (*object)->missed_runs();
  }
  return missed;
}

SensorStatus FilesSensor::status() const {
  SensorStatus status = status_;
  if (!sees_plain_) status.tried.push_back(plain_attempt_);
  return status;
}

}  // namespace stillframe::sensors
