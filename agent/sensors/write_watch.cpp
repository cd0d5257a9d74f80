// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/write_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/file.h"

namespace stillframe::sensors {
namespace {

constexpr std::size_t kMaxPending = 4096;
constexpr std::uint64_t kHoldNs = 250'000'000;
constexpr std::uint64_t kMillisecondNs = 1'000'000;
// Who may write to a cgroup's files can do so without end. What is more is left
// in the kernel's queue, or lost there, and its writers are not known.
constexpr std::uint64_t kWindowNs = 100'000'000;
constexpr std::size_t kInWindow = 512;
constexpr std::size_t kDescribedInWindow = 64;

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool same_process(const ProcessRef& a, const ProcessRef& b) {
  return a.pid == b.pid && a.start_ns == b.start_ns;
}

}  // namespace

std::vector<Writer> known_writers(
    const std::vector<std::optional<Writer>>& writers, std::uint32_t servant) {
  std::vector<Writer> known;
  for (const auto& one : writers) {
    if (!one) return {};
    const bool has = std::any_of(known.begin(), known.end(), [&](auto& other) {
      return same_process(other.process, one->process);
    });
    if (!has) known.push_back(*one);
  }
  if (known.size() > 1) {
    std::erase_if(
        known, [&](const Writer& one) { return one.process.pid == servant; });
  }
  return known;
}

Result<std::unique_ptr<WriteWatch>> WriteWatch::start(Config config) {
  Fd group(::fanotify_init(
      FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS,
      O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (group < 0) return fail("fanotify", errno);
  std::unique_ptr<WriteWatch> watch(
      new WriteWatch(std::move(config), std::move(group)));
  if (watch->ready_ < 0 || watch->stop_ < 0 || watch->again_ < 0) {
    return fail("eventfd", EMFILE);
  }
  watch->thread_ = std::thread([&one = *watch] { one.run(); });
  return watch;
}

WriteWatch::WriteWatch(Config config, Fd group)
    : config_(std::move(config)),
      group_(std::move(group)),
      ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      again_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

WriteWatch::~WriteWatch() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_, 1);
  thread_.join();
}

Result<> WriteWatch::add(const std::string& directory) {
  if (::fanotify_mark(group_, FAN_MARK_ADD | FAN_MARK_ONLYDIR,
                      FAN_MODIFY | FAN_EVENT_ON_CHILD, AT_FDCWD,
                      directory.c_str()) != 0) {
    return fail("watching " + directory, errno);
  }
  return {};
}

void WriteWatch::remove(const std::string& directory) {
  // Fails where it is gone: then the mark is, too.
  static_cast<void>(::fanotify_mark(group_, FAN_MARK_REMOVE,
                                    FAN_MODIFY | FAN_EVENT_ON_CHILD, AT_FDCWD,
                                    directory.c_str()));
}

WriteWatch::Taken WriteWatch::take(bool now) {
  const std::scoped_lock lock(mutex_);
  eventfd_t count = 0;
  ::eventfd_read(ready_, &count);
  const auto held = [&] { return !now && boottime_now_ns() < hold_until_ns_; };
  if (held()) return {};  // said again once that is over
  read_events();
  if (held()) {
    ::eventfd_write(again_, 1);
    return {};
  }
  hold_until_ns_ = 0;
  return std::exchange(pending_, Taken());
}

void WriteWatch::run() {
  // What it is woken for is soon gone. Without the right to it comes in turn.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, -20));
  for (;;) {
    std::array<pollfd, 3> sources = {pollfd{group_, POLLIN, 0},
                                     pollfd{stop_, POLLIN, 0},
                                     pollfd{again_, POLLIN, 0}};
    int wait = -1;
    {
      const std::scoped_lock lock(mutex_);
      const std::uint64_t now = boottime_now_ns();
      if (!within_window()) {
        sources[0].fd = -1;
        wait =
            static_cast<int>((window_ns_ + kWindowNs - now) / kMillisecondNs) +
            1;
        ::eventfd_write(ready_, 1);
      } else if (pending_.writes.empty() && !pending_.overflowed) {
        hold_until_ns_ = 0;
      } else if (now < hold_until_ns_) {
        wait = static_cast<int>((hold_until_ns_ - now) / kMillisecondNs) + 1;
      } else {
        ::eventfd_write(ready_, 1);
      }
    }
    const int found = ::poll(sources.data(), sources.size(), wait);
    if (found < 0 && errno != EINTR) return;
    if (sources[1].revents != 0) return;
    if (found <= 0) continue;
    eventfd_t count = 0;
    ::eventfd_read(again_, &count);
    const std::scoped_lock lock(mutex_);
    read_events();
  }
}

// A runtime sets several limits, one right after the other, and may have ended
// before the last of them is looked into.
std::optional<Writer> WriteWatch::describe(std::uint32_t pid) {
  constexpr std::uint64_t kMemoryNs = 1'000'000'000;
  auto now = config_.describe(pid);
  const bool recent = latest_ && latest_->process.pid == pid &&
                      boottime_now_ns() < latest_ns_ + kMemoryNs;
  if (recent && (!now || same_process(now->process, latest_->process))) {
    return latest_;
  }
  if (recent) {
    // Of two with one number, so soon after each other, it may be either.
    latest_.reset();
    return std::nullopt;
  }
  if (now) {
    latest_ = now;
    latest_ns_ = boottime_now_ns();
  }
  return now;
}

// Whether another event may be looked at in this window.
bool WriteWatch::within_window() {
  const std::uint64_t now = boottime_now_ns();
  if (now >= window_ns_ + kWindowNs) {
    window_ns_ = now;
    in_window_ = described_ = 0;
  }
  return in_window_ < kInWindow;
}

void WriteWatch::read_events() {
  alignas(fanotify_event_metadata) std::array<char, 16'384> buffer;
  for (;;) {
    if (!within_window()) {
      pending_.overflowed = true;
      return;
    }
    const ssize_t size = ::read(group_, buffer.data(), buffer.size());
    if (size <= 0) {
      // No room for the descriptor that an event comes with: it is lost.
      pending_.overflowed =
          pending_.overflowed ||
          (size < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM));
      return;
    }
    std::size_t at = 0;
    const auto end = static_cast<std::size_t>(size);
    while (at + sizeof(fanotify_event_metadata) <= end) {
      fanotify_event_metadata event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      if (event.event_len < sizeof event) return;
      at += event.event_len;
      ++in_window_;
      const Fd file(event.fd);
      if ((event.mask & FAN_Q_OVERFLOW) != 0) {
        pending_.overflowed = true;
        continue;
      }
      const auto path = read_link("/proc/self/fd/" + std::to_string(event.fd));
      struct stat st{};
      if (!path || !config_.wanted(base_name(*path)) ||
          ::fstat(file, &st) != 0) {
        continue;
      }
      const auto pid = static_cast<std::uint32_t>(event.pid);
      if (pid == config_.servant && hold_until_ns_ == 0) {
        hold_until_ns_ = boottime_now_ns() + kHoldNs;
      }
      if (pending_.writes.size() >= kMaxPending) {
        pending_.overflowed = true;
        continue;
      }
      const bool known = ++described_ <= kDescribedInWindow;
      pending_.writes.push_back(
          {st.st_dev, st.st_ino, known ? describe(pid) : std::nullopt});
    }
  }
}

}  // namespace stillframe::sensors
