// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/engine.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include <algorithm>
#include <csignal>
#include <future>

#include "agent/base/log.h"
#include "agent/engine/machine.h"

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kPublishEveryNs = 50'000'000;
constexpr std::size_t kBatch = 8192;
// Once events came, others are left to gather for this long: whoever causes
// them pays for waking us, which costs more than all the rest of an event. Not
// longer, since /proc tells of a process only while it lives.
constexpr std::uint64_t kRestNs = 1'000'000;
constexpr std::uint64_t kUnhealthyNs = 10'000'000'000;
constexpr std::chrono::seconds kAnswerWithin{60};

struct EventFree {
  void operator()(sd_event* event) const { sd_event_unref(event); }
};
using Loop = std::unique_ptr<sd_event, EventFree>;

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

Error stopping() { return {0, "the agent is stopping"}; }

}  // namespace

Engine::Engine(CoreOptions options, Fd lock, containers::CgroupLayout layout)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      finder_(std::move(layout)),
      events_(options_.state_dir),
      snapshot_(std::make_shared<const Snapshot>()) {}

Engine::~Engine() {
  events_.close();
  scans_.reset();  // before the core whose containers it scans
}

Result<std::unique_ptr<Engine>> Engine::create(CoreOptions options) {
  if (auto checked = check_prerequisites(options.state_dir); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  auto lock = lock_state(options.state_dir);
  if (!lock) return tl::unexpected<Error>(lock.error());
  auto layout = containers::detect_cgroups();
  if (!layout) return tl::unexpected<Error>(layout.error());
  return std::unique_ptr<Engine>(
      new Engine(std::move(options), std::move(*lock), std::move(*layout)));
}

Result<> Engine::attach() {
  const auto& layout = finder_.layout();
  auto sensors =
      sensors::Sensors::start({.observed_controller = layout.observed,
                               .unified_mount = layout.unified});
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
  core_ =
      std::make_unique<Core>(options_, *sensors_, finder_, *scans_, events_);
  events_.agent("started", "");
  core_->discover();
  publish();
  return {};
}

Result<> Engine::run() {
  sd_event* raw = nullptr;
  if (const int error = sd_event_default(&raw); error < 0) {
    return fail("the event loop", -error);
  }
  const Loop loop(raw);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  sd_event_add_signal(raw, nullptr, SIGTERM, nullptr, nullptr);
  sd_event_add_signal(raw, nullptr, SIGINT, nullptr, nullptr);
  sd_event_add_signal(
      raw, nullptr, SIGHUP,
      [](sd_event_source*, const signalfd_siginfo*, void* self) {
        static_cast<Engine*>(self)->core_->reload_policy();
        return 0;
      },
      this);
  sd_event_source* sensors = nullptr;
  sd_event_add_io(
      raw, &sensors, sensors_->poll_fd(), EPOLLIN,
      [](sd_event_source*, int, std::uint32_t, void*) {
        return 0;  // turn() drains
      },
      nullptr);
  sd_event_add_io(
      raw, nullptr, mailbox_.poll_fd(), EPOLLIN,
      [](sd_event_source*, int, std::uint32_t, void* self) {
        // Who asks, asks about all that has happened by now.
        static_cast<Engine*>(self)->drain();
        static_cast<Engine*>(self)->mailbox_.run();
        return 0;
      },
      this);
  sd_event_source* timer = nullptr;
  sd_event_add_time(
      raw, &timer, CLOCK_BOOTTIME, 0, 1000,
      [](sd_event_source*, std::uint64_t, void*) { return 0; }, nullptr);
  sd_event_set_watchdog(raw, 1);
  running_ = true;
  bool announced = false;
  while (sd_event_get_state(raw) != SD_EVENT_FINISHED) {
    const bool drained = turn();
    sd_event_source_set_enabled(sensors, drained ? SD_EVENT_OFF : SD_EVENT_ON);
    if (!announced && core_->first_scans_done()) {
      announced = true;
      sd_notify(0, "READY=1\nSTATUS=Watching containers");
      log_info("ready");
    }
    std::uint64_t wake = core_->next_turn_ns();
    if (core_->changed()) {
      wake = std::min(wake, last_publish_ns_ + kPublishEveryNs);
    }
    if (drained) wake = std::min(wake, last_turn_ns_ + kRestNs);
    sd_event_source_set_time(timer, wake / 1000 + 1);
    sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
    if (sd_event_run(raw, UINT64_MAX) < 0) break;
  }
  running_ = false;
  sd_event_source_unref(sensors);
  sd_event_source_unref(timer);
  sd_notify(0, "STOPPING=1");
  events_.agent("stopped", "");
  events_.close();
  log_info("stopped");
  return {};
}

bool Engine::drain() {
  return sensors_->drain(
             [this](Observation&& seen) { core_->observe(std::move(seen)); },
             kBatch) != 0;
}

bool Engine::turn() {
  const bool drained = drain();
  core_->turn();
  const std::uint64_t now = boottime_now_ns();
  last_turn_ns_ = now;
  if (core_->changed() && now - last_publish_ns_ >= kPublishEveryNs) publish();
  return drained;
}

void Engine::publish() {
  auto fresh = core_->snapshot();
  last_publish_ns_ = boottime_now_ns();
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_ = std::move(fresh);
}

AgentPhase Engine::phase() const {
  if (running_) return {AgentPhase::Name::running, ""};
  if (last_turn_ns_ != 0) return {AgentPhase::Name::stopping, ""};
  return {AgentPhase::Name::starting, "attaching the sensors"};
}

SnapshotPtr Engine::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

bool Engine::healthy() const {
  return running_ && boottime_now_ns() - last_turn_ns_ < kUnhealthyNs;
}

template <typename Answer>
Result<Answer> Engine::ask(
    std::function<void(std::function<void(Result<Answer>)>)> work) {
  auto promise = std::make_shared<std::promise<Result<Answer>>>();
  auto answer = promise->get_future();
  if (!running_) return tl::unexpected<Error>(stopping());
  mailbox_.post([work = std::move(work), promise] {
    work([promise](Result<Answer> result) {
      promise->set_value(std::move(result));
    });
  });
  if (answer.wait_for(kAnswerWithin) != std::future_status::ready) {
    return fail("the agent did not answer in time: is the disk overloaded?");
  }
  return answer.get();
}

Result<DiffAnswer> Engine::diff(const std::string& container) {
  return ask<DiffAnswer>([this, container](auto done) {
    core_->diff(container, std::move(done));
  });
}

Result<ExplainAnswer> Engine::explain(const std::string& container,
                                      const std::string& path) {
  return ask<ExplainAnswer>([this, container, path](auto done) {
    core_->explain(container, path, std::move(done));
  });
}

Result<std::string> Engine::suggest(const std::string& workload) {
  return ask<std::string>([this, workload](auto done) {
    core_->suggest(workload, std::move(done));
  });
}

Result<SnapshotPtr> Engine::scanned_snapshot() {
  auto promise = std::make_shared<std::promise<SnapshotPtr>>();
  auto answer = promise->get_future();
  if (!running_) return tl::unexpected<Error>(stopping());
  mailbox_.post([this, promise] {
    core_->scan_all([this, promise] {
      publish();
      auto present = std::make_shared<Snapshot>(*snapshot());
      std::erase_if(present->containers,
                    [](const ContainerView& view) { return view.gone; });
      promise->set_value(std::move(present));
    });
  });
  if (answer.wait_for(kAnswerWithin) != std::future_status::ready) {
    return fail("the agent did not answer in time: is the disk overloaded?");
  }
  return answer.get();
}

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
