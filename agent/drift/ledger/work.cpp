// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/drift/ledger/container_drift_impl.h"

namespace stillframe::drift {
namespace {

// A scan that failed is not tried again at once.
constexpr std::uint64_t kRetryNs = 1'000'000'000;
constexpr int kMaxDepth = 4096;

}  // namespace

bool ContainerDrift::Impl::full_ready(std::uint64_t now) const {
  if (dirty.overflowed()) return full_asked || now >= full_not_before;
  return full_due && (full_asked || now >= full_not_before);
}

ScanWork ContainerDrift::Impl::take_work() {
  ScanWork work;
  told.expire(options.clock.boot_ns());
  if (under_way) return work;
  verdicts.refresh();
  const std::uint64_t now = options.clock.boot_ns();
  if (!full_ready(now)) due_parts(now, work);
  if (full_ready(now)) {
    // What was marked is in it, too: the scan begins after the marks.
    dirty.clear();
    work.parts.clear();
    work.full = true;
    full_due = false;
    full_asked = false;
    full_under_way = true;
  }
  under_way = static_cast<bool>(work);
  parts_under_way.clear();
  for (const auto& part : work.parts) {
    parts_under_way.push_back({part.directory, part.inode, part.full, {}});
  }
  return work;
}

void ContainerDrift::Impl::due_parts(std::uint64_t now, ScanWork& work) {
  std::vector<DirtySet::Due> unknown;
  for (auto& due : dirty.take(now)) {
    if (!tree.has_directory(due.directory)) {
      unknown.push_back(std::move(due));
      continue;
    }
    PartialTask task;
    task.directory = tree.path_of(due.directory);
    if (task.directory == "/") task.directory.clear();
    task.inode = due.directory;
    task.full = due.full;
    task.names = std::move(due.names);
    std::erase(task.names, "");  // the directory itself, which is always read
    work.parts.push_back(std::move(task));
  }
  // Directories made since the last scan come with their parent's.
  for (const auto& due : unknown) {
    if (work.parts.empty() && !parent_awaited(due.directory)) {
      full_due = true;
      dirty.put_back(due,
                     std::max(now + DirtySet::kDebounceNs, full_not_before));
    } else {
      dirty.put_back(due, now + DirtySet::kDebounceNs);
    }
  }
}

bool ContainerDrift::Impl::parent_awaited(const InodeId& directory) const {
  InodeId at = directory;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const auto it = born.find(at.ino);
    if (it == born.end()) return false;
    at = it->second.parent;
    if (tree.has_directory(at)) return dirty.has(at);
  }
  return false;
}

bool ContainerDrift::Impl::scan_due() const {
  if (under_way) return false;
  const std::uint64_t now = options.clock.boot_ns();
  const std::uint64_t next = dirty.next();
  return full_ready(now) || (next != 0 && next <= now);
}

std::uint64_t ContainerDrift::Impl::next_work() const {
  if (under_way) return 0;
  std::uint64_t next = dirty.next();
  if (full_due || dirty.overflowed()) {
    const std::uint64_t full =
        full_asked ? 1 : std::max<std::uint64_t>(1, full_not_before);
    next = next == 0 ? full : std::min(next, full);
  }
  // Totals that wait for their turn come with take_work(), too.
  const std::uint64_t now = options.clock.mono_ns();
  if (const auto due = verdicts.due_mono_ns(); verdicts.stale() && due > now) {
    const std::uint64_t turn = options.clock.boot_ns() + (due - now);
    next = next == 0 ? turn : std::min(next, turn);
  }
  return next;
}

void ContainerDrift::Impl::applied(const ScanResult& scan) {
  under_way = full_under_way = false;
  parts_under_way.clear();
  const bool failed = scan.entries.empty();
  scan_complete = scan.complete && !failed;
  scan_trouble = scan.errors.empty() ? "" : scan.errors.front();
  if (!failed) unknowable = scan.unknowable;
  if (scan_complete) {
    last_complete_scan = options.clock.wall_at(scan.started_boot_ns);
  }
  full_not_before =
      options.clock.boot_ns() +
      std::max(DirtySet::kPace * scan.duration_ns, failed ? kRetryNs : 0);
  if (failed) return;
  previous_scan_ns = std::exchange(last_scan_ns, scan.started_boot_ns);
  take_in(tree.apply(scan), scan.started_boot_ns);
  candidates.settle_all(scan.started_boot_ns);
  settle_born(scan.started_boot_ns);
  settle_removed(scan.started_boot_ns);
  if (scan.complete) sweep(scan.started_boot_ns);
  release_held(scan.started_boot_ns, true);
  release_execs();
}

void ContainerDrift::Impl::applied(const PartialResult& part) {
  under_way = false;
  std::vector<PartialTask> tasks;
  tasks.swap(parts_under_way);
  if (part.directories.size() < tasks.size()) {
    full_due = true;
    full_not_before =
        std::max(full_not_before, options.clock.boot_ns() + kRetryNs);
  }
  previous_scan_ns = std::exchange(last_scan_ns, part.started_boot_ns);
  const auto delta = tree.apply(part);
  take_in(delta, part.started_boot_ns);
  for (std::size_t i = 0; i < part.directories.size(); ++i) {
    applied(part.directories[i], i < tasks.size() ? &tasks[i] : nullptr, part);
  }
  for (const Entry* entry : delta.appeared) {
    if (entry->directory()) {
      candidates.settle(entry->inode, part.started_boot_ns);
    }
  }
  settle_born(part.started_boot_ns);
  settle_removed(part.started_boot_ns);
  release_held(part.started_boot_ns, false);
  release_execs();
}

void ContainerDrift::Impl::applied(const PartialResult::Directory& directory,
                                   const PartialTask* task,
                                   const PartialResult& part) {
  const std::uint64_t now = options.clock.boot_ns();
  if (!directory.stale) {
    dirty.scanned(directory.inode, now,
                  part.duration_ns / part.directories.size());
    if (directory.full) {
      candidates.settle(directory.inode, part.started_boot_ns);
    }
    return;
  }
  if (task == nullptr) {
    full_due = true;
  } else if (!tree.has_directory(task->inode)) {
    // Its parent's scan has told that it is gone.
    dirty.drop(task->inode);
    candidates.drop(task->inode);
  } else {
    std::string path = tree.path_of(task->inode);
    if (path == "/") path.clear();
    if (path == task->directory) {
      full_due = true;  // gone from where the tree has it
    } else {
      dirty.mark_full(task->inode, now);
    }
  }
}

// Which of the directories made since are in the tree now, and which were gone
// before anyone looked.
void ContainerDrift::Impl::settle_born(std::uint64_t started) {
  std::vector<InodeId> gone;
  for (auto it = born.begin(); it != born.end();) {
    const InodeId directory{it->first, 0};
    const auto& made = it->second;
    const bool known = tree.has_directory(directory);
    const bool looked = made.boot_ns < started && !dirty.has(made.parent);
    if (!known && looked) gone.push_back(directory);
    it = known || looked ? born.erase(it) : std::next(it);
  }
  for (const auto& directory : gone) {
    dirty.drop(directory);
    candidates.drop(directory);
  }
}

void ContainerDrift::Impl::settle_removed(std::uint64_t started) {
  std::vector<Removed> waiting;
  waiting.swap(removed);
  for (auto& gone : waiting) {
    if (gone.boot_ns >= started || dirty.has(gone.place.inode)) {
      removed.push_back(std::move(gone));
      continue;
    }
    if (tree.find(gone.inode) == nullptr) {
      const Record* r = ledger.find(RecordKey::of_inode(gone.inode));
      if (r != nullptr && r->last_boot_ns <= gone.boot_ns) {
        retire(gone.inode, path_in(gone.place.inode, gone.place.name));
      }
    }
    if (gone.place.name.empty()) continue;
    const Entry* there = tree.find(gone.place.inode, gone.place.name);
    const Record* r = ledger.find(gone.place);
    if (r == nullptr || r->last_boot_ns > gone.boot_ns) continue;
    if (there == nullptr || !there->whiteout) ledger.erase(gone.place);
  }
}

// Records of inodes and whiteouts that a scan of everything did not meet.
void ContainerDrift::Impl::sweep(std::uint64_t started) {
  std::vector<RecordKey> lost;
  ledger.for_each([&](const RecordKey& key, const Record& r) {
    if (!key.inode || r.last_boot_ns >= started) return;
    if (key.name.empty()) {
      if (tree.find(key.inode) == nullptr) lost.push_back(key);
      return;
    }
    const Entry* there = tree.find(key.inode, key.name);
    if (there == nullptr || !there->whiteout) lost.push_back(key);
  });
  for (const auto& key : lost) {
    if (key.name.empty()) {
      retire(key.inode, "");
    } else {
      ledger.erase(key);
    }
  }
}

}  // namespace stillframe::drift
