// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/files_sensor.h"

#include <cerrno>
#include <string>
#include <vector>

#include "agent/sensors/status.h"

namespace stillframe::sensors {
namespace {

// What came of trying an implementation that is attached. `misses` fails where
// there was no ground to try it on.
SensorAttempt tried(const Implementation& one,
                    const Result<std::set<FileOp>>& misses) {
  if (misses) return accepted(one.name, to_string(*misses));
  SensorAttempt attempt = accepted(one.name, "");
  attempt.meaning = "not tried out: " + misses.error().message;
  attempt.fix = misses.error().code == EPERM
                    ? "run the agent with the right to"
                    : "none needed as long as no container runs on such a "
                      "rootfs";
  return attempt;
}

std::uint64_t missed_by(const std::vector<std::unique_ptr<Object>>& objects) {
  std::uint64_t missed = 0;
  for (const auto& object : objects) missed += object->missed_runs();
  return missed;
}

}  // namespace

tl::expected<FilesSensor::Objects, Refusal> FilesSensor::attach(
    const Implementation& one, const Setup& setup) {
  if (one.besides != nullptr) {
    // So that nothing is loaded in vain where the tracepoints are not there.
    auto possible = Object::possible(*one.besides, setup);
    if (!possible) return tl::unexpected(std::move(possible.error()));
  }
  Objects objects;
  for (const ObjectSpec* spec : {&one.object, one.besides}) {
    if (spec == nullptr) continue;
    auto object = Object::attach(*spec, setup);
    if (!object) return tl::unexpected(std::move(object.error()));
    objects.push_back(*std::move(object));
  }
  return objects;
}

void FilesSensor::choose(const Setup& setup) {
  std::vector<SensorAttempt> attempts;
  Objects best;
  std::size_t best_attempt = 0;
  std::set<FileOp> fewest;
  chosen_ = nullptr;
  for (const Implementation& one : ladder_.implementations) {
    auto objects = attach(one, setup);
    if (!objects) {
      attempts.push_back(refused(one.name, objects.error()));
      continue;
    }
    const auto misses = missed_(TrialGround::overlay);
    attempts.push_back(tried(one, misses));
    attempts.back().in_use = false;
    if (one.by_scan != nullptr && attempts.back().meaning.empty()) {
      attempts.back().meaning = std::string(one.by_scan) +
                                ": only scans find them, without the actor";
      attempts.back().fix =
          "use a kernel with the ctime tracepoints (since 6.13)";
    }
    auto unseen = misses.value_or(std::set<FileOp>{});
    if (chosen_ == nullptr || unseen.size() < fewest.size()) {
      fewest = std::move(unseen);
      best = *std::move(objects);
      chosen_ = &one;
      best_attempt = attempts.size() - 1;
    }
    if (fewest.empty()) break;
  }
  if (chosen_ != nullptr) attempts[best_attempt].in_use = true;
  detach(objects_);
  objects_ = std::move(best);
  unseen_ = std::move(fewest);
  status_ = status_of(ladder_, std::move(attempts));
  attach_plain(setup);
}

bool FilesSensor::overlay_appeared(const Setup& setup) {
  choose(setup);
  return true;
}

bool FilesSensor::watch_plain(bool wanted, const Setup& setup) {
  if (wanted == plain_wanted_) return false;
  plain_wanted_ = wanted;
  attach_plain(setup);
  return chosen_ == nullptr || !chosen_->plain;
}

void FilesSensor::attach_plain(const Setup& setup) {
  detach(plain_);
  plain_unseen_.clear();
  if (chosen_ != nullptr && chosen_->plain) return;
  const Implementation& one = plain_implementation_;
  plain_attempt_ = {one.name, false, "",
                    "not attached: every container's rootfs is an overlay", ""};
  if (!plain_wanted_) return;
  auto object = Object::attach(one.object, setup);
  if (!object) {
    plain_attempt_ = refused(one.name, object.error());
    return;
  }
  plain_.push_back(*std::move(object));
  const auto misses = missed_(TrialGround::directory);
  plain_attempt_ = tried(one, misses);
  plain_unseen_ = misses.value_or(std::set<FileOp>{});
}

void FilesSensor::detach(Objects& objects) {
  missed_before_ += missed_by(objects);
  objects.clear();
}

std::uint64_t FilesSensor::missed_runs() const {
  return missed_before_ + missed_by(objects_) + missed_by(plain_);
}

SensorStatus FilesSensor::status() const {
  SensorStatus status = status_;
  const bool sees_plain = chosen_ != nullptr && chosen_->plain;
  if (!sees_plain) status.tried.push_back(plain_attempt_);
  if (chosen_ == nullptr) return status;
  std::set<FileOp> unseen = unseen_;
  unseen.insert(plain_unseen_.begin(), plain_unseen_.end());
  for (const FileOp op : unseen) status.by_scan.push_back(to_string({op}));
  if (!sees_plain && plain_wanted_ && plain_.empty()) {
    status.by_scan.emplace_back(plain_implementation_.by_scan);
  }
  if (chosen_->by_scan != nullptr)
    status.by_scan.emplace_back(chosen_->by_scan);
  return status;
}

}  // namespace stillframe::sensors
