// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/scan_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace stillframe::drift {
namespace {

// Large files that one scan reads on in.
constexpr std::size_t kFilesRead = 4;

}  // namespace

void ScanPlan::mark(const InodeId& directory, std::string_view name,
                    std::uint64_t boot_ns) {
  dirty_.mark(directory, name, boot_ns);
}

void ScanPlan::mark_all(const InodeId& directory, std::uint64_t boot_ns) {
  dirty_.mark_full(directory, boot_ns);
}

void ScanPlan::request_full() {
  full_due_ = true;
  full_asked_ = true;
}

void ScanPlan::request_thorough() {
  request_full();
  thorough_ = true;
}

void ScanPlan::missed() {
  full_due_ = true;
  full_asked_ = full_asked_ || last_asked_;
  thorough_ = true;
  complete_ = false;
}

bool ScanPlan::full_ready(std::uint64_t now) const {
  if (!full_due_ && !dirty_.overflowed()) return false;
  return full_asked_ || now >= full_not_before_;
}

ScanWork ScanPlan::take_work() {
  ScanWork work;
  if (under_way_) return work;
  taken_ = {};
  const std::uint64_t now = clock_.boot_ns();
  take_later(now);
  if (!full_ready(now)) take_parts(now, work);
  if (full_ready(now)) {
    // What was marked is in it, too: the scan begins after the marks.
    dirty_.absorb(std::exchange(taken_.parts, {}), now);
    taken_.places.clear();
    work.parts.clear();
    work.full = true;
    if (dirty_.overflowed()) need_full_later(now);
    taken_.marks = dirty_.take_all(now);
    taken_.asked = std::exchange(full_asked_, false);
    taken_.thorough = work.thorough = std::exchange(thorough_, false);
    full_due_ = false;
  }
  if (!work.full) take_reading(now, work);
  under_way_ = static_cast<bool>(work);
  return work;
}

bool ScanPlan::reading_ready(std::uint64_t now) const {
  return now >= reading_not_before_ && !tree_.reading(1).empty();
}

// Large files are compared on and on, a part each time, and a tenth of the time
// at most: whoever waits for other scans hardly notices.
void ScanPlan::take_reading(std::uint64_t now, ScanWork& work) {
  if (!reading_ready(now)) return;
  UpperTree::Paths paths(tree_);
  for (const Entry* entry : tree_.reading(kFilesRead)) {
    PartialTask task;
    task.directory = paths.of(entry->parent);
    task.inode = entry->parent;
    task.names = {entry->name};
    work.parts.push_back(std::move(task));
  }
}

void ScanPlan::pace_reading(std::uint64_t duration_ns) {
  reading_not_before_ = clock_.boot_ns() + DirtySet::kPace * duration_ns;
}

void ScanPlan::take_later(std::uint64_t now) {
  while (auto due = later_.take(now)) {
    dirty_.absorb(std::move(due->marks), now);
    full_due_ = full_due_ || due->everything;
  }
}

void ScanPlan::take_parts(std::uint64_t now, ScanWork& work) {
  std::vector<DirtySet::Due> unknown;
  UpperTree::Paths paths(tree_);
  for (auto& due : dirty_.take(now)) {
    if (!tree_.has_directory(due.directory)) {
      unknown.push_back(std::move(due));
      continue;
    }
    PartialTask task;
    task.directory = paths.of(due.directory);
    task.inode = due.directory;
    task.full = due.full;
    task.names = due.names;
    std::erase(task.names, "");  // the directory itself, which is always read
    taken_.places.push_back(task.directory);
    taken_.parts.push_back(std::move(due));
    work.parts.push_back(std::move(task));
  }
  // Directories made since the last scan come with their parent's.
  for (const auto& due : unknown) {
    const InodeId above = directories_.known_above(due.directory);
    const bool awaited = above && dirty_.has(above);
    if (work.parts.empty() && !awaited) {
      full_due_ = true;
      dirty_.put_back(due,
                      std::max(now + DirtySet::kDebounceNs, full_not_before_));
    } else {
      dirty_.put_back(due, now + DirtySet::kDebounceNs);
    }
  }
}

bool ScanPlan::due() const {
  if (under_way_) return false;
  const std::uint64_t now = clock_.boot_ns();
  const auto passed = [now](std::uint64_t when) {
    return when != 0 && when <= now;
  };
  return full_ready(now) || passed(dirty_.next()) || passed(later_.next()) ||
         reading_ready(now);
}

std::uint64_t ScanPlan::next_boot_ns() const {
  if (under_way_) return 0;
  std::uint64_t full = 0;
  if (full_due_ || dirty_.overflowed()) {
    full = full_asked_ ? 1 : std::max<std::uint64_t>(1, full_not_before_);
  }
  std::uint64_t reading = 0;
  if (!tree_.reading(1).empty()) {
    reading = std::max<std::uint64_t>(1, reading_not_before_);
  }
  std::uint64_t next = 0;
  for (const std::uint64_t when :
       {full, dirty_.next(), later_.next(), reading}) {
    if (when != 0 && (next == 0 || when < next)) next = when;
  }
  return next;
}

bool ScanPlan::accept(const ScanResult& scan) {
  under_way_ = false;
  Taken taken = std::exchange(taken_, {});
  last_asked_ = taken.asked;
  const std::uint64_t now = clock_.boot_ns();
  if (scan.stopped) {
    full_due_ = true;
    full_asked_ = full_asked_ || taken.asked;
    thorough_ = thorough_ || taken.thorough;
    dirty_.absorb(std::move(taken.marks), now);
    return false;
  }
  const bool failed = scan.entries.empty();
  complete_ = scan.complete && !failed;
  full_trouble_ = scan.errors.empty() ? "" : text_of(scan.errors.front());
  std::uint64_t wait = DirtySet::kPace * scan.duration_ns;
  if (complete_) {
    full_retry_.reset();
    // It has looked at what a part could not read.
    part_retry_.reset();
    part_trouble_.clear();
    last_complete_ = clock_.wall_at(scan.started_boot_ns);
  } else {
    // What was marked has perhaps not been seen.
    wait = std::max(wait, full_retry_.next());
    full_due_ = true;
    dirty_.absorb(std::move(taken.marks), now);
  }
  full_not_before_ = now + wait;
  pace_reading(scan.duration_ns);
  if (failed) return false;
  unknowable_ = scan.unknowable;
  previous_start_ = std::exchange(last_start_, scan.started_boot_ns);
  return true;
}

bool ScanPlan::accept(const PartialResult& part) {
  under_way_ = false;
  last_asked_ = false;
  const std::uint64_t now = clock_.boot_ns();
  if (part.stopped) {
    dirty_.absorb(std::exchange(taken_, {}).parts, now);
    return false;
  }
  pace_reading(part.duration_ns);
  const bool short_of =
      !part.enough && part.directories.size() < taken_.parts.size();
  if (short_of || !part.complete) {
    part_trouble_ = part.errors.empty() ? "a directory could not be scanned"
                                        : text_of(part.errors.front());
    const std::uint64_t pause = part_retry_.next();
    dirty_.absorb(taken_.parts, now + pause);
    reading_not_before_ = std::max(reading_not_before_, now + pause);
  } else if (part_retry_.failing()) {
    // What vanished in the meantime was kept: a look at everything settles it.
    part_retry_.reset();
    part_trouble_.clear();
    full_due_ = true;
  }
  if (part.directories.empty()) return false;
  previous_start_ = std::exchange(last_start_, part.started_boot_ns);
  return true;
}

ScanPlan::Settled ScanPlan::settle(const PartialResult& part) {
  Settled out;
  const std::uint64_t now = clock_.boot_ns();
  for (std::size_t i = 0; i < part.directories.size(); ++i) {
    const auto& directory = part.directories[i];
    if (directory.stale) {
      settle_stale(i, out);
      continue;
    }
    if (i >= taken_.parts.size()) continue;  // of files that are read on
    dirty_.scanned(directory.inode, now,
                   part.duration_ns / part.directories.size());
    if (directory.full && !part_retry_.failing()) {
      out.listed.push_back(directory.inode);
    }
  }
  if (part.enough) put_back_from(part.directories.size(), now);
  for (const InodeId& directory : part.later) {
    const std::uint64_t seen = part.started_boot_ns;
    dirty_.put_back({directory, true, {}, seen, seen}, now);
  }
  taken_ = {};
  return out;
}

// Those that were left for the next part.
void ScanPlan::put_back_from(std::size_t first, std::uint64_t now) {
  for (std::size_t i = first; i < taken_.parts.size(); ++i) {
    dirty_.put_back(taken_.parts[i], now);
  }
}

void ScanPlan::settle_stale(std::size_t index, Settled& out) {
  if (index >= taken_.parts.size()) {
    full_due_ = true;
    return;
  }
  const InodeId inode = taken_.parts[index].directory;
  if (!tree_.has_directory(inode)) {
    // Its parent's scan has shown that it is gone.
    dirty_.drop(inode);
    out.gone.push_back(inode);
    return;
  }
  const SharedPath path = UpperTree::Paths(tree_).of(inode);
  if (taken_.places[index] == path.text()) {
    full_due_ = true;  // gone from where the tree has it
  } else {
    dirty_.mark_full(inode, clock_.boot_ns());
  }
}

bool ScanPlan::pending(const InodeId& directory) const {
  return dirty_.has(directory);
}

bool ScanPlan::any_pending() const {
  return full_due_ || under_way_ || !dirty_.empty();
}

bool ScanPlan::looked_at(const InodeId& directory) const {
  return !failing() && !full_due_ && !dirty_.overflowed() &&
         !dirty_.has(directory);
}

bool ScanPlan::failing() const { return !complete_ || part_retry_.failing(); }

bool ScanPlan::up_to_date() const {
  return complete_ && !any_pending() && !part_retry_.failing() &&
         unknowable_.empty();
}

std::string ScanPlan::why_not_complete() const {
  if (complete_) return part_retry_.failing() ? part_trouble_ : unknowable_;
  if (!full_trouble_.empty()) return full_trouble_;
  if (last_start_ == 0) return "the rootfs has not been scanned yet";
  return "the latest scan did not see the full rootfs";
}

std::vector<std::string> ScanPlan::trouble() const {
  std::vector<std::string> out;
  for (const auto* one : {&full_trouble_, &part_trouble_, &unknowable_}) {
    if (!one->empty()) out.push_back(*one);
  }
  return out;
}

}  // namespace stillframe::drift
