// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/sensors.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/model/inode_identity.h"
#include "agent/sensors/decode.h"
#include "agent/sensors/kernel_facts.h"
#include "agent/sensors/kernel_maps.h"
#include "agent/sensors/kernel_types.h"
#include "agent/sensors/libbpf_messages.h"
#include "agent/sensors/limits.h"
#include "agent/sensors/object.h"
#include "agent/sensors/registry.h"
#include "agent/sensors/ring.h"
#include "agent/sensors/trial.h"

namespace stillframe::sensors {
namespace {

using ObjectPtr = std::unique_ptr<Object>;

const UpperRoot* root_of(const Observation& seen) {
  return std::visit(
      [](const auto& one) -> const UpperRoot* {
        if constexpr (requires { one.root; }) return &one.root;
        return nullptr;
      },
      seen);
}

std::uint32_t mount_namespace(std::uint32_t pid) {
  struct stat st{};
  const auto path = "/proc/" + std::to_string(pid) + "/ns/mnt";
  if (pid == 0 || ::stat(path.c_str(), &st) != 0) return 0;
  return static_cast<std::uint32_t>(st.st_ino);
}

std::uint32_t device_of_root(std::uint32_t pid) {
  struct stat st{};
  const auto path = "/proc/" + std::to_string(pid) + "/root";
  if (pid == 0 || ::stat(path.c_str(), &st) != 0) return 0;
  return kernel_dev(st.st_dev);
}

}  // namespace

struct Sensors::Impl {
  SensorConfig config;
  const Clock& clock;
  std::optional<const KernelTypes> types;
  Setup setup;  // its types: see with_types()
  bool plain_watched = false;
  bool types_missed = false;  // and said
  ObjectPtr shared;           // makes the maps
  std::optional<const KernelMaps> maps;
  std::optional<LimitWatch> limits;              // asks the maps
  std::vector<std::unique_ptr<Sensor>> sensors;  // in doctor's order
  // Of the ring buffer, the limits and the backlog.
  Fd poll{::epoll_create1(EPOLL_CLOEXEC)};
  std::optional<Ring> ring;
  bool overlay_was_there = false;
  // Taken out of the ring buffer while the sensors were being tried; readable
  // as long as there is any.
  std::deque<Observation> backlog;
  Fd backlogged{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  const std::function<void(Observation&&)>* sink = nullptr;
  std::int64_t real_minus_boot_ns = 0;
  std::uint64_t lives_since_ns = UINT64_MAX;
  std::size_t left = 0;  // observations still wanted by drain()
  std::uint64_t undecodable = 0;

  Impl(SensorConfig c, const Clock& k) : config(std::move(c)), clock(k) {}

  // Does what may load programs, while the kernel's types are there. They take
  // some MiB, and are given back unless a sensor may need them in a hurry.
  Result<> with_types(const std::function<Result<>()>& work);
  Result<> begin();
  DescribeProcess describer() const;
  void choose();
  Result<std::set<FileOp>> missed(TrialGround ground);
  std::size_t drain(const std::function<void(Observation&&)>& to,
                    std::size_t limit);

  bool take(const void* data, std::size_t size);
};

bool Sensors::Impl::take(const void* data, std::size_t size) {
  // Before anybody looks at the directory: what changes from now on must be
  // reported again.
  const auto key = rearm_key(data, size);
  const bool more = key && maps->rearm(*key);
  auto seen = decode(data, size, real_minus_boot_ns);
  if (seen) {
    if (more)
      std::get<FileObservation>(*seen).folded_until_ns = clock.boot_ns();
    (*sink)(std::move(*seen));
    if (auto origin = origin_of_rename(data, size)) (*sink)(*std::move(origin));
  } else {
    ++undecodable;
  }
  return --left != 0;
}

Result<> Sensors::Impl::with_types(const std::function<Result<>()>& work) {
  if (!types) {
    auto loaded = KernelTypes::load();
    if (!loaded) {
      if (!std::exchange(types_missed, true)) {
        log_warn("no sensor can be attached now; it is tried again",
                 {{"error", loaded.error().message}});
      }
      return tl::unexpected(loaded.error());
    }
    types.emplace(*std::move(loaded));
  }
  types_missed = false;
  setup.types = &*types;
  auto done = work();
  setup.types = nullptr;
  if (std::none_of(sensors.begin(), sensors.end(), [](const auto& sensor) {
        return sensor->may_attach_later();
      })) {
    types.reset();
  }
  return done;
}

DescribeProcess Sensors::Impl::describer() const {
  if (!config.describe) return {};
  const KernelProcesses kernel{
      [this](std::uint32_t pid, std::uint64_t start_ns) {
        return maps->followed(pid, start_ns);
      },
      [this](std::uint32_t pid) { return maps->ended(pid); }};
  return [this, kernel](std::uint32_t pid) {
    return config.describe(pid, kernel);
  };
}

Result<> Sensors::Impl::begin() {
  auto facts = kernel_facts(config.observed_controller, *setup.types);
  if (!facts) return tl::unexpected(facts.error());
  facts->budget_per_second = config.budget_per_second;
  setup.config = *facts;
  setup.config.real_minus_boot_ns = clock.wall_at(0).ns;
  setup.unified_mount = config.unified_mount;
  utsname names{};
  ::uname(&names);
  setup.preallocate = allocates_with_warning(names.release);
  setup.no_trampolines = refuses_trampolines(*setup.types);
  auto made = Object::attach(shared_object(), setup);
  if (!made && setup.config.reads == SF_READS_CAST) {
    // The function is there, and may not be called by such programs.
    log_info("kernel memory is read by copies, which costs more",
             {{"reason", to_string(made.error())}});
    setup.config.reads = SF_READS_COPY;
    made = Object::attach(shared_object(), setup);
  }
  if (!made) {
    const auto [meaning, fix] = explain(made.error());
    return fail(to_string(made.error()) + " (" + meaning +
                (fix.empty() ? "" : "; " + fix) + ")");
  }
  shared = std::move(*made);
  setup.maps = shared.get();
  maps.emplace(*shared);
  limits.emplace(clock, describer());
  sensors = make_sensors(
      {[this](TrialGround ground) { return missed(ground); }, *limits});
  const bpf_map* events = shared->map("events");
  auto mapped = Ring::map(bpf_map__fd(events), bpf_map__max_entries(events));
  if (!mapped) return tl::unexpected(mapped.error());
  ring.emplace(*std::move(mapped));
  std::vector<int> sources = limits->poll_fds();
  sources.push_back(bpf_map__fd(events));
  sources.push_back(backlogged);
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
  real_minus_boot_ns = clock.wall_at(0).ns;
  while (left != 0 && !backlog.empty()) {
    Observation seen = std::move(backlog.front());
    backlog.pop_front();
    --left;
    to(std::move(seen));
    eventfd_t drained = 0;
    if (backlog.empty()) ::eventfd_read(backlogged, &drained);
  }
  if (left != 0) {
    ring->drain([this](auto* data, auto size) { return take(data, size); });
  }
  sink = nullptr;
  maps->forget_inodes();
  return limit - left + limits->drain(to);
}

// What the files sensor as it is now does not see; fails where there is nothing
// to try it on.
Result<std::set<FileOp>> Sensors::Impl::missed(TrialGround ground) {
  constexpr std::size_t kAll = 1u << 20;
  std::deque<Observation> seen;
  const auto keep = [&](Observation&& one) { seen.push_back(std::move(one)); };
  drain(keep, kAll);
  const auto trial = config.try_files(ground, [&](const UpperRoot& root) {
    if (ground == TrialGround::directory) maps->add_root(root, SF_ROOT_PLAIN);
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
  if (!trial) return tl::unexpected(trial.error());
  maps->remove_root(trial->root);
  return unseen;
}

void Sensors::Impl::choose() {
  overlay_was_there = overlay_is_there();
  for (const auto& sensor : sensors) sensor->choose(setup);
}

Result<std::unique_ptr<Sensors>> Sensors::start(const SensorConfig& config,
                                                const Clock& clock) {
  send_libbpf_messages_to_log();
  // Mounting one makes the kernel load overlay, whose types are then there to
  // see. Where it fails, the files sensor will say so.
  static_cast<void>(
      config.try_files(TrialGround::overlay, [](const UpperRoot&) {}));
  auto impl = std::make_unique<Impl>(config, clock);
  const auto begun = impl->with_types([&]() -> Result<> {
    auto result = impl->begin();
    if (result) impl->choose();
    return result;
  });
  if (!begun) return fail(begun, "sensors");
  return std::unique_ptr<Sensors>(new Sensors(std::move(impl)));
}

bool Sensors::reconsider() {
  if (impl_->overlay_was_there || !overlay_is_there()) return false;
  bool changed = false;
  impl_->types.reset();  // those known lack overlay's
  // Where the types cannot be read it is tried again the next time.
  static_cast<void>(impl_->with_types([&]() -> Result<> {
    impl_->setup.config.extra = extra_arguments(*impl_->setup.types);
    impl_->overlay_was_there = true;
    for (const auto& sensor : impl_->sensors) {
      changed |= sensor->overlay_appeared(impl_->setup);
    }
    return {};
  }));
  return changed;
}

bool Sensors::watch_plain(bool wanted) {
  if (wanted == impl_->plain_watched) return false;
  bool changed = false;
  static_cast<void>(impl_->with_types([&]() -> Result<> {
    impl_->plain_watched = wanted;
    for (const auto& sensor : impl_->sensors) {
      changed |= sensor->watch_plain(wanted, impl_->setup);
    }
    return {};
  }));
  return changed;
}

Sensors::Sensors(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sensors::~Sensors() = default;

int Sensors::poll_fd() const { return impl_->poll; }

std::size_t Sensors::drain(const std::function<void(Observation&&)>& sink,
                           std::size_t limit) {
  return impl_->drain(sink, limit);
}

std::vector<SensorStatus> Sensors::status() const {
  std::vector<SensorStatus> status;
  for (const auto& sensor : impl_->sensors) status.push_back(sensor->status());
  return status;
}

KernelCounters Sensors::counters() const {
  KernelCounters counters;
  const auto& maps = *impl_->maps;
  counters.events = maps.counted(SF_COUNTER_EVENTS);
  counters.suppressed = maps.counted(SF_COUNTER_SUPPRESSED);
  counters.unlisted = maps.counted(SF_COUNTER_UNLISTED);
#define STILLFRAME_LOSS(name) counters.lost[#name] = maps.lost(SF_LOSS_##name);
  SF_LOSS_REASONS(STILLFRAME_LOSS)
#undef STILLFRAME_LOSS
  counters.lost["undecodable"] = impl_->undecodable;
  for (const auto& sensor : impl_->sensors) {
    counters.lost[sensor->missed_as()] += sensor->missed_runs();
  }
  return counters;
}

void Sensors::add_root(const UpperRoot& root, bool live, bool plain,
                       WallTime since) {
  impl_->maps->add_root(
      root, (live ? SF_ROOT_LIVE : 0) | (plain ? SF_ROOT_PLAIN : 0), since.ns);
}

void Sensors::ignore_root(const UpperRoot& root) {
  impl_->maps->add_root(root, SF_ROOT_IGNORE);
}

void Sensors::remove_root(const UpperRoot& root) {
  impl_->maps->remove_root(root);
}

std::vector<UpperRoot> Sensors::roots() const { return impl_->maps->roots(); }

bool Sensors::add_inode(const UpperRoot& root, const InodeId& inode,
                        bool directory) {
  return impl_->maps->add_inode(root, inode, directory);
}

void Sensors::add_cgroup(std::uint64_t cgroup, const UpperRoot& root,
                         std::uint32_t init_pid, std::uint64_t own) {
  sf_cgroup_state state{};
  state.root = to_kernel(root);
  state.family = own;
  state.flags = SF_CGROUP_LIVE | (own != cgroup ? SF_CGROUP_CHILD : 0);
  state.init = init_pid;
  if (own == cgroup) state.mnt_ns = mount_namespace(init_pid);
  // Of an overlay that has no upper directory to be known by.
  if (!root) state.rootfs_dev = device_of_root(init_pid);
  impl_->maps->add_cgroup(cgroup, state);
  // How often its mounts changed so far only the kernel knows: 0 has it
  // reported at the next exec.
  if (state.mnt_ns != 0) {
    impl_->maps->add_mounts(state.mnt_ns, {state.root, cgroup, 0});
  }
}

void Sensors::remove_cgroup(std::uint64_t cgroup) {
  impl_->maps->remove_cgroup(cgroup);
}

void Sensors::follow(std::uint32_t pid, std::uint64_t start_ns,
                     std::uint64_t cgroup, std::uint64_t session, bool init,
                     bool leader) {
  sf_followed followed{};
  followed.started = sf_start_ticks(start_ns);
  followed.session = session;
  followed.cgroup = cgroup;
  followed.flags =
      (init ? SF_FOLLOWED_INIT : 0) | (leader ? SF_FOLLOWED_LEADER : 0);
  impl_->maps->follow(pid, followed);
}

void Sensors::containers_known() {
  impl_->maps->containers_known();
  impl_->lives_since_ns = impl_->clock.boot_ns();
}

std::uint64_t Sensors::lives_since_ns() const { return impl_->lives_since_ns; }

void Sensors::watch_limits(std::uint64_t cgroup,
                           const std::vector<std::string>& directories) {
  if (auto watched = impl_->limits->watch(cgroup, directories); !watched) {
    log_warn("changes of a container's limits are found by scans only",
             {{"error", watched.error()},
              {"hint", "raise fs.inotify.max_user_watches"}});
  }
}

void Sensors::forget_limits(std::uint64_t cgroup) {
  impl_->limits->forget(cgroup);
}

LimitsObservation Sensors::limits(std::uint64_t cgroup, bool anyway) {
  if (anyway) impl_->limits->doubt(cgroup);
  return impl_->limits->look(cgroup);
}

}  // namespace stillframe::sensors
