// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/engine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <future>

#include "agent/base/log.h"
#include "agent/containers/rootfs_look.h"
#include "agent/engine/callers.h"
#include "agent/engine/loop.h"
#include "agent/engine/machine.h"

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kPublishEveryNs = 50'000'000;
constexpr std::size_t kBatch = 8192;
// Once events came, others are left to gather for this long: whoever causes
// them pays for waking us, which costs more than all the rest of an event. Not
// longer, since /proc knows a process only while it lives.
constexpr std::uint64_t kRestNs = 1'000'000;
// While they keep coming, what they ask for is done so often: each turn looks
// at every container, and at directories of which most would change again.
// Half of what may pass from a change to its event.
constexpr std::uint64_t kTurnEveryNs = 10'000'000;
constexpr std::uint64_t kUnhealthyNs = 10'000'000'000;
constexpr std::chrono::seconds kAnswerWithin{60};
// How often who waits for an answer looks whether none will come.
constexpr std::chrono::milliseconds kLookEvery{50};
// To end by itself, of the two seconds that the agent has in all.
constexpr std::chrono::milliseconds kStopWithin{700};

Result<Fd> lock_state(const std::string& state_dir) {
  const std::string path = state_dir + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (fd < 0) return fail(path, errno);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return fail("another agent uses the state directory " + state_dir +
                ": stop it, or give this one another with --state-dir");
  }
  return fd;
}

// Null: none is wanted, or none can be kept. What is there and cannot be gone
// on with is set apart: whatever became of it, the agent watches.
std::unique_ptr<Recorder> open_journal(const Settings& settings) {
  if (settings.render == nullptr) return nullptr;
  auto writer = journal::Writer::open(settings.journal, system_clock());
  if (!writer) {
    const std::string& directory = settings.journal.directory;
    const std::string aside =
        fmt::format("{}.damaged-{}", directory, wall_now().ns / 1'000'000'000);
    log_error("the journal cannot be gone on with: it is set apart",
              {{"error", writer.error().message},
               {"directory", aside},
               {"hint", "stillframe audit verify " + aside}});
    ::rename(directory.c_str(), aside.c_str());
    writer = journal::Writer::open(settings.journal, system_clock());
  }
  if (!writer) {
    log_error("no journal is kept",
              {{"error", writer.error().message},
               {"hint",
                "make the directory writable, and room on its disk; "
                "then restart the agent"}});
    return nullptr;
  }
  return std::make_unique<Recorder>(std::move(*writer), settings.render);
}

}  // namespace

Engine::Engine(Settings settings, Fd lock, containers::CgroupLayout layout,
               std::unique_ptr<Recorder> recorder)
    : settings_(std::move(settings)),
      lock_(std::move(lock)),
      finder_(std::move(layout)),
      events_(settings_.state_dir, std::move(recorder)),
      archive_(archive::shelf_in(settings_.state_dir),
               {.retention = settings_.journal.retention}, settings_.last_state,
               system_clock()),
      snapshot_(std::make_shared<const Snapshot>()) {}

Engine::~Engine() { stop(); }

Result<std::unique_ptr<Engine>> Engine::create(Settings settings) {
  if (auto checked = check_prerequisites(settings.state_dir); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  auto lock = lock_state(settings.state_dir);
  if (!lock) return tl::unexpected<Error>(lock.error());
  auto layout = containers::detect_cgroups();
  if (!layout) return tl::unexpected<Error>(layout.error());
  auto recorder = open_journal(settings);
  std::unique_ptr<Engine> engine(
      new Engine(std::move(settings), std::move(*lock), std::move(*layout),
                 std::move(recorder)));
  if (engine->mailbox_.poll_fd() < 0) return fail("eventfd", EMFILE);
  engine->enter(AgentPhase::Name::starting, "checking the machine");
  return engine;
}

void Engine::enter(AgentPhase::Name name, std::string activity) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_.name == AgentPhase::Name::stopping) return;  // for good
    const bool goes_on = phase_.name == name && phase_.since.ns != 0;
    phase_ = {name, activity, goes_on ? phase_.since : wall_now()};
  }
  const std::string status =
      name == AgentPhase::Name::running ? "Watching containers" : activity;
  const char* state = name == AgentPhase::Name::running    ? "READY=1\n"
                      : name == AgentPhase::Name::stopping ? "STOPPING=1\n"
                                                           : "";
  if (name == AgentPhase::Name::starting) {
    log_info("starting", {{"step", activity}});
  }
  sd_notify(0, fmt::format("{}STATUS={}", state, status).c_str());
}

Result<> Engine::attach() {
  enter(AgentPhase::Name::starting, "attaching the sensors");
  const auto& layout = finder_.layout();
  auto sensors = sensors::Sensors::start(
      {.observed_controller = layout.observed,
       .unified_mount = layout.unified,
       .describe =
           [layout](std::uint32_t pid, const KernelProcesses& kernel) {
             return describe_process(pid, layout, kernel);
           },
       .try_files = settings_.try_files},
      system_clock());
  if (!sensors) return tl::unexpected<Error>(sensors.error());
  sensors_ = std::move(*sensors);
  for (const auto& status : sensors_->status()) {
    if (status.coverage == Coverage::events || status.fix.empty()) continue;
    log_warn("a sensor does not cover this machine fully",
             {{"sensor", status.sensor},
              {"reason", status.reason},
              {"hint", status.fix}});
  }
  scans_ = std::make_unique<ScanWorker>(&mailbox_);
  core_ = std::make_unique<Core>(settings_, system_clock(), *sensors_, finder_,
                                 *scans_, events_, archive_);
  announce_start();
  enter(AgentPhase::Name::starting, "finding the containers");
  for (const auto& root : host_roots()) sensors_->ignore_root(root);
  core_->discover();
  publish();
  return {};
}

// What can be seen from now on; since when nobody looked.
void Engine::announce_start() {
  events_.turn();
  std::map<std::string, std::string> facts = {{"version", settings_.version}};
  if (const auto last = events_.watched_until()) {
    facts["unwatched_since"] = rfc3339(*last);
  }
  for (const auto& status : sensors_->status()) {
    facts["sensor_" + status.sensor] =
        status.implementation.empty() ? "none" : status.implementation;
  }
  events_.agent("started", "", std::move(facts));
}

Result<> Engine::run() {
  auto loop =
      Loop::create(sensors_->poll_fd(), mailbox_.poll_fd(), finder_.names_fd());
  if (!loop) return tl::unexpected<Error>(loop.error());
  Result<> ended;
  turning_ = true;
  while (!stop_asked_) {
    const std::size_t taken = core_->drain(kBatch);
    const bool drained = taken != 0;
    std::uint64_t wake = last_turn_ns_ + kTurnEveryNs;
    if (!drained || boottime_now_ns() >= wake) wake = turn(taken < kBatch);
    if (drained) {
      wake = std::min(wake, boottime_now_ns() + kRestNs);
      trim_.ask();
    }
    trim_.turn();
    wake = std::min(wake, trim_.next_boot_ns());
    const auto woken = (*loop)->sleep(wake, !drained);
    if (!woken) ended = tl::unexpected<Error>(woken.error());
    if (!woken || stop_asked_) break;
    if (reload_asked_.exchange(false)) core_->reload_policy();
    if (woken->mailbox) {
      // Who asks, asks about all that has happened by now.
      core_->drain(kBatch);
      mailbox_.run();
      trim_.ask();
    }
  }
  enter(AgentPhase::Name::stopping, "");
  stop();
  log_info("stopped");
  return ended;
}

// Returns when the next one is due.
std::uint64_t Engine::turn(bool caught_up) {
  core_->turn(caught_up);
  events_.turn();
  last_turn_ns_ = boottime_now_ns();
  announce_progress();
  if (core_->changed() && last_turn_ns_ - last_publish_ns_ >= kPublishEveryNs) {
    publish();
  }
  const std::uint64_t next = core_->next_turn_ns();
  return core_->changed() ? std::min(next, last_publish_ns_ + kPublishEveryNs)
                          : next;
}

// Says what readiness waits for; once it has come, that it is ready.
void Engine::announce_progress() {
  if (ready_) return;
  const std::size_t left = core_->first_scans_left();
  if (left == 0) {
    ready_ = true;
    enter(AgentPhase::Name::running, "");
    log_info("ready");
  } else if (left != first_scans_left_) {
    first_scans_left_ = left;
    const std::lock_guard lock(mutex_);
    if (phase_.name == AgentPhase::Name::stopping) return;
    phase_.activity =
        fmt::format("scanning the containers found, {} left", left);
    sd_notify(0, ("STATUS=" + phase_.activity).c_str());
  }
}

std::chrono::milliseconds Engine::stop_soon() {
  enter(AgentPhase::Name::stopping, "");
  stop_asked_ = true;
  mailbox_.post([] {});
  return turning_ ? kStopWithin : std::chrono::milliseconds(0);
}

void Engine::reload_policy() {
  reload_asked_ = true;
  mailbox_.post([] {});
}

// In this order: no new request, no scan, no container; what was owed is
// answered by each of the three as it goes.
void Engine::stop() {
  mailbox_.close();
  scans_.reset();
  if (core_) {
    core_.reset();
    events_.agent("stopped", "");
  }
  events_.close();
}

void Engine::publish() {
  auto fresh = core_->take_snapshot();
  last_publish_ns_ = boottime_now_ns();
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(fresh);
}

AgentPhase Engine::phase() const {
  const std::lock_guard lock(mutex_);
  return phase_;
}

SnapshotPtr Engine::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

bool Engine::healthy() const {
  const std::uint64_t turned = last_turn_ns_;
  return turned != 0 && boottime_now_ns() - turned < kUnhealthyNs;
}

template <typename Answer>
Result<Answer> Engine::ask(Task<void(Reply<Answer>)> work) {
  const AgentPhase now = phase();
  if (now.name == AgentPhase::Name::starting) {
    return fail("the agent is starting: " + now.activity);
  }
  if (now.name == AgentPhase::Name::stopping) {
    return tl::unexpected<Error>(agent_is_stopping());
  }
  auto promise = std::make_shared<std::promise<Result<Answer>>>();
  auto answer = promise->get_future();
  mailbox_.post([work = std::move(work),
                 reply = Reply<Answer>([promise](Result<Answer> result) {
                   promise->set_value(std::move(result));
                 })]() mutable { work(std::move(reply)); });
  const auto deadline = std::chrono::steady_clock::now() + kAnswerWithin;
  while (answer.wait_for(kLookEvery) != std::future_status::ready) {
    if (abandoned_) return tl::unexpected<Error>(agent_is_stopping());
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail("the agent did not answer in time: it has much to take in");
    }
  }
  return answer.get();
}

Result<DiffAnswer> Engine::diff(const std::string& container, DiffPart part) {
  auto answer =
      ask<DiffAnswer>([this, container, part](Reply<DiffAnswer> reply) {
        core_->requests().diff(container, part, std::move(reply));
      });
  if (answer || answer.error().code != ENOENT) return answer;
  // In the thread of who asks: the loop waits for no disk.
  auto gone = archive_.find(container);
  if (!gone) {
    return tl::unexpected<Error>(
        Error{gone.error().code == EINVAL ? EINVAL : ENOENT,
              gone.error().code == EINVAL
                  ? gone.error().message
                  : answer.error().message + "; " + gone.error().message});
  }
  if (!*gone) return answer;
  return std::move(**gone);
}

Result<ExplainAnswer> Engine::explain(const std::string& container,
                                      const std::string& path) {
  auto answer =
      ask<ExplainAnswer>([this, container, path](Reply<ExplainAnswer> reply) {
        core_->requests().explain(container, path, std::move(reply));
      });
  // In the thread of who asks: the loop waits for no disk.
  if (answer && answer->init_pid != 0) {
    answer->exists =
        containers::rootfs_holds(answer->init_pid, answer->init_start_ns, path);
  }
  return answer;
}

Result<std::string> Engine::suggest(const std::string& workload) {
  return ask<std::string>([this, workload](Reply<std::string> reply) {
    core_->requests().suggest(workload, std::move(reply));
  });
}

Result<SnapshotPtr> Engine::scanned_snapshot() {
  return ask<SnapshotPtr>([this](Reply<SnapshotPtr> reply) {
    core_->requests().scan_all(Reply<void>(
        [this, reply = std::move(reply)](const Result<void>& scanned) mutable {
          if (!scanned) return reply.fail(scanned.error());
          publish();
          auto present = std::make_shared<Snapshot>(*snapshot());
          present->containers.remove_gone();
          reply.answer(std::move(present));
        }));
  });
}

// In the thread of who asks, as diff() does.
Result<GoneContainers> Engine::gone() { return archive_.heads(); }

std::unique_ptr<EventStream> Engine::subscribe(std::optional<WallTime> since,
                                               bool follow) {
  return events_.subscribe(since, follow);
}

DoctorReport Engine::doctor() const {
  const auto now = snapshot();
  const AgentPhase stands = phase();
  DoctorReport report{now->sensors, inspect_machine(), std::nullopt, stands};
  if (stands.name == AgentPhase::Name::running) report.policy = now->policy;
  return report;
}

}  // namespace stillframe::engine
