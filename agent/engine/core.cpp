// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/core.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "agent/base/file.h"
#include "agent/base/inode_identity.h"
#include "agent/base/log.h"
#include "agent/containers/mountinfo.h"
#include "agent/engine/unclaimed.h"

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMillisecond;
constexpr unsigned kResolveTries = 5;

std::uint64_t to_ns(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(time.count()) * kMillisecond;
}

// Files are stamped by a clock that ticks: what was made just now may look this
// much older (HZ=100).
constexpr std::int64_t kTickNs = 10'000'000;

// Of a rootfs that is no overlay: since when it is its own. A copy of the
// image's is its own once it is complete, anything else once the container
// lives.
WallTime start_of(const ContainerRecord& record, std::uint64_t live_since_ns) {
  if (!record.layers.plain) return {};
  if (!record.layers.lower.empty()) return record.info.created;
  if (live_since_ns != 0) {
    return {wall_from_boottime(live_since_ns).ns - kTickNs};
  }
  if (record.init_start_ns == 0) return {};
  return wall_from_boottime(record.init_start_ns);
}

// Overlays that are the host's own root: writes there are the host's business.
std::vector<std::string> host_overlays() {
  std::vector<std::string> uppers;
  const auto text = read_file("/proc/self/mountinfo", 16u << 20);
  if (!text) return uppers;
  const auto mounts = containers::parse_mountinfo(*text);
  const auto* root = containers::mount_at(mounts, "/");
  if (root != nullptr && root->type == "overlay") {
    uppers.push_back(
        containers::overlay_unescape(containers::parse_overlay(*root).upper));
  }
  return uppers;
}

}  // namespace

Core::Core(CoreOptions options, sensors::Sensors& sensors,
           const containers::Finder& finder, ScanWorker& scans,
           EventLog& events)
    : options_(std::move(options)),
      sensors_(sensors),
      finder_(finder),
      scans_(scans),
      events_(events) {
  use_policy(options_.policy ? options_.policy
                             : std::make_shared<const policy::Policy>());
}

Core::~Core() {
  for (const auto& watched : all_) {
    if (watched->drift) static_cast<void>(watched->drift->flush());
  }
}

std::string Core::state_file(const std::string& id) const {
  return container_file(id, ".jsonl");
}

std::string Core::inventory_file(const std::string& id) const {
  return container_file(id, ".inventory");
}

std::string Core::container_file(const std::string& id,
                                 std::string_view kind) const {
  // Ids are hex with every runtime we know; a free-form one is untrusted.
  std::string name;
  for (const char c : id.substr(0, 128)) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '_' || c == '-') {
      name += c;
    } else {
      name += fmt::format("%{:02x}", byte);
    }
  }
  return options_.state_dir + "/containers/" + name + std::string(kind);
}

void Core::discover() {
  for (const std::string& upper : host_overlays()) {
    if (const auto root = upper_root_of(upper)) {
      sensors_.ignore_root(*root);
    }
  }
  for (auto& record : finder_.running()) adopt(std::move(record), 0);
  for (auto& record : finder_.stopped()) adopt(std::move(record), 0);
  for (const auto& watched : all_) {
    watched->awaited = watched->drift != nullptr;
    if (watched->awaited) ++unscanned_;
  }
  next_reconcile_ns_ = boottime_now_ns() + to_ns(options_.scan_interval);
}

void Core::equip(Watched& watched) {
  const auto& record = watched.record;
  if (watched.drift || !record.root || record.layers.empty()) return;
  const UpperRoot root = record.root;
  watched.drift = std::make_shared<drift::ContainerDrift>(
      record, policy_,
      [this, &watched](const MutationEvent& event) {
        published(watched, event);
      },
      drift::ContainerDrift::Options{.state_file = state_file(record.info.id)});
  watched.scanner = std::make_shared<drift::Scanner>(
      record.layers,
      [this, root](const InodeId& inode, bool) {
        sensors_.add_inode(root, inode);
      },
      drift::ScanLimits{},
      drift::Scanner::Start{watched.since, inventory_file(record.info.id)});
  for (const auto& line : watched.drift->trouble()) {
    log_warn("a container's kept state was damaged: rebuilding it by a scan",
             {{"container", record.info.id}, {"what", line}});
    events_.agent("state_damaged", line);
  }
}

void Core::register_running(Watched& watched) {
  const auto& record = watched.record;
  const auto members = finder_.members(record);
  std::unordered_map<std::uint32_t, const containers::Finder::Member*> by_pid;
  for (const auto& member : members) by_pid[member.pid] = &member;
  for (const auto& member : members) {
    std::uint64_t session = 0;
    if (!member.from_init) {
      const auto leader = by_pid.find(member.session_leader);
      const auto& first = leader == by_pid.end() ? member : *leader->second;
      session = first.start_ns / 1000;
      actors_.add_session({session, member.first_cmd, "", 0,
                           wall_from_boottime(first.start_ns)});
    }
    sensors_.follow(member.pid, record.cgroup, session,
                    member.pid == record.init_pid,
                    member.pid == member.session_leader);
  }
  for (const std::uint64_t cgroup : finder_.cgroups(record)) {
    watched.cgroups.insert(cgroup);
    by_cgroup_[cgroup] = &watched;
    sensors_.add_cgroup(cgroup, record.root, record.init_pid,
                        cgroup != record.cgroup);
  }
}

// Whether another container has the same directory for its rootfs. One that is
// gone by now is taken off first.
bool Core::taken(const ContainerRecord& record) {
  if (!record.layers.plain) return false;
  Watched* other = find(record.root, 0);
  if (other == nullptr || other->record.info.id == record.info.id) return false;
  other->next_check_ns = 0;
  check_existence(*other, boottime_now_ns());
  return find(record.root, 0) != nullptr;
}

Watched* Core::adopt(ContainerRecord record, std::uint64_t live_since_ns) {
  if (taken(record)) {
    record.trouble.push_back("its rootfs is another container's, too: " +
                             record.layers.upper);
    record.root = {};
    record.layers = {};
  }
  Watched* watched = record.root ? find(record.root, 0) : nullptr;
  if (watched == nullptr) {
    const auto same =
        std::find_if(all_.begin(), all_.end(), [&](const WatchedPtr& other) {
          return other->record.info.id == record.info.id;
        });
    if (same != all_.end()) {
      watched = same->get();
      if (record.root && watched->record.root &&
          watched->record.root != record.root) {
        // The same id with another rootfs: bare runc's ids are free to reuse.
        gone(*watched);
        watched = nullptr;
      }
    }
  }
  const bool fresh = watched == nullptr;
  if (fresh) {
    all_.push_back(std::make_shared<Watched>());
    watched = all_.back().get();
  }
  for (const auto& line : record.trouble) {
    ++stats_.metadata_errors;
    log_warn("a container's metadata could not be read",
             {{"container", record.info.id}, {"what", line}});
  }
  watched->record = std::move(record);
  const auto& now = watched->record;
  const bool plain = now.layers.plain;
  if (now.root) by_root_[now.root] = watched;
  if (!watched->drift) watched->since = start_of(now, live_since_ns);
  equip(*watched);
  changed_ = true;
  if (live_since_ns != 0 && fresh) {
    events_.lifecycle(now.info, Lifecycle::created,
                      now.info.created.ns != 0
                          ? now.info.created
                          : wall_from_boottime(live_since_ns));
  }
  if (now.running()) {
    watched->running = true;
    watched->started = wall_from_boottime(
        live_since_ns != 0 ? live_since_ns : now.init_start_ns);
    watched->cgroups.insert(now.cgroup);
    by_cgroup_[now.cgroup] = watched;
    if (live_since_ns == 0) {
      // Else the kernel has done so itself, and may have seen the end by now.
      if (now.root) sensors_.add_root(now.root, true, plain, watched->since);
      register_running(*watched);
    }
    if (watched->drift) watched->drift->started(now, live_since_ns);
    if (live_since_ns != 0) {
      events_.lifecycle(now.info, Lifecycle::live,
                        wall_from_boottime(live_since_ns));
    }
    replaced(
        replacements_.live(
            now.info, live_since_ns != 0 ? live_since_ns : now.init_start_ns),
        watched->started);
  } else {
    if (now.root) sensors_.add_root(now.root, false, plain, watched->since);
    replacements_.found_stopped(now.info);
  }
  if (fresh) {
    // A name is free again only when its last owner is gone.
    for (const auto& other : all_) {
      if (other.get() != watched && other->record.info.name == now.info.name) {
        other->next_check_ns = 0;
      }
    }
  }
  watched->next_full_scan_ns =
      boottime_now_ns() + to_ns(options_.scan_interval);
  if (watched->drift) {
    claim(*watched);
    watched->drift->request_full_scan();
    meet_environment(*watched);
  }
  log_info(live_since_ns != 0 ? "a container began to live"
                              : "a container was taken in",
           {{"id", now.info.id},
            {"name", now.info.name},
            {"runtime", now.info.runtime},
            {"running", now.running()},
            {"rootfs", now.layers.empty() ? std::string("not found")
                                          : now.layers.upper}});
  return watched;
}

void Core::stopped(Watched& watched, std::uint64_t boot_ns) {
  if (!watched.running) return;
  watched.running = false;
  watched.exited_ns = boot_ns;
  watched.next_check_ns = 0;
  watched.record.init_pid = 0;
  leave_environment(watched);
  if (watched.drift) watched.drift->stopped(boot_ns);
  replacements_.exited(watched.record.info, boot_ns);
  events_.lifecycle(watched.record.info, Lifecycle::exited,
                    wall_from_boottime(boot_ns));
  changed_ = true;
}

void Core::gone(Watched& watched) {
  ContainerView view = view_of(watched);
  view.running = false;
  view.gone = true;
  const WallTime now = wall_now();
  if (view.first_mutation.ns != 0) {
    tally_.mutated_lifetime(
        static_cast<double>(now.ns - view.first_mutation.ns) / 1e9);
  }
  events_.lifecycle(watched.record.info, Lifecycle::removed, now);
  replaced(replacements_.removed(watched.record.info, boottime_now_ns()), now);
  departed_.emplace_back(boottime_now_ns() + to_ns(options_.metrics_grace),
                         std::move(view));
  if (watched.record.root) {
    sensors_.remove_root(watched.record.root);
    by_root_.erase(watched.record.root);
  }
  std::erase_if(by_cgroup_,
                [&](const auto& item) { return item.second == &watched; });
  leave_environment(watched);
  if (watched.drift) watched.drift->forget();
  if (watched.record.layers.plain) {
    ::unlink(inventory_file(watched.record.info.id).c_str());
  }
  scanned(watched);
  for (auto& waiter : watched.waiters) waiter.done();
  std::erase_if(all_,
                [&](const WatchedPtr& item) { return item.get() == &watched; });
  changed_ = true;
}

void Core::replaced(const std::optional<Replacement>& replacement,
                    WallTime time) {
  if (!replacement) return;
  const auto& [before, after, image_changed] = *replacement;
  tally_.replacement(after, image_changed);
  events_.lifecycle(
      before, Lifecycle::replaced, time, std::nullopt,
      fmt::format("{} ({}) -> {} ({}), {}", before.id, before.image, after.id,
                  after.image, image_changed ? "new image" : "same image"));
}

// The first scan of a container that was there when the agent started is done,
// or never will be.
void Core::scanned(Watched& watched) {
  if (!watched.awaited) return;
  watched.awaited = false;
  --unscanned_;
}

void Core::retry_unresolved(std::uint64_t now) {
  if (unresolved_.empty() || now < next_retry_ns_) return;
  std::deque<std::pair<LiveObservation, unsigned>> again;
  again.swap(unresolved_);
  for (auto& [seen, tries] : again) {
    if (auto record = finder_.resolve(seen)) {
      on(seen);
    } else if (tries < kResolveTries) {
      unresolved_.emplace_back(std::move(seen), tries + 1);
    } else {
      log_debug("not a container",
                {{"cgroup", seen.cgroup_name}, {"error", record.error()}});
      sensors_.remove_cgroup(seen.process.cgroup);
      if (seen.root) sensors_.remove_root(seen.root);
      unclaimed_.erase(seen.root);
    }
  }
  next_retry_ns_ = now + 200 * kMillisecond;
}

void Core::check_existence(Watched& watched, std::uint64_t now) {
  if (watched.running || now < watched.next_check_ns) return;
  if (!finder_.exists(watched.record).value_or(true)) {
    gone(watched);
    return;
  }
  // A runtime told to remove it does so right after the exit, or much later.
  const std::uint64_t since = now - watched.exited_ns;
  watched.next_check_ns = now + (since < 2 * kSecond    ? kSecond / 5
                                 : since < 30 * kSecond ? kSecond
                                                        : 10 * kSecond);
}

void Core::check_losses(std::uint64_t now) {
  if (now < next_loss_check_ns_) return;
  next_loss_check_ns_ = now + kSecond;
  const auto counters = sensors_.counters();
  if (counters.suppressed != stats_.suppressed ||
      counters.lost != stats_.lost) {
    changed_ = true;
  }
  stats_.suppressed = counters.suppressed;
  stats_.lost = counters.lost;
  // Of these nobody knows whose they were. What the other reasons stand for
  // concerns single files, which the next regular scan looks at.
  std::uint64_t lost = 0;
  for (const char* reason : {"ringbuf_full", "roots_full", "cgroups_full"}) {
    const auto it = counters.lost.find(reason);
    if (it != counters.lost.end()) lost += it->second;
  }
  // One event here and there: who was seen is still who did it.
  if (const std::uint64_t missed = counters.lost.at("program_busy");
      missed != missed_before_ && now >= next_loss_scan_ns_) {
    missed_before_ = missed;
    next_loss_scan_ns_ = now + 10 * kSecond;
    next_reconcile_ns_ = now;  // a container's beginning may be among them
    for (const auto& watched : all_) {
      if (watched->drift) watched->drift->request_full_scan();
    }
  }
  // A flood that goes on must not have us scan all the time.
  if (lost == lost_before_ || now < next_loss_scan_ns_) return;
  next_loss_scan_ns_ = now + 10 * kSecond;
  events_.agent("events_lost",
                fmt::format("{} more events were lost: scanning all containers",
                            lost - lost_before_));
  log_warn("events were lost: scanning all containers",
           {{"count", lost - lost_before_},
            {"hint", "see stillframe_events_lost_total for the reason"}});
  lost_before_ = lost;
  next_reconcile_ns_ = now;
  for (const auto& watched : all_) {
    if (watched->drift) watched->drift->lost(now);
  }
}

void Core::reconcile(std::uint64_t now) {
  if (now < next_reconcile_ns_) return;
  next_reconcile_ns_ = now + to_ns(options_.scan_interval);
  if (sensors_.reconsider()) changed_ = true;
  for (auto& record : finder_.running()) {
    Watched* known = find(record.root, record.cgroup);
    if (known == nullptr || !known->running) adopt(std::move(record), 0);
  }
  for (auto& record : finder_.stopped()) {
    if (find(record.root, 0) == nullptr) adopt(std::move(record), 0);
  }
  for (const auto& watched : std::vector<WatchedPtr>(all_)) {
    if (watched->running) {
      struct stat st{};
      const auto proc = fmt::format("/proc/{}", watched->record.init_pid);
      if (::stat(proc.c_str(), &st) != 0) stopped(*watched, now);
    }
    if (auto info = finder_.refresh(watched->record)) {
      if (info->name != watched->record.info.name) changed_ = true;
      watched->record.info = *info;
      if (watched->drift) watched->drift->set_info(*info);
    }
  }
  if (!any_plain() && sensors_.watch_plain(false)) changed_ = true;
  std::erase_if(unclaimed_, [&](const auto& item) {
    if (now - item.second->since_ns <= Unclaimed::kPatienceNs) return false;
    sensors_.remove_root(item.first);  // an image build's, for one
    return true;
  });
  // Bursts and large answers leave memory that the allocator would keep.
  ::malloc_trim(0);
}

bool Core::any_plain() const {
  return std::any_of(all_.begin(), all_.end(), [](const WatchedPtr& watched) {
    return watched->record.layers.plain;
  });
}

void Core::turn() {
  const std::uint64_t now = boottime_now_ns();
  if (any_plain() && sensors_.watch_plain(true)) changed_ = true;
  check_losses(now);
  check_expiry();
  retry_unresolved(now);
  reconcile(now);
  for (const auto& watched : std::vector<WatchedPtr>(all_)) {
    release_held(*watched, now);
    if (watched->drift) {
      if (now >= watched->next_full_scan_ns) {
        watched->next_full_scan_ns = now + to_ns(options_.scan_interval);
        watched->drift->request_full_scan();
        look_at_environment(*watched);
      }
      if (watched->mounts_due_ns != 0 && now >= watched->mounts_due_ns) {
        look_at_mounts(*watched, true);
      }
      start_scan(*watched);
      if (auto flushed = watched->drift->flush(); !flushed) {
        log_error("cannot keep a container's ledger",
                  {{"container", watched->record.info.id},
                   {"error", flushed.error()},
                   {"hint", "make room in the state directory"}});
      }
    }
    check_existence(*watched, now);
  }
  while (!departed_.empty() && departed_.front().first <= now) {
    departed_.pop_front();
    changed_ = true;
  }
}

std::uint64_t Core::next_turn_ns() const {
  std::uint64_t next = std::min(next_loss_check_ns_, next_reconcile_ns_);
  if (!unresolved_.empty()) next = std::min(next, next_retry_ns_);
  for (const auto& watched : all_) {
    if (!watched->running) next = std::min(next, watched->next_check_ns);
    if (!watched->held.empty()) next = std::min(next, watched->held_until_ns);
    if (!watched->drift) continue;
    next = std::min(next, watched->next_full_scan_ns);
    if (watched->mounts_due_ns != 0) {
      next = std::min(next, watched->mounts_due_ns);
    }
    const std::uint64_t work = watched->drift->next_work_boot_ns();
    if (work != 0 && !watched->drift->scan_under_way()) {
      next = std::min(next, work);
    }
  }
  return next;
}

}  // namespace stillframe::engine
