// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/container.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <limits>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/text.h"
#include "agent/engine/answer.h"
#include "agent/model/container_name.h"

namespace stillframe::engine {
namespace {

// Files are stamped by a clock that ticks: what was made just now may look this
// much older (HZ=100).
constexpr std::int64_t kTickNs = 10'000'000;

// A container that changes all the time never comes to rest: it is answered
// anyway, and `complete` says so.
constexpr unsigned kMaxRounds = 3;

// A runtime that removes a container has deleted the next file by then.
constexpr std::uint64_t kDeferNs = 500 * kMillisecondNs;
constexpr std::uint64_t kDeferAtMostNs = 30 * kSecondNs;
constexpr std::size_t kMaxDeferred = 16'384;

// Looking at a container's mounts takes at most so little of the time: a tenth.
constexpr std::uint64_t kMountsPace = 10;

// Changes come in flocks. To write down a path takes some ten microseconds: a
// hundredth of the time at most goes into it.
constexpr std::uint64_t kKeepPauseNs = kSecondNs;
constexpr std::uint64_t kKeepPathNs = kMillisecondNs;
constexpr std::size_t kKeptAtTheEnd = 5000;

constexpr std::uint64_t kFirstRootfsPauseNs = kSecondNs;
constexpr std::uint64_t kLastRootfsPauseNs = 60 * kSecondNs;

// Ids are hex with most runtimes; a free-form one is untrusted.
std::string file_name(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, 128)) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '_' || c == '-') {
      name += c;
    } else {
      name += fmt::format("%{:02x}", byte);
    }
  }
  return name;
}

// Whether a mount of the same layers shows more of its options, or others.
bool mounted_otherwise(const OverlayLayers& before, const OverlayLayers& now) {
  return !now.work.empty() && before.upper == now.upper &&
         before.lower == now.lower &&
         (before.work != now.work || before.userxattr != now.userxattr ||
          before.redirects != now.redirects || before.data != now.data);
}

// A runtime that is to remove it does so right after the exit, or much later.
std::uint64_t existence_pause(std::uint64_t since_exit_ns) {
  if (since_exit_ns < 2 * kSecondNs) return kSecondNs / 5;
  if (since_exit_ns < 30 * kSecondNs) return kSecondNs;
  return 10 * kSecondNs;
}

}  // namespace

Container::Container(Context& context, ContainerRecord record)
    : context_(context),
      record_(std::move(record)),
      said_(std::hash<std::string>()(record_.info.id)) {}

Container::~Container() {
  if (!drift_ || removed_) return;
  static_cast<void>(drift_->flush());
  // An end waits for no large one: it is kept as it was a while ago.
  if (drift_->tree().size() > kKeptAtTheEnd) return;
  if (present_state() != kept_) keep_now();
}

ContainerViewPtr Container::view() {
  if (view_) return view_;
  // What is judged again here is to be kept, too.
  if (drift_ && drift_->judging_due()) stirred_ = true;
  auto view = std::make_shared<const ContainerView>(present_view());
  if (said_.is_due(view->state, view->complete, context_.now())) {
    say_state(*view);
  }
  // Paths that are to be judged again are so by the time, too.
  if (!drift_ || !drift_->judging_due()) view_ = view;
  return view;
}

void Container::say_state(const ContainerView& view) {
  std::map<std::string, std::string> facts = {
      {"state", std::string(to_string(view.state))},
      {"mutated_paths", std::to_string(view.mutated_paths)},
      {"running", view.running ? "true" : "false"}};
  if (view.last_scan.ns != 0) facts["last_scan"] = rfc3339(view.last_scan);
  if (said_.last()) facts["state_before"] = to_string(*said_.last());
  if (view.first_mutation.ns != 0) {
    facts["first_mutation"] = rfc3339(view.first_mutation);
  }
  if (!view.why_unknown.empty()) facts["why"] = view.why_unknown;
  said_.said(view.state, context_.now(), context_.events.resumptions());
  context_.events.said_of(record_.info, "state", std::move(facts));
}

void Container::recall_state(std::uint64_t now) {
  const auto view = this->view();
  if (said_.is_due(view->state, view->complete, now) ||
      said_.is_to_be_recalled(now, context_.events.resumptions())) {
    say_state(*view);
  }
}

ContainerView Container::present_view() {
  ContainerView view;
  view.info = record_.info;
  view.started = started_;
  view.running = running_;
  view.sessions = sessions_seen_;
  if (!drift_) {
    view.state = ContainerState::unknown;
    // The search for it comes last.
    view.why_unknown = record_.trouble.empty()
                           ? "its root filesystem was not found"
                           : record_.trouble.back();
    view.complete = false;
    return view;
  }
  const drift::DriftSummary summary = drift_->summary();
  view.state = summary.state;
  view.ever_mutated = summary.ever_mutated;
  view.complete = summary.complete;
  view.why_unknown = summary.why_unknown;
  view.last_scan = summary.last_scan;
  view.mutated_paths = summary.mutated_paths;
  view.first_mutation = summary.first_mutation;
  view.last_mutation = summary.last_mutation;
  view.violations = summary.violations;
  view.verdicts = summary.verdicts;
  view.last_actor = summary.last_actor;
  return view;
}

// Of a plain rootfs: since when it is the container's own. A copy of the
// image's is its own once it is complete, anything else once the container
// lives.
WallTime Container::start_of_rootfs(std::uint64_t live_since_ns) const {
  if (!record_.layers.plain) return {};
  if (!record_.layers.lower.empty()) return record_.info.created;
  if (live_since_ns != 0) {
    return {context_.clock.wall_at(live_since_ns).ns - kTickNs};
  }
  if (record_.init_start_ns == 0) return {};
  return context_.clock.wall_at(record_.init_start_ns);
}

std::string state_files_in(const std::string& state_dir) {
  return state_dir + "/containers";
}

std::string Container::state_name() const {
  const auto& info = record_.info;
  std::string name = file_name(info.id);
  if (key_of(info) != info.id) name += '@' + file_name(info.space);
  return name;
}

std::string Container::state_path(std::string_view extension) const {
  return state_files_in(context_.settings.state_dir) + '/' + state_name() +
         std::string(extension);
}

void Container::meet(ContainerRecord record, std::uint64_t live_since_ns) {
  for (const auto& line : record.trouble) {
    ++context_.stats.metadata_errors;
    log_warn("a container's metadata could not be read",
             {{"container", record.info.id}, {"what", line}});
  }
  stir();
  record_ = std::move(record);
  if (!drift_) {
    since_ = start_of_rootfs(live_since_ns);
    if (live_since_ns != 0) prepared_ = context_.clock.wall_at(live_since_ns);
  }
  equip();
  context_.changed = true;
}

// A container that was found while it stood still is mounted by now.
void Container::renew_scanner() {
  if (!mounted_otherwise(scanner_->layers(), record_.layers)) return;
  make_scanner();
  stirred()->request_full_scan();
}

void Container::make_scanner() {
  scanner_ = std::make_shared<drift::Scanner>(
      record_.layers,
      [&kernel = context_.kernel, root = record_.root](const InodeId& inode,
                                                       bool directory) {
        return kernel.add_inode(root, inode, directory);
      },
      context_.clock, drift::ScanLimits{},
      drift::Scanner::Start{since_, state_path(".inventory"), prepared_});
}

void Container::equip() {
  if (!record_.root || record_.layers.empty()) return;
  if (drift_) return renew_scanner();
  drift_ = std::make_unique<drift::ContainerDrift>(
      record_, context_.policy,
      [this](const MutationEvent& event) { report(event); },
      drift::ContainerDrift::Options{.state_file = state_path(".jsonl"),
                                     .clock = context_.clock});
  make_scanner();
  rootfs_pause_ns_ = 0;
  if (drift_->kept_was_damaged()) ++context_.stats.state_damaged;
  for (const auto& line : drift_->trouble()) {
    log_warn("a container's kept state was damaged: rebuilding it by a scan",
             {{"container", record_.info.id}, {"what", line}});
    context_.events.agent("state_damaged", line);
  }
}

bool Container::start(std::uint64_t live_since_ns) {
  stir();
  running_ = true;
  started_ = context_.clock.wall_at(live_since_ns != 0 ? live_since_ns
                                                       : record_.init_start_ns);
  if (drift_) drift_->started(record_, live_since_ns);
  return live_since_ns != 0 && !std::exchange(live_seen_, true);
}

bool Container::stop(std::uint64_t boot_ns) {
  if (!running_) return false;
  stir();
  running_ = live_seen_ = false;
  exited_ns_ = boot_ns;
  next_check_ns_ = 0;
  record_.init_pid = 0;
  updates_.all_ended(context_.clock.wall_at(boot_ns), context_.now());
  leave_environment();
  if (drift_) drift_->stopped(boot_ns);
  context_.changed = true;
  return true;
}

void Container::remove() {
  stir();
  removed_ = true;
  running_ = false;
  leave_environment();
  if (drift_) drift_->forget();
  // With the rootfs what the packages could be read from is gone.
  updates_.all_ended(context_.clock.wall(), context_.now());
  for (const std::uint64_t id : updates_.open()) update_over(id, {});
  const WallTime now = context_.clock.wall();
  context_.archive.add(state_path(archive::kSuffix), state_name(),
                       last_state_of(*this, {.since = now, .as_of = now}));
  if (plain()) ::unlink(state_path(".inventory").c_str());
  awaited_ = false;
  // Taken out first: who is answered may ask again.
  for (auto& waiting : std::exchange(waiting_, {})) {
    waiting.reply.fail(container_is_gone());
  }
  context_.changed = true;
}

void Container::set_info(const ContainerInfo& info) {
  // Whoever asks again whether a name came late mostly gets the same answer.
  if (info == record_.info && (!drift_ || info == drift_->record().info)) {
    return;
  }
  if (info.name != record_.info.name) context_.changed = true;
  record_.info = info;
  stir();
  if (drift_) drift_->set_info(info);
}

void Container::set_policy(const policy::PolicyPtr& policy) {
  if (!drift_) return;
  const auto before = drift_->summary();
  stirred()->set_policy(policy);
  const auto after = drift_->summary();
  if (before.state == after.state &&
      before.mutated_paths == after.mutated_paths) {
    return;
  }
  context_.events.said_of(
      record_.info, "judged_again",
      {{"state_before", std::string(to_string(before.state))},
       {"state", std::string(to_string(after.state))},
       {"mutated_paths_before", std::to_string(before.mutated_paths)},
       {"mutated_paths", std::to_string(after.mutated_paths)}});
}

void Container::report(const MutationEvent& event) {
  context_.tally.mutation(record_.info, event);
  if (event.verdict == Verdict::violation) said_.violated();
  if (!event.rule.empty() && context_.rules_used.insert(event.rule).second) {
    if (const auto* rule = context_.policy->rule(event.rule)) {
      context_.events.rule_used(*rule);
    }
  }
  note_update(event);
  context_.events.mutation(record_.info, event);
  if (!event.actor->session) return;
  std::optional<EndedSession> ended;
  if (!sessions_.mutated(event.actor->session->id, &ended)) return;
  context_.events.lifecycle(record_.info, Lifecycle::session_started,
                            event.actor->session->start, event.actor);
  if (ended) {
    context_.events.lifecycle(record_.info, Lifecycle::session_ended,
                              ended->time, ended->leader);
  }
}

// What is tolerated updates nothing, nor does the workload's own doing.
void Container::note_update(const MutationEvent& event) {
  if (event.actor->update == 0 || event.verdict != Verdict::violation) return;
  stir();
  const Update* update = updates_.changed(
      event, context_.actors.run_of(*event.actor), context_.now());
  if (update == nullptr) return;
  context_.tally.update(record_.info, update->tool);
  context_.events.update(record_.info, Lifecycle::update_started, *update);
}

void Container::run_ended(std::uint64_t id, WallTime time) {
  stir();
  updates_.ended(id, time, context_.now());
}

std::optional<Updates::Over> Container::take_update_over(std::uint64_t now) {
  if (!drift_) return std::nullopt;
  return updates_.take_over(now, scan_due() || drift_->scan_under_way());
}

void Container::update_over(std::uint64_t id,
                            std::vector<PackageChange> packages) {
  const Update* update =
      updates_.finish(id, std::move(packages), context_.now());
  if (update == nullptr) return;
  stir();
  context_.events.update(record_.info, Lifecycle::update_ended, *update);
}

void Container::session_started() {
  stir();
  ++sessions_seen_;
}

void Container::session_ended(EndedSession session) {
  const EndedSession ended = session;
  run_ended(ended.id, ended.time);
  if (sessions_.ended(std::move(session))) {
    context_.events.lifecycle(record_.info, Lifecycle::session_ended,
                              ended.time, ended.leader);
  }
}

void Container::observe(const LimitsObservation& seen, const LimitActors& by) {
  if (drift_ && !seen.values.empty()) stirred()->observe(seen, by);
}

bool Container::defer(const FileObservation& seen) {
  if (running_ || !seen.direct || seen.live) return false;
  stir();
  if (deferred_.size() < kMaxDeferred) deferred_.push_back(seen);
  if (seen.op == FileOp::unlink || seen.op == FileOp::rmdir) deleting_ = true;
  if (deferred_.size() == 1) {
    deferred_since_ns_ = seen.boot_ns;
    exited_ns_ = seen.boot_ns;  // its removal may be under way: look soon
  }
  deferred_until_ns_ =
      std::min(seen.boot_ns + kDeferNs, deferred_since_ns_ + kDeferAtMostNs);
  return true;
}

bool Container::deferred_due(std::uint64_t now) const {
  return !deferred_.empty() && now >= deferred_until_ns_;
}

void Container::keep_deferred(std::uint64_t now) {
  stir();
  deferred_until_ns_ = now + kDeferNs;
}

std::vector<FileObservation> Container::take_deferred(std::uint64_t now) {
  std::vector<FileObservation> due;
  if (!deferred_due(now)) return due;
  stir();
  due.assign(std::make_move_iterator(deferred_.begin()),
             std::make_move_iterator(deferred_.end()));
  deferred_.clear();
  deleting_ = false;
  return due;
}

void Container::lost(std::uint64_t boot_ns) {
  if (drift_) stirred()->lost(boot_ns);
}

void Container::over_budget(std::uint64_t boot_ns) {
  if (drift_) stirred()->over_budget(boot_ns);
}

// ---- Mounts and limits.

void Container::watch_environment() {
  if (!drift_ || !record_.running()) return;
  if (limits_cgroup_ != record_.cgroup) {
    leave_environment();
    // Where they cannot be read now they are tried again.
    if (const auto places = context_.source.limit_directories(record_)) {
      limits_cgroup_ = record_.cgroup;
      context_.kernel.watch_limits(record_.cgroup, *places);
    }
  }
  if (const auto mounts = read_mounts()) mounts_seen(*mounts);
  observe(read_limits(false), {});
}

void Container::leave_environment() {
  if (limits_cgroup_ != 0) context_.kernel.forget_limits(limits_cgroup_);
  limits_cgroup_ = 0;
  mounts_due_ns_ = 0;
}

void Container::mounts_touched(std::uint64_t boot_ns) {
  if (!drift_ || !running_ || mounts_due_ns_ != 0) return;
  stir();
  mounts_due_ns_ = boot_ns + mounts_pause_ns_;
}

bool Container::mounts_due(std::uint64_t now) const {
  return mounts_due_ns_ != 0 && now >= mounts_due_ns_;
}

std::optional<MountsObservation> Container::read_mounts() {
  mounts_due_ns_ = 0;
  if (!drift_ || !running_) return std::nullopt;
  MountsObservation seen{context_.now(), record_.cgroup, {}, {}};
  auto mounts = context_.source.mounts(record_);
  const std::uint64_t took = context_.now() - seen.boot_ns;
  mounts_pause_ns_ = std::max(kDebounceNs, kMountsPace * took);
  if (mounts) {
    seen.mounts = std::move(*mounts);
    mounts_trouble_.clear();
    return seen;
  }
  // Its end, of which an event comes too.
  if (mounts.error().code == ESRCH) return std::nullopt;
  seen.trouble = "its mounts are not known: " + mounts.error().message;
  if (std::exchange(mounts_trouble_, seen.trouble) != seen.trouble) {
    ++context_.stats.metadata_errors;
    log_warn("a container's mounts could not be read",
             {{"container", record_.info.id}, {"error", mounts.error()}});
  }
  return seen;
}

void Container::mounts_seen(const MountsObservation& seen) {
  if (!drift_ || !running_) return;
  stirred()->observe(seen);
  context_.changed = true;
}

LimitsObservation Container::read_limits(bool anyway) {
  if (limits_cgroup_ == 0) return {};
  return context_.kernel.limits(limits_cgroup_, anyway);
}

// ---- Scans.

std::optional<drift::ScanWork> Container::take_scan() {
  if (!drift_ || removed_ || deleting_ || drift_->scan_under_way()) {
    return std::nullopt;
  }
  drift::ScanWork work = stirred()->take_work();
  if (!work) return std::nullopt;
  return work;
}

void Container::apply(Scanned scanned) {
  if (removed_ || !drift_) return;
  stir();
  if (std::holds_alternative<drift::ScanResult>(scanned)) awaited_ = false;
  std::visit(
      [this](auto&& result) {
        drift_->applied(std::forward<decltype(result)>(result));
      },
      std::move(scanned));
  context_.changed = true;
}

void Container::request_full_scan() {
  if (drift_) stirred()->request_full_scan();
}

void Container::request_thorough_scan() {
  if (drift_) stirred()->request_thorough_scan();
}

void Container::regular_scan_done(std::uint64_t now) {
  stir();
  next_full_scan_ns_ = now + context_.settings.scan_interval_ns();
}

bool Container::regular_scan_due(std::uint64_t now) const {
  return drift_ && now >= next_full_scan_ns_;
}

void Container::await_scan(const ContainerPtr& self,
                           Reply<ContainerPtr> reply) {
  if (removed_) return reply.fail(container_is_gone());
  if (!drift_) return reply.answer(self);
  waiting_.push_back({context_.now(), 0, std::move(reply)});
  stirred()->request_full_scan();
}

bool Container::answer_waiting(const ContainerPtr& self,
                               std::uint64_t started_boot_ns) {
  std::vector<Reply<ContainerPtr>> ready;
  std::vector<Waiting> still_waiting;
  for (auto& waiting : std::exchange(waiting_, {})) {
    const bool fresh = started_boot_ns >= waiting.asked_boot_ns;
    if (fresh && (!drift_->scan_due() || ++waiting.rounds >= kMaxRounds)) {
      ready.push_back(std::move(waiting.reply));
    } else {
      still_waiting.push_back(std::move(waiting));
    }
  }
  waiting_ = std::move(still_waiting);
  for (auto& reply : ready) reply.answer(self);
  if (waiting_.empty() || removed_) return false;
  stirred()->request_full_scan();
  return true;
}

// ---- When to look at it.

void Container::turned() {
  stirred_ = false;
  view_.reset();
  next_ns_ = wanted_ns();
}

std::uint64_t Container::next_turn_ns() const {
  return stirred_ ? wanted_ns() : next_ns_;
}

std::uint64_t Container::wanted_ns() const {
  std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
  if (!running_) next = std::min(next, next_check_ns_);
  if (!deferred_.empty()) next = std::min(next, deferred_until_ns_);
  if (!drift_) return running_ ? std::min(next, next_rootfs_ns_) : next;
  next = std::min({next, next_full_scan_ns_,
                   updates_.next_ns(scan_due() || drift_->scan_under_way())});
  if (mounts_due_ns_ != 0) next = std::min(next, mounts_due_ns_);
  if (flush_retry_.failing()) next = std::min(next, flush_not_before_ns_);
  if (keep_at_ns_ != 0) next = std::min(next, keep_at_ns_);
  const std::uint64_t work = drift_->next_work_boot_ns();
  if (work != 0 && !drift_->scan_under_way()) next = std::min(next, work);
  return next;
}

bool Container::existence_due(std::uint64_t now) const {
  return !running_ && !removed_ && now >= next_check_ns_;
}

void Container::existence_checked(std::uint64_t now) {
  stir();
  next_check_ns_ = now + existence_pause(now - exited_ns_);
}

bool Container::rootfs_due(std::uint64_t now) const {
  return running_ && !drift_ && now >= next_rootfs_ns_;
}

void Container::rootfs_not_found(std::uint64_t now) {
  stir();
  rootfs_pause_ns_ =
      std::clamp(2 * rootfs_pause_ns_, kFirstRootfsPauseNs, kLastRootfsPauseNs);
  next_rootfs_ns_ = now + rootfs_pause_ns_;
}

// ---- Answers.

ChangeList Container::diff() {
  return drift_ ? stirred()->diff() : ChangeList();
}

std::vector<RuntimeLine> Container::runtime_lines() const {
  return drift_ ? drift_->runtime_lines() : std::vector<RuntimeLine>();
}

Result<> Container::flush(std::uint64_t now) {
  if (!drift_ || now < flush_not_before_ns_) return {};
  auto done = drift_->flush();
  if (done) {
    flush_retry_.reset();
    flush_not_before_ns_ = 0;
  } else {
    flush_not_before_ns_ = now + flush_retry_.next();
  }
  return done;
}

Container::Kept Container::present_state() {
  const ContainerViewPtr now = view();
  return {drift_->written(), now->state, now->mutated_paths, now->info.name};
}

void Container::keep(std::uint64_t now) {
  if (!drift_ || now < keep_at_ns_) return;
  const bool due = std::exchange(keep_at_ns_, 0) != 0;
  const bool changed =
      drift_->written() != kept_.written || present_state() != kept_;
  if (!changed) return;
  if (!due) {
    keep_at_ns_ = std::max(now + kKeepPauseNs, keep_not_before_ns_);
    return;
  }
  if (!keep_now()) keep_at_ns_ = now + kKeepPauseNs;
  keep_not_before_ns_ =
      now + kKeepPauseNs + kKeepPathNs * drift_->tree().size();
}

// Whether it is taken: the disk may be too slow.
bool Container::keep_now() {
  const Kept present = present_state();
  if (!context_.archive.keep(
          state_path(archive::kSuffix),
          last_state_of(
              *this,
              {.since = {}, .as_of = context_.clock.wall(), .seen = false}))) {
    return false;
  }
  kept_ = present;
  return true;
}

}  // namespace stillframe::engine
