// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/loop.h"

#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include <ctime>
#include <utility>

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kAccuracyUs = 1000;

int noted(sd_event_source*, std::uint64_t, void*) { return 0; }
int readable(sd_event_source*, int, std::uint32_t, void* flag) {
  if (flag != nullptr) *static_cast<bool*>(flag) = true;
  return 0;
}

}  // namespace

Loop::~Loop() {
  sd_event_source_unref(sensors_);
  sd_event_source_unref(timer_);
  sd_event_unref(event_);
}

Result<std::unique_ptr<Loop>> Loop::create(int sensors_fd, int mailbox_fd,
                                           int names_fd) {
  std::unique_ptr<Loop> loop(new Loop);
  if (auto added = loop->add_sources(sensors_fd, mailbox_fd, names_fd);
      !added) {
    return fail(added, "the event loop");
  }
  return loop;
}

Result<> Loop::add_sources(int sensors_fd, int mailbox_fd, int names_fd) {
  int error = sd_event_default(&event_);
  const auto next = [&](auto step) {
    if (error >= 0) error = step();
  };
  next([&] {
    return sd_event_add_io(event_, &sensors_, sensors_fd, EPOLLIN, readable,
                           nullptr);
  });
  next([&] {
    return sd_event_add_io(event_, nullptr, mailbox_fd, EPOLLIN, readable,
                           &woken_.mailbox);
  });
  next([&] {
    if (names_fd < 0) return 0;
    return sd_event_add_io(event_, nullptr, names_fd,
                           static_cast<std::uint32_t>(EPOLLIN) | EPOLLET,
                           readable, nullptr);
  });
  next([&] {
    return sd_event_add_time(event_, &timer_, CLOCK_BOOTTIME, 0, kAccuracyUs,
                             noted, nullptr);
  });
  next([&] { return sd_event_set_watchdog(event_, 1); });
  if (error < 0) return fail("setting it up", -error);
  return {};
}

Result<Loop::Woken> Loop::sleep(std::uint64_t boot_ns, bool sensors) {
  int error = sd_event_source_set_enabled(sensors_,
                                          sensors ? SD_EVENT_ON : SD_EVENT_OFF);
  if (error >= 0) error = sd_event_source_set_time(timer_, boot_ns / 1000 + 1);
  if (error >= 0) error = sd_event_source_set_enabled(timer_, SD_EVENT_ONESHOT);
  if (error >= 0) error = sd_event_run(event_, UINT64_MAX);
  if (error < 0) return fail("the event loop", -error);
  return std::exchange(woken_, Woken());
}

}  // namespace stillframe::engine
