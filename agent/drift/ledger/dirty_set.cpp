// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/dirty_set.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace stillframe::drift {

DirtySet::Marks* DirtySet::marks_of(const InodeId& directory,
                                    std::uint64_t oldest, std::uint64_t latest,
                                    std::uint64_t due) {
  const auto it = marks_.find(directory.ino);
  if (it != marks_.end()) {
    Marks& known = it->second;
    if (directory.generation != 0) known.directory = directory;
    known.oldest = std::min(known.oldest, oldest);
    known.latest = std::max(known.latest, latest);
    put_off(known, std::min(due, known.limit));
    return &known;
  }
  if (marks_.size() >= kMaxDirectories) {
    overflowed_ = true;
    return nullptr;
  }
  const auto paced = not_before_.find(directory.ino);
  if (paced != not_before_.end()) {
    if (paced->second > due) {
      due = paced->second;
    } else {
      not_before_.erase(paced);
    }
  }
  queue_.emplace(due, directory.ino);
  auto& marks = marks_[directory.ino];
  marks.directory = directory;
  marks.oldest = oldest;
  marks.latest = latest;
  marks.due = due;
  marks.limit = due + kMaxPutOffNs;
  return &marks;
}

void DirtySet::put_off(Marks& marks, std::uint64_t due) {
  if (due <= marks.due) return;
  queue_.erase({marks.due, marks.directory.ino});
  marks.due = due;
  queue_.emplace(due, marks.directory.ino);
}

void DirtySet::add(Marks& marks, std::string_view name) {
  if (marks.full) return;
  if (!marks.names.contains(name)) marks.names.emplace(name);
  if (marks.names.size() <= kMaxNames) return;
  marks.full = true;
  marks.names.clear();
}

void DirtySet::mark(const InodeId& directory, std::string_view name,
                    std::uint64_t now) {
  Marks* marks = marks_of(directory, now, now, now + kDebounceNs);
  if (marks != nullptr) add(*marks, name);
}

void DirtySet::mark_full(const InodeId& directory, std::uint64_t now) {
  Marks* marks = marks_of(directory, now, now, now + kDebounceNs);
  if (marks == nullptr) return;
  marks->full = true;
  marks->names.clear();
}

void DirtySet::drop(const InodeId& directory) {
  const auto it = marks_.find(directory.ino);
  if (it == marks_.end()) return;
  queue_.erase({it->second.due, directory.ino});
  marks_.erase(it);
}

void DirtySet::clear() {
  marks_.clear();
  queue_.clear();
  not_before_.clear();
  overflowed_ = false;
}

DirtySet::Due DirtySet::due_of(const Marks& marks) {
  return {marks.directory,
          marks.full,
          {marks.names.begin(), marks.names.end()},
          marks.oldest,
          marks.latest};
}

std::vector<DirtySet::Due> DirtySet::take(std::uint64_t now) {
  std::vector<Due> due;
  while (!queue_.empty() && queue_.begin()->first <= now) {
    const auto node = marks_.extract(queue_.begin()->second);
    queue_.erase(queue_.begin());
    due.push_back(due_of(node.mapped()));
  }
  for (const Due& one : due) {
    if (one.latest + kDebounceNs > now) put_back(one, one.latest + kDebounceNs);
  }
  return due;
}

DirtySet DirtySet::take_all(std::uint64_t now) {
  DirtySet all = std::exchange(*this, {});
  for (const auto& [ino, marks] : all.marks_) {
    const std::uint64_t settled = marks.latest + kDebounceNs;
    if (settled > now) put_back(due_of(marks), settled);
  }
  return all;
}

void DirtySet::put_back(const Due& due, std::uint64_t when) {
  Marks* marks = marks_of(due.directory, due.oldest, due.latest, when);
  if (marks == nullptr) return;
  if (due.full) {
    marks->full = true;
    marks->names.clear();
  }
  for (const auto& name : due.names) add(*marks, name);
}

void DirtySet::absorb(const std::vector<Due>& due, std::uint64_t when) {
  for (const auto& one : due) put_back(one, when);
}

void DirtySet::absorb(DirtySet other, std::uint64_t when) {
  overflowed_ = overflowed_ || other.overflowed_;
  absorb(other.take(std::numeric_limits<std::uint64_t>::max()), when);
}

void DirtySet::scanned(const InodeId& directory, std::uint64_t now,
                       std::uint64_t duration_ns) {
  // Forgetting the pace of some is better than growing without end.
  if (not_before_.size() >= kMaxDirectories) not_before_.clear();
  const std::uint64_t not_before = now + kPace * duration_ns;
  not_before_[directory.ino] = not_before;
  // Marks made while it was being scanned wait as well.
  const auto it = marks_.find(directory.ino);
  if (it != marks_.end()) put_off(it->second, not_before);
}

std::uint64_t DirtySet::next() const {
  return queue_.empty() ? 0 : std::max<std::uint64_t>(1, queue_.begin()->first);
}

std::uint64_t DirtySet::oldest() const {
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [ino, marks] : marks_) {
    oldest = std::min(oldest, marks.oldest);
  }
  return oldest;
}

}  // namespace stillframe::drift
