// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/sensors.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/text.h"
#include "agent/sensors/decode.h"
#include "agent/sensors/kernel_facts.h"
#include "agent/sensors/kernel_maps.h"
#include "agent/sensors/limits.h"
#include "stillframe_bpf.skel.h"

namespace stillframe::sensors {
namespace {

// One program of the object and the sensor that needs it.
struct Program {
  const char* name;
  const char* sensor;
  const char* tracepoint;  // nullptr: attached to a cgroup
};

constexpr std::array kPrograms = {
    Program{"stillframe_exec", "code", "sched_process_exec"},
    Program{"stillframe_fork", "lifecycle", "sched_process_fork"},
    Program{"stillframe_exit", "lifecycle", "sched_process_exit"},
    Program{"stillframe_cgroup_mkdir", "lifecycle", "cgroup_mkdir"},
    Program{"stillframe_cgroup_rmdir", "lifecycle", "cgroup_rmdir"},
    Program{"stillframe_ctime_set", "files", "inode_set_ctime_to_ts"},
    Program{"stillframe_ctime_xchg", "files", "ctime_ns_xchg"},
    Program{"stillframe_ctime_skip", "files", "ctime_xchg_skip"},
    Program{"stillframe_sysctl", "kernel", nullptr},
};

// The order in which sensors are given up when the object does not load whole:
// what costs least first.
constexpr std::array<std::string_view, 3> kGiveUp = {"kernel", "files", "code"};

struct SkeletonFree {
  void operator()(stillframe_bpf* s) const { stillframe_bpf__destroy(s); }
};
using Skeleton = std::unique_ptr<stillframe_bpf, SkeletonFree>;

struct LinkFree {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkFree>;

// libbpf's last complaint: the only account of why a load failed.
std::string g_last_complaint;

int remember_complaint(enum libbpf_print_level level, const char* format,
                       va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  std::string_view text(line);
  // The verifier's log runs over many lines; its end says what was wrong.
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const auto cut = text.rfind('\n');
  if (cut != std::string_view::npos) text.remove_prefix(cut + 1);
  if (text.find("failed to load object") == std::string_view::npos &&
      text.find("END PROG LOAD LOG") == std::string_view::npos) {
    g_last_complaint = std::string(text);
  }
  return 0;
}

struct Loaded {
  Skeleton skeleton;
  std::vector<Link> links;
  std::map<std::string, std::string> missing;  // sensor -> why
};

void set_constants(stillframe_bpf& skeleton, const KernelFacts& facts,
                   const SensorConfig& config) {
  auto* constants = skeleton.rodata;
  constants->host_mnt_ns = facts.mnt_ns;
  constants->host_root_dev = facts.root_dev;
  constants->host_root_ino = facts.root_ino;
  constants->observed_hierarchy = facts.hierarchy;
  constants->observed_subsys = facts.subsys;
  constants->budget_per_second = config.budget_per_second;
  if (facts.inode_new != 0) constants->inode_new = facts.inode_new;
  if (facts.inode_creating != 0) {
    constants->inode_creating = facts.inode_creating;
  }
}

// Loads the object without the sensors in `missing`.
Result<Skeleton> load(const KernelFacts& facts, const SensorConfig& config,
                      const std::map<std::string, std::string>& missing) {
  Skeleton skeleton(stillframe_bpf__open());
  if (!skeleton) return fail("opening the BPF object", errno);
  set_constants(*skeleton, facts, config);
  for (const Program& program : kPrograms) {
    bpf_program* found =
        bpf_object__find_program_by_name(skeleton->obj, program.name);
    bpf_program__set_autoload(found, missing.count(program.sensor) == 0);
  }
  const int error = stillframe_bpf__load(skeleton.get());
  if (error != 0) return fail(g_last_complaint, -error);
  return skeleton;
}

Result<> attach(Loaded& loaded, const Program& program,
                const SensorConfig& config) {
  bpf_program* found =
      bpf_object__find_program_by_name(loaded.skeleton->obj, program.name);
  bpf_link* link = nullptr;
  if (program.tracepoint != nullptr) {
    link = bpf_program__attach(found);
  } else {
    Fd cgroup(::open(config.unified_mount.c_str(),
                     O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (cgroup < 0) return fail(config.unified_mount, errno);
    link = bpf_program__attach_cgroup(found, cgroup);
  }
  if (link == nullptr) return fail(std::string(program.name), errno);
  loaded.links.emplace_back(link);
  return {};
}

Result<Loaded> load_what_works(const KernelFacts& facts,
                               const SensorConfig& config) {
  Loaded loaded;
  for (const Program& program : kPrograms) {
    if (program.tracepoint != nullptr && !has_tracepoint(program.tracepoint)) {
      loaded.missing.emplace(program.sensor,
                             "this kernel has no BTF tracepoint " +
                                 std::string(program.tracepoint));
    }
  }
  if (config.unified_mount.empty()) {
    loaded.missing.emplace("kernel", "no cgroup v2 hierarchy is mounted");
  }
  auto skeleton = load(facts, config, loaded.missing);
  for (const std::string_view sensor : kGiveUp) {
    if (skeleton) break;
    loaded.missing.emplace(sensor, skeleton.error().message);
    skeleton = load(facts, config, loaded.missing);
  }
  if (!skeleton) return fail(skeleton, "loading the BPF programs");
  loaded.skeleton = std::move(*skeleton);
  for (const Program& program : kPrograms) {
    if (loaded.missing.count(program.sensor) != 0) continue;
    if (auto attached = attach(loaded, program, config); !attached) {
      loaded.missing.emplace(program.sensor, attached.error().message);
    }
  }
  return loaded;
}

std::vector<SensorStatus> describe(const Loaded& loaded) {
  struct Known {
    const char* sensor;
    const char* implementation;
    Coverage without;  // what a scan makes good
    const char* cure;
  };
  constexpr std::array kKnown = {
      Known{"lifecycle", "tp_btf", Coverage::state, "use a kernel with BTF"},
      Known{"files", "tp_btf ctime", Coverage::state,
            "use Linux 6.13 or newer; until then scans find changes without "
            "their actor"},
      Known{"code", "tp_btf exec", Coverage::none, "use Linux 6.2 or newer"},
      Known{"kernel", "cgroup/sysctl", Coverage::none,
            "mount cgroup v2 (it may be beside v1)"},
  };
  std::vector<SensorStatus> all;
  for (const Known& known : kKnown) {
    SensorStatus status{known.sensor, known.implementation, Coverage::events,
                        "", ""};
    if (const auto it = loaded.missing.find(known.sensor);
        it != loaded.missing.end()) {
      status.implementation = known.without == Coverage::state ? "scan" : "";
      status.coverage = known.without;
      status.reason = it->second;
      status.cure = known.cure;
    }
    all.push_back(std::move(status));
  }
  // Said so that nobody takes silence for stillness.
  all.push_back({"mounts", "mountinfo", Coverage::state,
                 "changes are found, but not who made them", ""});
  for (const char* sensor : {"libraries", "memory"}) {
    all.push_back(
        {sensor, "", Coverage::none, "this version has no sensor for it", ""});
  }
  return all;
}

SensorStatus describe(const LimitWatch& limits) {
  if (limits.trouble().empty()) {
    return {"limits", "inotify", Coverage::events,
            "changes are seen, but not who made them", ""};
  }
  return {"limits", "polling", Coverage::state, limits.trouble(),
          "raise fs.inotify.max_user_instances"};
}

}  // namespace

struct Sensors::Impl {
  Loaded loaded;
  KernelMaps maps;
  ring_buffer* ring = nullptr;
  LimitWatch limits;
  Fd poll{::epoll_create1(EPOLL_CLOEXEC)};  // of the ring buffer and the limits
  std::vector<SensorStatus> status;
  const std::function<void(Observation&&)>* sink = nullptr;
  std::int64_t real_minus_boot_ns = 0;
  std::size_t left = 0;  // observations still wanted by drain()
  std::uint64_t undecodable = 0;

  ~Impl() { ring_buffer__free(ring); }

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

Result<std::unique_ptr<Sensors>> Sensors::start(const SensorConfig& config) {
  libbpf_set_print(remember_complaint);
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  auto facts = kernel_facts(config.observed_controller);
  if (!facts) return fail(facts, "sensors");
  auto loaded = load_what_works(*facts, config);
  if (!loaded) return fail(loaded, "sensors");

  auto impl = std::make_unique<Impl>();
  impl->loaded = std::move(*loaded);
  const auto& maps = impl->loaded.skeleton->maps;
  impl->maps = {maps.roots,   maps.upper_inodes, maps.upper_devs,
                maps.cgroups, maps.processes,    maps.changes,
                maps.losses,  maps.counters};
  impl->ring = ring_buffer__new(
      bpf_map__fd(maps.events),
      [](void* context, void* data, std::size_t size) {
        return static_cast<Impl*>(context)->take(data, size);
      },
      impl.get(), nullptr);
  if (impl->ring == nullptr) return fail("the BPF ring buffer", errno);
  impl->status = describe(impl->loaded);
  impl->status.push_back(describe(impl->limits));
  for (const int fd :
       {ring_buffer__epoll_fd(impl->ring), impl->limits.poll_fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (fd >= 0 && ::epoll_ctl(impl->poll, EPOLL_CTL_ADD, fd, &event) != 0) {
      return fail("the sensors' descriptors", errno);
    }
  }
  return std::unique_ptr<Sensors>(new Sensors(std::move(impl)));
}

Sensors::Sensors(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sensors::~Sensors() = default;

int Sensors::poll_fd() const { return impl_->poll; }

std::size_t Sensors::drain(const std::function<void(Observation&&)>& sink,
                           std::size_t limit) {
  impl_->sink = &sink;
  impl_->left = limit;
  impl_->real_minus_boot_ns =
      wall_now().ns - static_cast<std::int64_t>(boottime_now_ns());
  ring_buffer__consume(impl_->ring);
  impl_->sink = nullptr;
  return limit - impl_->left + impl_->limits.drain(sink);
}

std::vector<SensorStatus> Sensors::status() const { return impl_->status; }

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
  return counters;
}

void Sensors::add_root(const UpperRoot& root, bool live) {
  impl_->maps.add_root(root, live ? SF_ROOT_LIVE : 0);
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
  impl_->maps.add_cgroup(cgroup, state);
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
