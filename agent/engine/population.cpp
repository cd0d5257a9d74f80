// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/population.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "agent/base/log.h"
#include "agent/model/container_name.h"

namespace stillframe::engine {
namespace {

constexpr unsigned kResolveTries = 5;
constexpr std::size_t kMaxUnresolved = 256;
constexpr std::uint64_t kFirstRetryNs = 100 * kMillisecondNs;
// Some runtimes write down what they run when it runs: at least so long is
// waited for that, and for as long as who started it is at it, but no longer
// than this.
constexpr std::uint64_t kNamingNs = 300 * kMillisecondNs;
constexpr std::uint64_t kLongestNamingNs = 10 * kSecondNs;
constexpr std::uint64_t kLongestRetryNs = 60 * kSecondNs;
// A runtime runs the workload sooner than this after it has made the process.
constexpr std::uint64_t kPreparingNs = 5 * kSecondNs;
// A runtime that starts containers all day rewrites all their names with each:
// a tenth of the time at most goes into reading them.
constexpr std::uint64_t kNamesPace = 10;
constexpr std::uint64_t kNamesPauseNs = 50 * kMillisecondNs;
// A container that makes cgroups all day has all of them looked through: a
// hundredth of the time at most goes into it.
constexpr std::uint64_t kWithinPauseNs = 10 * kSecondNs;
constexpr std::uint64_t kWithinPace = 100;
// So is the root cgroup, for containers that have none of their own.
constexpr std::uint64_t kCgrouplessPauseNs = kSecondNs;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// That it runs its program, as whoever comes later finds it.
ExecObservation running(const containers::ContainerSource::Member& member,
                        const containers::ContainerSource::Program& program,
                        const ContainerRecord& record, std::uint64_t session,
                        std::uint64_t now) {
  ExecObservation seen;
  seen.boot_ns = now;
  seen.root = record.root;
  seen.path = program.path;
  seen.found_running = true;
  seen.process.cgroup = record.cgroup;
  seen.process.session = session;
  seen.process.start_ns = member.start_ns;
  seen.process.pid = member.pid;
  seen.process.ppid = member.ppid;
  seen.process.uid = program.uid;
  seen.process.in_container = true;
  seen.process.followed = true;
  seen.process.comm = member.comm;
  seen.process.exe = program.path.substr(program.path.rfind('/') + 1);
  return seen;
}

// What was found; what could not be read is counted and logged, and is looked
// at again with the next listing.
std::vector<ContainerRecord> found_in(
    Context& context, containers::Listing<ContainerRecord> listing) {
  context.stats.metadata_errors += listing.errors.size();
  if (!listing.complete()) {
    log_warn("containers may be missing: not everything could be read",
             {{"error", listing.errors.front()},
              {"hint", "it is read again with the next scan"}});
  }
  return std::move(listing.items);
}

}  // namespace

Population::Population(Context& context, Fleet& fleet, Unclaimed& unclaimed)
    : context_(context),
      fleet_(fleet),
      unclaimed_(unclaimed),
      culprits_(context, fleet) {}

void Population::discover() {
  // First of all: who is renamed from here on is noticed.
  static_cast<void>(context_.source.new_names());
  next_reconcile_ns_ = context_.now() + context_.settings.scan_interval_ns();
  auto running = context_.source.running();
  const bool all_running = running.complete();
  for (auto& record : found_in(context_, std::move(running))) {
    adopt_named(std::move(record));
  }
  all_known_ = adopt_kept() && all_running;
  context_.kernel.containers_known();
  adopt_begun();
  for (const auto& container : fleet_.all()) container->await_first_scan();
}

// What began, containers and within them, before the kernel side knew all there
// are: it makes nothing of a first exec until then.
void Population::adopt_begun() {
  for (const auto& container : fleet_.all()) {
    if (container->running()) register_processes(container);
  }
  adopt_new();
}

// Those that run and are not known to, or whose rootfs was not found so far.
// Whether that is all of them.
bool Population::adopt_new() {
  std::unordered_set<std::uint64_t> known;
  for (const auto& container : fleet_.all()) {
    if (container->running() && container->watched()) {
      known.insert(container->record().cgroup);
    }
  }
  auto running = context_.source.running_besides(known);
  const bool all = running.complete();
  for (auto& record : found_in(context_, std::move(running))) {
    const auto owner = fleet_.find(record.root, record.cgroup);
    const bool found_rootfs =
        owner && !owner->watched() && record.root && !record.layers.empty();
    const bool twin = owner && shares_rootfs(owner, record) &&
                      fleet_.by_cgroup(record.cgroup) == nullptr;
    if (owner && owner->running() && !found_rootfs && !twin) continue;
    adopt_named(std::move(record));
  }
  return all;
}

void Population::adopt_named(ContainerRecord record) {
  if (may_be_named_yet(record, record.init_start_ns)) {
    return reconcile_within_a_second();
  }
  adopt(std::move(record), 0);
}

// ---- Coming.

// Those that the runtimes keep, and that do not run as far as is known. Whether
// that is all of them.
bool Population::adopt_kept() {
  auto stopped = context_.source.stopped();
  const bool all = stopped.complete();
  for (auto& record : found_in(context_, std::move(stopped))) {
    if (fleet_.find(record.root, 0) || fleet_.by_id(record.info)) continue;
    adopt(std::move(record), 0);
  }
  return all;
}

// Whether it has its rootfs together with another container, as runtimes say
// of both: any may be given any directory or mount. Whoever merely shows the
// rootfs of a live container whose upper directory is its own has entered that.
bool Population::shares_rootfs(const ContainerPtr& owner,
                               const ContainerRecord& record) const {
  if (same_key(owner->info(), record.info) ||
      record.standing != Standing::confirmed) {
    return false;
  }
  return record.layers.plain ||
         (owner->record().standing == Standing::confirmed &&
          lives_elsewhere(owner, record));
}

// Whether another container has the same rootfs. One that is gone by now is
// taken off first.
bool Population::rootfs_in_use(const ContainerRecord& record) {
  const auto other = fleet_.find(record.root, 0);
  if (!other || same_key(other->info(), record.info) ||
      !(record.layers.plain || shares_rootfs(other, record))) {
    return false;
  }
  other->check_existence_soon();
  check_existence(other, context_.now());
  if (fleet_.find(record.root, 0) == nullptr) return false;
  if (record.standing != Standing::confirmed ||
      other->record().standing == Standing::confirmed) {
    return true;
  }
  // Whoever came first with nothing but a cgroup's name to show.
  log_warn("what was taken for a container has another one's rootfs",
           {{"container", other->info().id}, {"rootfs_of", record.info.id}});
  remove(other);
  // With that one the kernel side has let go of it, as it did not see a second
  // first exec there.
  context_.kernel.add_root(record.root, true, true,
                           context_.clock.wall_at(record.init_start_ns));
  return false;
}

// Whether it runs now, in another cgroup than the record's.
bool Population::lives_elsewhere(const ContainerPtr& known,
                                 const ContainerRecord& record) const {
  if (!known->running() || record.cgroup == 0 ||
      known->record().cgroup == record.cgroup) {
    return false;
  }
  const auto alive = context_.source.init_alive(known->record());
  return !alive || *alive;
}

// Whoever works on a live container's rootfs from a cgroup elsewhere is no
// container but has entered that one. And an id is its owner's as long as that
// is there, though it may never have run: bare runc's are free to reuse, but a
// cgroup's name proves nothing.
bool Population::poses_as_another(const ContainerRecord& record) {
  if (record.standing == Standing::doubtful) return true;
  const bool sure = record.standing == Standing::confirmed;
  if (const auto owner = record.root ? fleet_.find(record.root, 0) : nullptr) {
    const bool proven = sure && owner->record().standing != Standing::confirmed;
    if (!shares_rootfs(owner, record)) {
      return lives_elsewhere(owner, record) && !proven;
    }
  }
  const auto known = fleet_.by_id(record.info);
  if (!known) return false;
  if (lives_elsewhere(known, record)) {
    return !sure || known->record().standing == Standing::confirmed;
  }
  const UpperRoot& root = known->record().root;
  if (sure || !record.root || !root || record.root == root) return false;
  const auto exists = context_.source.exists(known->record());
  return !exists || *exists;
}

// The container that this record is about, if it is watched already.
ContainerPtr Population::known_as(const ContainerRecord& record) {
  if (record.root) {
    if (auto known = fleet_.find(record.root, 0)) return known;
  }
  auto known = fleet_.by_id(record.info);
  if (!known) return nullptr;
  if (has_another_rootfs(known, record)) {
    // The same id with another rootfs: bare runc's ids are free to reuse.
    remove(known);
    return nullptr;
  }
  return known;
}

bool Population::has_another_rootfs(const ContainerPtr& known,
                                    const ContainerRecord& record) const {
  const UpperRoot& before = known->record().root;
  return record.root && before && before != record.root;
}

// Whether it is a container that is known with another rootfs, as after its
// upper directory was restored while it stood still: nobody made another
// container, but what was known of its files is not true of these. Its last
// state stays.
bool Population::took_another_rootfs(const ContainerRecord& record) {
  if (record.root && fleet_.find(record.root, 0)) return false;
  const auto known = fleet_.by_id(record.info);
  if (!known || record.info.created.ns == 0 ||
      record.info.created != known->info().created ||
      !has_another_rootfs(known, record)) {
    return false;
  }
  log_warn("a container has another upper directory than before",
           {{"container", record.info.id},
            {"before", known->record().layers.upper},
            {"now", record.layers.upper},
            {"hint", "what is in there is compared with the image again"}});
  take_off(known);
  return true;
}

ContainerPtr Population::adopt(ContainerRecord record,
                               std::uint64_t live_since_ns) {
  if (poses_as_another(record)) {
    log_warn("a cgroup that is named like a container is not that container's",
             {{"cgroup", record.cgroup_path},
              {"container", record.info.id},
              {"hint", "what runs there is not taken for a container"}});
    // Whose name that is may have been made since all were listed.
    if (live_since_ns != 0 && !fleet_.by_id(record.info)) {
      reconcile_within_a_second();
    }
    return nullptr;
  }
  if (!record.info.outer.empty() && !record.root) {
    // Who makes a cgroup and namespaces within a container is not out of it by
    // that: with no rootfs that is known to be another, it is the outer one.
    log_info("what runs within a container is taken for that container's",
             {{"cgroup", record.cgroup_path},
              {"container", record.info.outer},
              {"reason", record.trouble.empty() ? "it has no rootfs of its own"
                                                : record.trouble.back()}});
    return nullptr;
  }
  if (rootfs_in_use(record)) {
    record.trouble.push_back("its rootfs is another container's, too: " +
                             record.layers.upper);
    record.root = {};
    record.layers = {};
  }
  const bool same = took_another_rootfs(record);
  auto container = known_as(record);
  const bool fresh = container == nullptr;
  if (fresh) {
    container = std::make_shared<Container>(context_, record);
    fleet_.add(container);
  }
  container->meet(std::move(record), live_since_ns);
  fleet_.index(container);
  const ContainerInfo info = container->info();
  if (live_since_ns != 0 && fresh && !same) {
    context_.events.lifecycle(info, Lifecycle::created,
                              info.created.ns != 0
                                  ? info.created
                                  : context_.clock.wall_at(live_since_ns));
  }
  if (container->record().running()) {
    begin(container, live_since_ns);
  } else {
    const auto& now = container->record();
    if (now.root) {
      context_.kernel.add_root(now.root, false, container->plain(),
                               container->since());
    }
    replacements_.found_stopped(info);
  }
  if (fresh) {
    // A name is free again only when its last owner is gone.
    for (const auto& other : fleet_.namesakes(container)) {
      other->check_existence_soon();
    }
  }
  container->regular_scan_done(context_.now());
  if (container->watched()) {
    claim(container);
    container->request_full_scan();
    container->watch_environment();
  } else {
    container->rootfs_not_found(context_.now());
  }
  log_info(live_since_ns != 0 ? "a container started" : "a container was found",
           {{"id", info.id},
            {"name", info.name},
            {"runtime", info.runtime},
            {"running", container->running()},
            {"rootfs", container->watched() ? container->record().layers.upper
                                            : std::string("not found")}});
  return container;
}

// It runs: the kernel side must know who belongs to it.
void Population::begin(const ContainerPtr& container,
                       std::uint64_t live_since_ns) {
  const ContainerRecord& record = container->record();
  fleet_.own_cgroup(container, record.cgroup);
  if (live_since_ns == 0) {
    // Else the kernel has done so itself, and may have seen the end by now.
    if (record.root) {
      context_.kernel.add_root(record.root, true, container->plain(),
                               container->since());
    }
    register_processes(container);
    // Until now others may have been at work unseen.
    container->lost(context_.now());
  }
  if (container->start(live_since_ns)) {
    context_.events.lifecycle(record.info, Lifecycle::live,
                              context_.clock.wall_at(live_since_ns));
  }
  report_replacement(
      replacements_.live(record.info, live_since_ns != 0
                                          ? live_since_ns
                                          : record.init_start_ns),
      container->started());
}

void Population::register_processes(const ContainerPtr& container) {
  const ContainerRecord& record = container->record();
  auto members = context_.source.members(record);
  if (!members) {
    // Their next exec brings them back here.
    log_warn("a container's processes could not be read",
             {{"container", record.info.id}, {"error", members.error()}});
    return own_cgroups(container);
  }
  std::unordered_map<std::uint32_t, const containers::ContainerSource::Member*>
      by_pid;
  // Init first: where it comes from, those that it began come from, too.
  std::stable_partition(
      members->begin(), members->end(),
      [&](const auto& member) { return member.pid == record.init_pid; });
  for (const auto& member : *members) by_pid[member.pid] = &member;
  std::unordered_set<std::string> programs;
  for (const auto& member : *members) {
    std::uint64_t session = 0;
    if (!member.from_init) {
      const auto leader = by_pid.find(member.session_leader);
      const auto& first = leader == by_pid.end() ? member : *leader->second;
      session = first.start_ns / 1000;
      context_.actors.add_session(session, member.first_cmd, first.pid,
                                  context_.clock.wall_at(first.start_ns));
    }
    context_.kernel.follow(member.pid, member.start_ns, record.cgroup, session,
                           member.pid == record.init_pid,
                           member.pid == member.session_leader);
    if (!container->watched()) continue;
    const auto program = context_.source.program(member.pid);
    if (program && programs.insert(program->path).second) {
      hand_over(container,
                running(member, *program, record, session, context_.now()));
    }
  }
  own_cgroups(container);
}

// Its own one alone where those below could not be read.
std::vector<std::uint64_t> Population::cgroups_of(
    const ContainerRecord& record) const {
  const auto cgroups = context_.source.cgroups(record);
  if (cgroups) return *cgroups;
  log_warn("a container's cgroups could not be read",
           {{"container", record.info.id}, {"error", cgroups.error()}});
  return {record.cgroup};
}

// Init may live in a cgroup below the container's own (…scope/container), into
// which later execs need not go.
void Population::own_cgroups(const ContainerPtr& container) {
  const ContainerRecord& record = container->record();
  for (const std::uint64_t cgroup : cgroups_of(record)) {
    fleet_.own_cgroup(container, cgroup);
    context_.kernel.add_cgroup(cgroup, record.root, record.init_pid,
                               record.cgroup);
  }
}

// Of one within another the runtime's files are not the host's.
bool Population::may_be_named_yet(const ContainerRecord& record,
                                  std::uint64_t began_ns) const {
  const std::uint64_t longest = record.unwritten ? kLongestNamingNs : kNamingNs;
  return runtime_from(record.info.runtime) == Runtime::unknown &&
         record.info.outer.empty() && context_.now() < began_ns + longest;
}

void Population::first_exec(const LiveObservation& seen) {
  const std::uint64_t cgroup = seen.process.cgroup;
  const auto known = fleet_.find(seen.root, cgroup);
  if (known && known->running() &&
      known->record().init_pid != seen.process.pid &&
      fleet_.by_cgroup(cgroup) != nullptr) {
    // It ran before the kernel side knew it: this was no first exec.
    register_processes(known);
    return;
  }
  auto resolved = context_.source.resolve(seen);
  if (!resolved) {
    const auto& error = resolved.error();
    if (!is_absence(error.code)) ++context_.stats.metadata_errors;
    log_debug("no container found for a first exec",
              {{"cgroup", seen.cgroup_name}, {"error", error.message}});
    return resolve_later({.seen = seen,
                          .pause_ns = kFirstRetryNs,
                          .absences = is_absence(error.code) ? 1U : 0U});
  }
  auto& record = *resolved;
  if (!record) return give_up(seen);
  if (may_be_named_yet(*record, seen.boot_ns)) {
    return resolve_later({.seen = seen, .pause_ns = kFirstRetryNs});
  }
  if (record->cgroup == 0) record->cgroup = cgroup;
  if (record->init_pid == 0) record->init_pid = seen.process.pid;
  record->init_start_ns = seen.process.start_ns;
  if (!record->root) record->root = seen.root;
  const auto container = adopt(std::move(*record), seen.boot_ns);
  if (!container) return give_up(seen);
  // Docker gives each a file of its own, and a store may be new to us.
  names_touched_ = true;
  const ContainerRecord& now = container->record();
  for (const std::uint64_t below : cgroups_of(now)) {
    fleet_.own_cgroup(container, below);
    if (below != cgroup) {
      context_.kernel.add_cgroup(below, now.root, now.init_pid, now.cgroup);
    }
  }
  fleet_.own_cgroup(container, cgroup);
}

// However many ask for it.
void Population::reconcile_within_a_second() {
  next_reconcile_ns_ = std::min(next_reconcile_ns_, context_.now() + kSecondNs);
}

// Only a look at all shows it: the kernel side takes what descends from a
// container for its own. A container may make cgroups all day.
void Population::look_within() {
  next_reconcile_ns_ =
      std::min(next_reconcile_ns_,
               std::max(context_.now() + kSecondNs, within_not_before_ns_));
}

void Population::give_up(const LiveObservation& seen) {
  context_.kernel.remove_cgroup(seen.process.cgroup);
  if (!seen.root || fleet_.find(seen.root, 0)) return;
  context_.kernel.remove_root(seen.root);
  unclaimed_.forget(seen.root);
}

void Population::retry_unresolved(std::uint64_t now) {
  if (now < next_retry_ns_) return;
  next_retry_ns_ = kNever;
  for (auto& one : std::exchange(unresolved_, {})) {
    if (now < one.next_ns) {
      next_retry_ns_ = std::min(next_retry_ns_, one.next_ns);
      unresolved_.push_back(std::move(one));
      continue;
    }
    const auto record = context_.source.resolve(one.seen);
    if (record) {
      first_exec(one.seen);
      continue;
    }
    const auto& error = record.error();
    if (is_absence(error.code) && ++one.absences >= kResolveTries) {
      log_debug("not a container",
                {{"cgroup", one.seen.cgroup_name}, {"error", error.message}});
      give_up(one.seen);
      continue;
    }
    one.pause_ns = std::min(2 * one.pause_ns, kLongestRetryNs);
    resolve_later(std::move(one));
  }
}

// What could not be read says nothing of what is there: it is tried for as long
// as that lasts.
void Population::resolve_later(Unresolved one) {
  if (unresolved_.size() >= kMaxUnresolved) {
    // Reconciliation finds it by its processes.
    reconcile_within_a_second();
    return give_up(one.seen);
  }
  one.next_ns = context_.now() + one.pause_ns;
  next_retry_ns_ = std::min(next_retry_ns_, one.next_ns);
  unresolved_.push_back(std::move(one));
}

void Population::claim(const ContainerPtr& container) {
  const auto claimed = unclaimed_.claim(container->record().root);
  for (const auto& seen : claimed.seen) {
    std::visit([&](const auto& one) { hand_over(container, one); }, seen);
  }
  if (claimed.overflowed) container->lost(context_.now());
}

bool Population::ran_before(const ContainerPtr& container,
                            const ProcessRef& process) const {
  const std::uint64_t start = container->record().init_start_ns;
  const std::uint64_t known =
      std::min(context_.kernel.lives_since_ns(), context_.clock.boot_ns());
  if (!container->running() || container->live_seen() || start == 0 ||
      start >= known) {
    return false;
  }
  // Init is the runtime's own process until it runs the workload, and when that
  // was nobody has seen.
  const bool preparing = process.pid == container->record().init_pid &&
                         known - start < kPreparingNs;
  return !preparing;
}

// ---- Going.

void Population::stop(const ContainerPtr& container, std::uint64_t boot_ns) {
  const std::uint64_t cgroup = container->record().cgroup;
  const bool has_none = container->record().cgroup_path.empty();
  if (!container->stop(boot_ns)) return;
  // Of no cgroup the kernel says that it is gone.
  if (cgroup != 0 && has_none) context_.kernel.remove_cgroup(cgroup);
  replacements_.exited(container->info(), boot_ns);
  context_.events.lifecycle(container->info(), Lifecycle::exited,
                            context_.clock.wall_at(boot_ns));
}

void Population::remove(const ContainerPtr& container) {
  ContainerView view = *container->view();
  view.running = false;
  view.gone = true;
  const WallTime now = context_.clock.wall();
  if (view.first_mutation.ns != 0) {
    context_.tally.mutated_lifetime(
        static_cast<double>(now.ns - view.first_mutation.ns) / 1e9);
  }
  context_.events.lifecycle(view.info, Lifecycle::removed, now);
  report_replacement(replacements_.removed(view.info, context_.now()), now);
  departed_.push_back({context_.now() + context_.settings.metrics_grace_ns(),
                       std::make_shared<const ContainerView>(std::move(view))});
  take_off(container);
}

void Population::take_off(const ContainerPtr& container) {
  if (container->record().root) {
    context_.kernel.remove_root(container->record().root);
  }
  fleet_.remove(container);
  container->remove();
}

void Population::report_replacement(
    const std::optional<Replacement>& replacement, WallTime time) {
  if (!replacement) return;
  const auto& [before, after, image_changed] = *replacement;
  context_.tally.replacement(after, image_changed);
  context_.events.lifecycle(
      before, Lifecycle::replaced, time, std::nullopt,
      fmt::format("{} ({}) -> {} ({}), {}", before.id, before.image, after.id,
                  after.image, image_changed ? "new image" : "same image"),
      {{"by", key_of(after)},
       {"image_changed", image_changed ? "true" : "false"}});
}

void Population::check_existence(const ContainerPtr& container,
                                 std::uint64_t now) {
  if (!container->existence_due(now)) return;
  const auto exists = context_.source.exists(container->record());
  if (!exists) {
    // An error is not an absence: it stays, and is asked about again.
    ++context_.stats.metadata_errors;
    log_warn("whether a container still exists could not be found out",
             {{"container", container->info().id},
              {"error", exists.error()},
              {"hint", "it is kept and asked about again"}});
  } else if (!*exists) {
    remove(container);
    return;
  }
  container->existence_checked(now);
}

bool Population::may_be_going(const ContainerPtr& container) {
  if (container->running() || container->removed()) return false;
  container->check_existence_soon();
  check_existence(container, context_.now());
  return container->being_deleted();
}

// Changes made to the upper directory of a stopped container: its removal, or
// somebody's work.
void Population::release_deferred(const ContainerPtr& container,
                                  std::uint64_t now) {
  if (!container->deferred_due(now)) return;
  const auto exists = context_.source.exists(container->record());
  if (!exists) return container->keep_deferred(now);
  if (!*exists) return remove(container);
  for (const auto& seen : container->take_deferred(now)) {
    hand_over(container, seen);
  }
}

void Population::look_for_rootfs(const ContainerPtr& container,
                                 std::uint64_t now) {
  if (!container->running() || container->watched()) return;
  container->rootfs_not_found(now);
  auto again = context_.source.look_again(container->record());
  if (!again) {
    log_debug("a container's rootfs could not be looked for",
              {{"container", container->info().id}, {"error", again.error()}});
    return;
  }
  if (again->root && !again->layers.empty()) adopt(std::move(*again), 0);
}

// ---- Due.

void Population::compare_running(std::uint64_t now) {
  for (const auto& container : fleet_.all()) {
    if (container->running()) {
      const auto alive = context_.source.init_alive(container->record());
      if (alive && !*alive) stop(container, now);
    }
    refresh(container);
    container->recall_state(now);
  }
  const bool all_running = adopt_new();
  all_known_ = adopt_kept() && all_running;
}

void Population::refresh(const ContainerPtr& container) {
  const auto info = context_.source.refresh(container->record());
  if (!info) return;
  container->set_info(*info);
  fleet_.index(container);
  report_replacement(replacements_.renamed(*info), context_.clock.wall());
}

void Population::take_new_names() {
  const std::uint64_t began = context_.now();
  names_touched_ = false;
  for (const auto& [id, name] : context_.source.new_names()) {
    ContainerInfo named;
    named.id = id;
    const auto container = fleet_.by_id(named);
    if (container && container->info().name != name) refresh(container);
  }
  const std::uint64_t now = context_.now();
  names_not_before_ns_ =
      now + std::max(kNamesPauseNs, kNamesPace * (now - began));
}

void Population::watch_names(std::uint64_t now) {
  if (context_.source.names_touched()) names_touched_ = true;
  if (names_touched_ && now >= names_not_before_ns_) take_new_names();
}

void Population::reconcile(std::uint64_t now) {
  if (now < next_reconcile_ns_) return;
  next_reconcile_ns_ = now + context_.settings.scan_interval_ns();
  if (context_.kernel.reconsider()) context_.changed = true;
  compare_running(now);
  if (!fleet_.any_plain() && context_.kernel.watch_plain(false)) {
    context_.changed = true;
  }
  unclaimed_.expire(now);
  sweep_roots();
  const std::uint64_t ended = context_.now();
  within_not_before_ns_ =
      ended + std::max(kWithinPauseNs, kWithinPace * (ended - now));
}

// Roots go with their container; but a late event brings one back, and one
// whose events were lost is nobody's. What was nobody's already an interval ago
// goes.
void Population::sweep_roots() {
  std::unordered_set<UpperRoot> nobodys;
  for (const UpperRoot& root : context_.kernel.roots()) {
    const bool awaited = std::any_of(
        unresolved_.begin(), unresolved_.end(),
        [&](const Unresolved& one) { return one.seen.root == root; });
    if (awaited || unclaimed_.holds(root) || fleet_.find(root, 0)) continue;
    if (strays_.contains(root)) {
      context_.kernel.remove_root(root);
    } else {
      nobodys.insert(root);
    }
  }
  strays_ = std::move(nobodys);
}

void Population::look_for_cgroupless(std::uint64_t now) {
  if (now < next_cgroupless_ns_) return;
  if (context_.source.cgroupless_began()) adopt_new();
  const std::uint64_t ended = context_.now();
  next_cgroupless_ns_ =
      ended + std::max(kCgrouplessPauseNs, kWithinPace * (ended - now));
}

void Population::turn(std::uint64_t now) {
  watch_names(now);
  look_for_cgroupless(now);
  retry_unresolved(now);
  for (const auto& container : fleet_.due(now)) {
    release_deferred(container, now);
    if (container->rootfs_due(now)) look_for_rootfs(container, now);
    check_existence(container, now);
  }
  while (!departed_.empty() && departed_.front().until_ns <= now) {
    departed_.pop_front();
    context_.changed = true;
  }
}

std::uint64_t Population::next_turn_ns() const {
  return std::min({next_reconcile_ns_, next_retry_ns_, next_cgroupless_ns_,
                   names_touched_ ? names_not_before_ns_ : kNever});
}

void Population::show_departed(ContainerViews& views) const {
  for (const auto& one : departed_) views.push_back(one.view);
}

}  // namespace stillframe::engine
