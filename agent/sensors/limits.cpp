// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/limits.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "agent/base/file.h"
#include "agent/base/log.h"

namespace stillframe::sensors {
namespace {

// Of cgroup v2, then of v1. Files that mirror another one (cpu.weight.nice) are
// left out.
constexpr std::array kFiles = {
    std::string_view("memory.max"),
    std::string_view("memory.high"),
    std::string_view("memory.low"),
    std::string_view("memory.min"),
    std::string_view("memory.swap.max"),
    std::string_view("memory.swap.high"),
    std::string_view("memory.zswap.max"),
    std::string_view("cpu.max"),
    std::string_view("cpu.max.burst"),
    std::string_view("cpu.weight"),
    std::string_view("cpu.idle"),
    std::string_view("cpu.uclamp.min"),
    std::string_view("cpu.uclamp.max"),
    std::string_view("cpuset.cpus"),
    std::string_view("cpuset.mems"),
    std::string_view("pids.max"),
    std::string_view("io.max"),
    std::string_view("io.weight"),
    std::string_view("io.bfq.weight"),
    std::string_view("io.latency"),
    std::string_view("rdma.max"),
    std::string_view("misc.max"),

    std::string_view("memory.limit_in_bytes"),
    std::string_view("memory.soft_limit_in_bytes"),
    std::string_view("memory.memsw.limit_in_bytes"),
    std::string_view("memory.kmem.limit_in_bytes"),
    std::string_view("memory.swappiness"),
    std::string_view("cpu.shares"),
    std::string_view("cpu.cfs_quota_us"),
    std::string_view("cpu.cfs_period_us"),
    std::string_view("cpu.cfs_burst_us"),
    std::string_view("cpu.rt_period_us"),
    std::string_view("cpu.rt_runtime_us"),
    std::string_view("blkio.weight"),
    std::string_view("blkio.bfq.weight"),
    std::string_view("blkio.throttle.read_bps_device"),
    std::string_view("blkio.throttle.write_bps_device"),
    std::string_view("blkio.throttle.read_iops_device"),
    std::string_view("blkio.throttle.write_iops_device"),
};

constexpr std::size_t kMaxValue = 4096;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// What an inotify_event says, apart from where in the buffer it lies.
struct InotifyEvent {
  int watch = 0;
  std::uint32_t mask = 0;
  std::string_view name;
};

template <typename Take>
void for_each_event(const char* data, std::size_t size, Take take) {
  std::size_t at = 0;
  while (at + sizeof(inotify_event) <= size) {
    inotify_event event;
    std::memcpy(&event, data + at, sizeof event);
    at += sizeof event;
    if (at + event.len > size) return;
    const char* name = data + at;
    take(
        InotifyEvent{event.wd, event.mask, {name, ::strnlen(name, event.len)}});
    at += event.len;
  }
}

// A cgroup that is removed between open and read gives ENODEV. A hierarchy may
// also list a file that it does not support (EOPNOTSUPP): it holds no limit.
bool is_gone(int error) {
  return error == ENOENT || error == ENOTDIR || error == ESTALE ||
         error == ENODEV || error == EOPNOTSUPP;
}

}  // namespace

bool is_limit_file(std::string_view name) {
  return std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end();
}

// By what the directory lists: to ask for each name costs more, and that again
// for each hierarchy of v1, which have few of them each.
LimitFiles list_limits(std::vector<std::string> directories) {
  LimitFiles found;
  std::array<bool, kFiles.size()> known{};
  for (std::size_t i = 0; i < directories.size(); ++i) {
    const std::unique_ptr<DIR, CloseDir> listing(
        ::opendir(directories[i].c_str()));
    struct stat st{};
    if (listing) static_cast<void>(::fstat(::dirfd(listing.get()), &st));
    found.devices.push_back(st.st_dev);
    errno = listing ? 0 : errno;
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
      const auto name = std::find(kFiles.begin(), kFiles.end(),
                                  std::string_view(entry->d_name));
      const auto place = static_cast<std::size_t>(name - kFiles.begin());
      if (name != kFiles.end() && !std::exchange(known[place], true)) {
        found.files.push_back({entry->d_ino, static_cast<std::uint16_t>(place),
                               static_cast<std::uint16_t>(i)});
      }
      errno = 0;
    }
    if (const int error = errno; error != 0 && !is_gone(error)) {
      log_warn("limits could not be looked for",
               {{"path", directories[i]},
                {"error", std::strerror(error)},
                {"hint", "changes of them are not seen"}});
    }
  }
  found.files.shrink_to_fit();
  found.directories = std::move(directories);
  return found;
}

Limits read_limits(const LimitFiles& files) {
  Limits limits;
  for (const auto& file : files.files) {
    std::string name(kFiles[file.name]);
    auto text =
        read_file(files.directories[file.directory] + "/" + name, kMaxValue);
    if (!text) {
      if (!is_gone(text.error().code)) {
        log_warn("a limit could not be read",
                 {{"error", text.error()},
                  {"hint", "it counts as unchanged until it can be read"}});
        limits.complete = false;
      }
      continue;
    }
    while (!text->empty() && text->back() == '\n') text->pop_back();
    limits.values.emplace(std::move(name), std::move(*text));
  }
  return limits;
}

LimitWatch::LimitWatch(const Clock& clock, DescribeProcess describe,
                       std::uint32_t servant)
    : clock_(clock),
      servant_(servant),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (inotify_ < 0) trouble_ = std::string("inotify: ") + std::strerror(errno);
  if (!describe) return;
  auto started =
      WriteWatch::start({std::move(describe), is_limit_file, servant});
  if (started) {
    writes_ = *std::move(started);
  } else {
    nameless_ = started.error().message;
  }
}

std::vector<int> LimitWatch::poll_fds() const {
  std::vector<int> all;
  if (inotify_ >= 0) all.push_back(inotify_);
  if (writes_) all.push_back(writes_->poll_fd());
  return all;
}

Result<> LimitWatch::watch(std::uint64_t cgroup,
                           const std::vector<std::string>& directories) {
  forget(cgroup);
  Watched& watched = containers_[cgroup];
  watched.files = list_limits(directories);
  if (inotify_ < 0) return {};  // trouble() says so
  watched.reported = true;
  Result<> result;
  for (const auto& directory : directories) {
    const bool marked = writes_ && writes_->add(directory);
    const std::uint32_t wanted = marked ? IN_DELETE_SELF : IN_MODIFY;
    const int number =
        ::inotify_add_watch(inotify_, directory.c_str(), wanted | IN_ONLYDIR);
    if (number >= 0) {
      watched.watches.push_back(number);
      const auto [other, alone] = by_watch_.try_emplace(number, cgroup);
      if (!alone) not_reported(other->second);
      watched.reported = watched.reported && alone;
    } else if (!is_gone(errno)) {
      watched.reported = false;
      result = fail("watching " + directory, errno);
    }
  }
  return result;
}

void LimitWatch::forget(std::uint64_t cgroup) {
  if (!containers_.contains(cgroup)) return;
  take_noticed();  // of directories that are there no more, or again
  const auto it = containers_.find(cgroup);
  bool all_there = true;
  for (const int number : it->second.watches) {
    all_there = all_there && by_watch_.erase(number) != 0;
    // Fails where the directory is gone: the kernel has removed it itself.
    static_cast<void>(::inotify_rm_watch(inotify_, number));
  }
  if (writes_ && all_there) {
    for (const auto& directory : it->second.files.directories) {
      writes_->remove(directory);
    }
  }
  containers_.erase(it);
}

// Who wrote while the values were read may have written what was read, or after
// it: counts now and at the next look.
LimitsObservation LimitWatch::see(std::uint64_t cgroup, Watched& watched) {
  LimitsObservation seen{clock_.boot_ns(), cgroup, {}, {}};
  auto writers = std::exchange(watched.writers, {});
  bool anybody = std::exchange(watched.anybody, false);
  auto limits = read_limits(watched.files);
  watched.changed = !watched.reported || !limits.complete;
  seen.values = std::move(limits.values);
  take_written(false);
  for (const auto& [file, more] : watched.writers) {
    auto& all = writers[file];
    all.insert(all.end(), more.begin(), more.end());
  }
  anybody = anybody || watched.anybody;
  for (const auto& [file, all] : writers) {
    if (anybody) break;
    auto known = known_writers(all, servant_);
    if (!known.empty()) seen.writers.emplace(file, std::move(known));
  }
  return seen;
}

LimitsObservation LimitWatch::look(std::uint64_t cgroup) {
  take_reports(true);
  const auto it = containers_.find(cgroup);
  if (it == containers_.end() || !it->second.changed) {
    return {clock_.boot_ns(), cgroup, {}, {}};
  }
  return see(cgroup, it->second);
}

void LimitWatch::doubt(std::uint64_t cgroup) {
  const auto it = containers_.find(cgroup);
  if (it != containers_.end()) it->second.changed = true;
}

void LimitWatch::not_reported(std::uint64_t cgroup) {
  const auto it = containers_.find(cgroup);
  if (it == containers_.end()) return;
  it->second.reported = false;
  it->second.changed = true;
}

void LimitWatch::written(std::uint64_t cgroup, bool named) {
  const auto it = containers_.find(cgroup);
  if (it == containers_.end()) return;
  it->second.changed = true;
  it->second.anybody = it->second.anybody || !named;
  written_.insert(cgroup);
}

void LimitWatch::take_reports(bool now) {
  take_written(now);
  take_noticed();
}

void LimitWatch::take_written(bool now) {
  if (!writes_) return;
  auto taken = writes_->take(now);
  for (auto& write : taken.writes) {
    for (auto& [cgroup, watched] : containers_) {
      const auto& files = watched.files;
      for (const auto& file : files.files) {
        if (file.inode != write.inode ||
            files.devices[file.directory] != write.device) {
          continue;
        }
        written(cgroup, true);
        watched.writers[std::string(kFiles[file.name])].push_back(write.by);
      }
    }
  }
  if (!taken.overflowed) return;
  for (const auto& [cgroup, watched] : containers_) written(cgroup, false);
}

void LimitWatch::take_noticed() {
  if (inotify_ < 0) return;
  std::array<char, 16'384> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_, buffer.data(), buffer.size());
    if (size <= 0) break;
    for_each_event(buffer.data(), static_cast<std::size_t>(size),
                   [&](const InotifyEvent& event) {
                     if ((event.mask & IN_Q_OVERFLOW) != 0) {
                       for (const auto& [cgroup, watched] : containers_) {
                         written(cgroup, false);
                       }
                       return;
                     }
                     const auto it = by_watch_.find(event.watch);
                     if (it == by_watch_.end()) return;
                     if ((event.mask & IN_IGNORED) != 0) {
                       not_reported(it->second);
                       by_watch_.erase(it);
                     } else if (is_limit_file(event.name)) {
                       written(it->second, false);
                     }
                   });
  }
}

std::size_t LimitWatch::drain(const std::function<void(Observation&&)>& sink) {
  take_reports(false);
  std::size_t seen = 0;
  // Again for what was written meanwhile; who goes on writing is reported
  // again.
  for (int round = 0; round < 2; ++round) {
    for (const std::uint64_t cgroup : std::exchange(written_, {})) {
      const auto it = containers_.find(cgroup);
      if (it == containers_.end() || !it->second.changed) continue;
      sink(see(cgroup, it->second));
      ++seen;
    }
  }
  return seen;
}

}  // namespace stillframe::sensors
