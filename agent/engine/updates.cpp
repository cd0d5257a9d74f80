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
constexpr std::uint64_t kPace = 10;
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
  if (open_.size() >= kMaxOpen) close(open_[0].taken ? 1 : 0);
  Open& open = open_.emplace_back();
  open.update.id = id;
  open.update.tool = run.tool;
  open.update.command = run.command;
  // A process of the host may have been at work on the container's start.
  open.update.started =
      event.actor->session ? std::min(run.start, event.time) : event.time;
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
  if (open.packages.size() >= kMaxPackages || hints_ >= kMaxHints ||
      event.path.size() > kMaxHintPath) {
    return;
  }
  auto hint = drift::package_at(event.path, event.kind);
  if (hint && open.package_files.insert(event.path).second) {
    open.packages.push_back(std::move(*hint));
    ++hints_;
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

std::uint64_t Updates::due_ns(const Open& open, bool scan_due) {
  if (open.taken) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t over =
      open.ended_ns != 0
          ? open.ended_ns + kSettleNs
          : open.last_change_ns + (open.joined ? kOneUpdateNs : kAbandonedNs);
  const std::uint64_t since = std::max(open.ended_ns, open.last_change_ns);
  return scan_due ? std::max(over, since + kSettleAtMostNs) : over;
}

std::optional<Updates::Over> Updates::take_over(std::uint64_t now,
                                                bool scan_due) {
  if (under_way_ || now < not_before_ns_) return std::nullopt;
  for (Open& open : open_) {
    if (now < due_ns(open, scan_due)) continue;
    open.taken = under_way_ = true;
    taken_ns_ = now;
    hints_ -= open.packages.size();
    return Over{open.update.id, std::move(open.packages)};
  }
  return std::nullopt;
}

const Update* Updates::finish(std::uint64_t id,
                              std::vector<PackageChange> packages,
                              std::uint64_t now) {
  const auto open =
      std::find_if(open_.begin(), open_.end(),
                   [&](const Open& one) { return one.update.id == id; });
  if (open == open_.end()) return nullptr;
  if (open->taken) {
    under_way_ = false;
    not_before_ns_ = now + kPace * (now - taken_ns_);
  }
  open->update.packages = std::move(packages);
  close(static_cast<std::size_t>(open - open_.begin()));
  return &past_.back();
}

void Updates::close(std::size_t index) {
  Open& open = open_[index];
  paths_ -= open.paths.size();
  hints_ -= open.packages.size();  // none of one that was taken
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

std::uint64_t Updates::next_ns(bool scan_due) const {
  std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
  if (under_way_) return next;
  for (const Open& open : open_) {
    next = std::min(next, due_ns(open, scan_due));
  }
  return std::max(next, not_before_ns_);
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
