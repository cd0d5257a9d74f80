// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/dirty_set.h"

#include <algorithm>
#include <limits>

namespace stillframe::drift {

DirtySet::Marks* DirtySet::marks_of(const InodeId& directory,
                                    std::uint64_t now) {
  const auto it = marks_.find(directory.ino);
  if (it != marks_.end()) {
    if (directory.generation != 0) it->second.directory = directory;
    return &it->second;
  }
  if (marks_.size() >= kMaxDirectories) {
    overflowed_ = true;
    return nullptr;
  }
  std::uint64_t due = now + kDebounceNs;
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
  marks.due = due;
  return &marks;
}

void DirtySet::mark(const InodeId& directory, std::string_view name,
                    std::uint64_t now) {
  Marks* marks = marks_of(directory, now);
  if (marks == nullptr || marks->full) return;
  if (!marks->names.contains(name)) marks->names.emplace(name);
  if (marks->names.size() <= kMaxNames) return;
  marks->full = true;
  marks->names.clear();
}

void DirtySet::mark_full(const InodeId& directory, std::uint64_t now) {
  Marks* marks = marks_of(directory, now);
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

std::vector<DirtySet::Due> DirtySet::take(std::uint64_t now) {
  std::vector<Due> due;
  while (!queue_.empty() && queue_.begin()->first <= now) {
    const auto node = marks_.extract(queue_.begin()->second);
    queue_.erase(queue_.begin());
    const auto& marks = node.mapped();
    due.push_back({marks.directory,
                   marks.full,
                   {marks.names.begin(), marks.names.end()}});
  }
  return due;
}

void DirtySet::put_back(const Due& due, std::uint64_t when) {
  const std::uint64_t now = when > kDebounceNs ? when - kDebounceNs : 0;
  if (due.full) {
    mark_full(due.directory, now);
    return;
  }
  for (const auto& name : due.names) mark(due.directory, name, now);
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
  if (it == marks_.end() || it->second.due >= not_before) return;
  queue_.erase({it->second.due, directory.ino});
  it->second.due = not_before;
  queue_.emplace(not_before, directory.ino);
}

std::uint64_t DirtySet::next() const {
  return queue_.empty() ? 0 : std::max<std::uint64_t>(1, queue_.begin()->first);
}

}  // namespace stillframe::drift
