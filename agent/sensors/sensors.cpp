// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/sensors.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <deque>
#include <optional>
#include <set>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/sensors/decode.h"
#include "agent/sensors/files_sensor.h"
#include "agent/sensors/kernel_facts.h"
#include "agent/sensors/kernel_maps.h"
#include "agent/sensors/kernel_types.h"
#include "agent/sensors/ladder.h"
#include "agent/sensors/limits.h"
#include "agent/sensors/object.h"
#include "agent/sensors/status.h"
#include "agent/sensors/trial.h"

namespace stillframe::sensors {
namespace {

using ObjectPtr = std::unique_ptr<Object>;

struct RingFree {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

const UpperRoot* root_of(const Observation& seen) {
  return std::visit(
      [](const auto& one) -> const UpperRoot* {
        if constexpr (requires { one.root; }) return &one.root;
        return nullptr;
      },
      seen);
}

SensorStatus status_of(const LimitWatch& limits) {
  if (limits.trouble().empty()) {
    return {"limits",
            "inotify",
            Coverage::events,
            "changes are seen, but not who made them",
            "",
            {accepted("inotify", "")}};
  }
  return {
      "limits",
      "polling",
      Coverage::state,
      limits.trouble(),
      "raise fs.inotify.max_user_instances",
      {{"inotify", false, limits.trouble(), "", ""}, accepted("polling", "")}};
}

std::uint32_t mount_namespace(std::uint32_t pid) {
  struct stat st{};
  const auto path = "/proc/" + std::to_string(pid) + "/ns/mnt";
  if (pid == 0 || ::stat(path.c_str(), &st) != 0) return 0;
  return static_cast<std::uint32_t>(st.st_ino);
}

}  // namespace

struct Sensors::Impl {
  SensorConfig config;
  KernelTypes types;
  Setup setup;
  ObjectPtr life;
  FilesSensor files{[this](TrialGround ground) { return missed(ground); }};
  ObjectPtr kernel;
  ObjectPtr libraries;
  ObjectPtr memory;
  ObjectPtr mounts;
  KernelMaps maps;
  LimitWatch limits;
  // Of the ring buffer, the limits and the backlog.
  Fd poll{::epoll_create1(EPOLL_CLOEXEC)};
  std::unique_ptr<ring_buffer, RingFree> ring;
  std::vector<SensorStatus> status;
  bool overlay_was_there = false;
  // Taken out of the ring buffer while the sensors were being tried; readable
  // as long as there is any.
  std::deque<Observation> backlog;
  Fd backlogged{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  const std::function<void(Observation&&)>* sink = nullptr;
  std::int64_t real_minus_boot_ns = 0;
  std::size_t left = 0;  // observations still wanted by drain()
  std::uint64_t undecodable = 0;

  Impl(SensorConfig c, KernelTypes t)
      : config(std::move(c)), types(std::move(t)) {}

  Result<> begin();
  void choose();
  SensorStatus choose_kernel();
  SensorStatus choose_first(const Ladder& ladder, ObjectPtr& object);
  std::optional<std::set<FileOp>> missed(TrialGround ground);
  std::size_t drain(const std::function<void(Observation&&)>& to,
                    std::size_t limit);

  int take(const void* data, std::size_t size) {
    // Before anybody looks at the directory: what changes from now on must be
    // reported again.
    if (const auto key = rearm_key(data, size)) maps.rearm(*key);
    auto seen = decode(data, size, real_minus_boot_ns);
    if (seen) {
      (*sink)(std::move(*seen));
    } else {
      ++undecodable;
    }
    return --left == 0 ? kEnough : 0;
  }

  static constexpr int kEnough = -EAGAIN;
};

Result<> Sensors::Impl::begin() {
  auto facts = kernel_facts(config.observed_controller, types);
  if (!facts) return tl::unexpected(facts.error());
  facts->budget_per_second = config.budget_per_second;
  setup.config = *facts;
  setup.config.real_minus_boot_ns =
      wall_now().ns - static_cast<std::int64_t>(boottime_now_ns());
  setup.types = &types;
  setup.unified_mount = config.unified_mount;
  auto made = Object::attach(sensors::life().object, setup);
  if (!made && setup.config.typed_reads != 0) {
    // The function is there, and may not be called by such programs.
    log_info("kernel memory is read by copies, which costs more",
             {{"reason", to_string(made.error())}});
    setup.config.typed_reads = 0;
    made = Object::attach(sensors::life().object, setup);
  }
  if (!made) {
    const auto [meaning, fix] = explain(made.error());
    return fail(to_string(made.error()) + " (" + meaning +
                (fix.empty() ? "" : "; " + fix) + ")");
  }
  life = std::move(*made);
  setup.maps = life.get();
  maps = {life->map("roots"),      life->map("upper_inodes"),
          life->map("upper_devs"), life->map("roots_registered"),
          life->map("cgroups"),    life->map("processes"),
          life->map("changes"),    life->map("losses"),
          life->map("counters"),   life->map("mount_namespaces")};
  ring.reset(ring_buffer__new(
      bpf_map__fd(life->map("events")),
      [](void* context, void* data, std::size_t size) {
        return static_cast<Impl*>(context)->take(data, size);
      },
      this, nullptr));
  if (!ring) return fail("the BPF ring buffer", errno);
  const int sources[] = {ring_buffer__epoll_fd(ring.get()), limits.poll_fd(),
                         backlogged};
  for (const int fd : sources) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (fd >= 0 && ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0) {
      return fail("the sensors' descriptors", errno);
    }
  }
  return {};
}

std::size_t Sensors::Impl::drain(const std::function<void(Observation&&)>& to,
                                 std::size_t limit) {
  sink = &to;
  left = limit;
  real_minus_boot_ns =
      wall_now().ns - static_cast<std::int64_t>(boottime_now_ns());
  while (left != 0 && !backlog.empty()) {
    Observation seen = std::move(backlog.front());
    backlog.pop_front();
    --left;
    to(std::move(seen));
    eventfd_t drained = 0;
    if (backlog.empty()) ::eventfd_read(backlogged, &drained);
  }
  if (left != 0) ring_buffer__consume(ring.get());
  sink = nullptr;
  return limit - left + limits.drain(to);
}

// What the files sensor as it is now does not see; nothing where there is
// nothing to try it on.
std::optional<std::set<FileOp>> Sensors::Impl::missed(TrialGround ground) {
  constexpr std::size_t kAll = 1u << 20;
  std::deque<Observation> seen;
  const auto keep = [&](Observation&& one) { seen.push_back(std::move(one)); };
  drain(keep, kAll);
  const auto trial = try_files(ground, [&](const UpperRoot& root) {
    if (ground == TrialGround::directory) maps.add_root(root, SF_ROOT_PLAIN);
  });
  drain(keep, kAll);
  std::set<FileOp> unseen;
  if (trial) unseen = trial->done;
  for (auto& one : seen) {
    const UpperRoot* root = root_of(one);
    if (!trial || root == nullptr || *root != trial->root) {
      backlog.push_back(std::move(one));
    } else if (const auto* file = std::get_if<FileObservation>(&one)) {
      unseen.erase(file->op);
    }
  }
  if (!backlog.empty()) ::eventfd_write(backlogged, 1);
  if (!trial) return std::nullopt;
  maps.remove_root(trial->root);
  return unseen;
}

SensorStatus Sensors::Impl::choose_kernel() {
  const Ladder& ladder = sensors::kernel_parameters();
  if (!config.unified_mount.empty()) return choose_first(ladder, kernel);
  std::vector<SensorAttempt> attempts;
  for (const Rung& rung : ladder.rungs) {
    attempts.push_back({rung.implementation, false, "",
                        "no cgroup v2 hierarchy is mounted",
                        "mount cgroup v2 (it may be beside v1)"});
  }
  return status_of(ladder, std::move(attempts));
}

// The first implementation that loads and attaches.
SensorStatus Sensors::Impl::choose_first(const Ladder& ladder,
                                         ObjectPtr& object) {
  std::vector<SensorAttempt> attempts;
  for (const Rung& rung : ladder.rungs) {
    auto attached = Object::attach(rung.object, setup);
    if (attached) {
      object = std::move(*attached);
      attempts.push_back(accepted(rung.implementation, ""));
      break;
    }
    attempts.push_back(refused(rung.implementation, attached.error()));
  }
  return status_of(ladder, std::move(attempts));
}

void Sensors::Impl::choose() {
  status.clear();
  overlay_was_there = overlay_is_there();
  for (const char* sensor : {"lifecycle", "code"}) {
    status.push_back({sensor,
                      sensors::life().implementation,
                      Coverage::events,
                      "",
                      "",
                      {accepted(sensors::life().implementation, "")}});
  }
  files.choose(setup);
  status.push_back(choose_kernel());
  status.push_back(choose_first(sensors::libraries(), libraries));
  status.push_back(choose_first(sensors::memory(), memory));
  status.push_back(choose_first(sensors::mounts(), mounts));
  status.push_back(status_of(limits));
}

Result<std::unique_ptr<Sensors>> Sensors::start(const SensorConfig& config) {
  listen_to_libbpf();
  // Mounting one makes the kernel load overlay, whose types are then there to
  // see. Where it fails, the files sensor will say so.
  static_cast<void>(try_files(TrialGround::overlay, [](const UpperRoot&) {}));
  auto types = KernelTypes::load();
  if (!types) return fail(types, "sensors");
  auto impl = std::make_unique<Impl>(config, std::move(*types));
  if (auto begun = impl->begin(); !begun) return fail(begun, "sensors");
  impl->choose();
  return std::unique_ptr<Sensors>(new Sensors(std::move(impl)));
}

bool Sensors::reconsider() {
  if (impl_->overlay_was_there || !overlay_is_there()) return false;
  auto types = KernelTypes::load();
  if (!types) return false;
  impl_->types = std::move(*types);
  impl_->setup.config.extra = extra_arguments(impl_->types);
  impl_->overlay_was_there = true;
  impl_->files.choose(impl_->setup);
  return true;
}

bool Sensors::watch_plain(bool wanted) {
  return impl_->files.watch_plain(wanted, impl_->setup);
}

Sensors::Sensors(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sensors::~Sensors() = default;

int Sensors::poll_fd() const { return impl_->poll; }

std::size_t Sensors::drain(const std::function<void(Observation&&)>& sink,
                           std::size_t limit) {
  return impl_->drain(sink, limit);
}

std::vector<SensorStatus> Sensors::status() const {
  auto status = impl_->status;
  status.insert(status.begin() + 1, impl_->files.status());
  return status;
}

KernelCounters Sensors::counters() const {
  KernelCounters counters;
  const auto* map = impl_->maps.counters;
  counters.events = KernelMaps::sum(map, SF_COUNTER_EVENTS);
  counters.suppressed = KernelMaps::sum(map, SF_COUNTER_SUPPRESSED);
#define STILLFRAME_LOSS(name) \
  counters.lost[#name] = KernelMaps::sum(impl_->maps.losses, SF_LOSS_##name);
  SF_LOSS_REASONS(STILLFRAME_LOSS)
#undef STILLFRAME_LOSS
  counters.lost["undecodable"] = impl_->undecodable;
  auto& missed = counters.lost["program_busy"];
  missed = impl_->files.missed_runs();
  for (const auto* object :
       {&impl_->life, &impl_->kernel, &impl_->memory, &impl_->mounts}) {
    if (*object) missed += (*object)->missed_runs();
  }
  // Of its own: most of what this one is run for does not concern it.
  counters.lost["mmap_busy"] =
      impl_->libraries ? impl_->libraries->missed_runs() : 0;
  return counters;
}

void Sensors::add_root(const UpperRoot& root, bool live, bool plain,
                       WallTime since) {
  impl_->maps.add_root(
      root, (live ? SF_ROOT_LIVE : 0) | (plain ? SF_ROOT_PLAIN : 0), since.ns);
}

void Sensors::ignore_root(const UpperRoot& root) {
  impl_->maps.add_root(root, SF_ROOT_IGNORE);
}

void Sensors::remove_root(const UpperRoot& root) {
  impl_->maps.remove_root(root);
}

void Sensors::add_inode(const UpperRoot& root, const InodeId& inode) {
  impl_->maps.add_inode(root, inode);
}

void Sensors::add_cgroup(std::uint64_t cgroup, const UpperRoot& root,
                         std::uint32_t init_pid, bool child) {
  sf_cgroup_state state{};
  state.root = to_kernel(root);
  state.flags = SF_CGROUP_LIVE | (child ? SF_CGROUP_CHILD : 0);
  state.init = init_pid;
  if (!child) state.mnt_ns = mount_namespace(init_pid);
  impl_->maps.add_cgroup(cgroup, state);
  // How often its mounts changed so far only the kernel knows: 0 has it tell.
  if (state.mnt_ns != 0) {
    impl_->maps.add_mounts(state.mnt_ns, {state.root, cgroup, 0});
  }
}

void Sensors::remove_cgroup(std::uint64_t cgroup) {
  impl_->maps.remove_cgroup(cgroup);
}

void Sensors::follow(std::uint32_t pid, std::uint64_t cgroup,
                     std::uint64_t session, bool init, bool leader) {
  sf_followed followed{};
  followed.session = session;
  followed.cgroup = cgroup;
  followed.flags =
      (init ? SF_FOLLOWED_INIT : 0) | (leader ? SF_FOLLOWED_LEADER : 0);
  impl_->maps.follow(pid, followed);
}

void Sensors::watch_limits(std::uint64_t cgroup,
                           const std::vector<std::string>& directories) {
  impl_->limits.watch(cgroup, directories);
}

void Sensors::forget_limits(std::uint64_t cgroup) {
  impl_->limits.forget(cgroup);
}

LimitsObservation Sensors::limits(std::uint64_t cgroup) const {
  return impl_->limits.look(cgroup);
}

}  // namespace stillframe::sensors
