// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/updates.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace stillframe::engine {
namespace {

// The last changes of a process that has ended may still wait for a scan.
constexpr std::uint64_t kSettleNs = 500'000'000;
constexpr std::uint64_t kSettleAtMostNs = 5'000'000'000;
// An end that was lost: nothing has changed for so long.
constexpr std::uint64_t kAbandonedNs = 3'600'000'000'000;

}  // namespace

Updates::Open* Updates::find(std::uint64_t id) {
  const auto open =
      std::find_if(open_.begin(), open_.end(),
                   [&](const Open& one) { return one.update.id == id; });
  return open == open_.end() ? nullptr : &*open;
}

const Update* Updates::changed(const MutationEvent& event, const Runs::Run& run,
                               std::uint64_t now) {
  const std::uint64_t id = event.actor->update;
  if (Open* open = find(id)) {
    note(*open, event, now);
    return nullptr;
  }
  // What a scan finds later belongs to it, and is no update of its own.
  if (finished_.contains(id)) return nullptr;
  if (open_.size() >= kMaxOpen) close(0);
  Open& open = open_.emplace_back();
  open.update.id = id;
  open.update.tool = run.tool;
  open.update.command = run.command;
  open.update.started = std::min(run.start, event.time);
  open.update.actor = event.actor;
  open.joined = !event.actor->session || run.tool == "ansible";
  const auto end = std::find_if(ends_.begin(), ends_.end(),
                                [&](const End& one) { return one.id == id; });
  if (end != ends_.end() && !open.joined) {
    open.update.ended = end->time;
    open.ended_ns = now;
  }
  note(open, event, now);
  return &open.update;
}

void Updates::note(Open& open, const MutationEvent& event, std::uint64_t now) {
  open.last_change_ns = now;
  const std::size_t hash = std::hash<std::string>()(event.path);
  if (!event.path.empty() && !open.paths.contains(hash)) {
    if (paths_ < kMaxPaths) {
      open.paths.insert(hash);
      ++paths_;
      ++open.update.paths;
    } else {
      open.update.more_paths = true;
    }
  }
  if (open.packages.size() >= kMaxPackages) return;
  auto hint = drift::package_at(event.path, event.kind);
  if (hint && open.package_files.insert(event.path).second) {
    open.packages.push_back(std::move(*hint));
  }
}

void Updates::ended(std::uint64_t id, WallTime time, std::uint64_t now) {
  if (Open* open = find(id)) {
    if (open->ended_ns != 0 || open->joined) return;
    open->update.ended = time;
    open->ended_ns = now;
    return;
  }
  ends_.push_back({id, time});
  if (ends_.size() > kMaxEnds) ends_.pop_front();
}

void Updates::all_ended(WallTime time, std::uint64_t now) {
  for (Open& open : open_) {
    if (open.ended_ns != 0) continue;
    open.update.ended = time;
    open.ended_ns = now;
  }
}

std::uint64_t Updates::due_ns(const Open& open) const {
  if (open.taken) return std::numeric_limits<std::uint64_t>::max();
  if (open.ended_ns != 0) return open.ended_ns + kSettleNs;
  return open.last_change_ns + (open.joined ? kOneUpdateNs : kAbandonedNs);
}

std::optional<Updates::Over> Updates::take_over(std::uint64_t now,
                                                bool scan_due) {
  for (Open& open : open_) {
    if (now < due_ns(open)) continue;
    const std::uint64_t since = std::max(open.ended_ns, open.last_change_ns);
    if (scan_due && now < since + kSettleAtMostNs) continue;
    open.taken = true;
    return Over{open.update.id, std::move(open.packages)};
  }
  return std::nullopt;
}

const Update* Updates::finish(std::uint64_t id,
                              std::vector<PackageChange> packages) {
  const auto open =
      std::find_if(open_.begin(), open_.end(),
                   [&](const Open& one) { return one.update.id == id; });
  if (open == open_.end()) return nullptr;
  open->update.packages = std::move(packages);
  close(static_cast<std::size_t>(open - open_.begin()));
  return &past_.back();
}

void Updates::close(std::size_t index) {
  Open& open = open_[index];
  paths_ -= open.paths.size();
  if (open.update.ended.ns == 0) {
    open.update.ended = wall_from_boottime(open.last_change_ns);
  }
  finished_.insert(open.update.id);
  if (finished_.size() > kMaxFinished) finished_.erase(finished_.begin());
  past_.push_back(std::move(open.update));
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
  if (past_.size() > kMaxPast) past_.pop_front();
}

std::vector<std::uint64_t> Updates::open() const {
  std::vector<std::uint64_t> ids;
  for (const Open& open : open_) ids.push_back(open.update.id);
  return ids;
}

std::uint64_t Updates::next_ns() const {
  std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
  for (const Open& open : open_) next = std::min(next, due_ns(open));
  return next;
}

std::vector<Update> Updates::list() const {
  std::vector<Update> all(past_.begin(), past_.end());
  for (const Open& open : open_) all.push_back(open.update);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.started < b.started;
  });
  return all;
}

}  // namespace stillframe::engine
