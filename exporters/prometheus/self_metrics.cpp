// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/self_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

#include "agent/base/clock.h"
#include "agent/base/file.h"
#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::metrics {
namespace {

// Fields of /proc/PID/stat, counted from the state after "(comm) ", which is
// field 3 in proc(5).
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;
constexpr std::size_t kStartTicks = 19;
constexpr std::size_t kVirtualBytes = 20;
constexpr std::size_t kResidentPages = 21;

double number(const std::string& text) {
  return static_cast<double>(parse_number<std::int64_t>(text).value_or(0));
}

double count_open_fds() {
  std::error_code error;
  double count = -1;  // the descriptor that reads the directory
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end;
       !error && it != end; it.increment(error)) {
    ++count;
  }
  return count < 0 ? 0 : count;
}

// Worked out once: the clocks drift apart while the process runs, and a start
// that moves is a restart to whoever watches it (`changes()` in PromQL).
double start_seconds(double ticks_after_boot, double ticks_per_second) {
  static const double start =
      static_cast<double>(wall_from_boottime(0).ns) / 1e9 +
      ticks_after_boot / ticks_per_second;
  return start;
}

}  // namespace

Result<SelfMetrics> read_self_metrics() {
  const auto stat = read_file("/proc/self/stat");
  if (!stat) return fail(stat, "own process");
  // comm may hold spaces and parentheses: go on after the last one.
  const auto comm_end = stat->rfind(") ");
  if (comm_end == std::string::npos) return fail("/proc/self/stat: no comm");
  const auto fields = split(std::string_view(*stat).substr(comm_end + 2), ' ');
  if (fields.size() <= kResidentPages) return fail("/proc/self/stat: short");

  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  SelfMetrics self;
  self.cpu_seconds =
      (number(fields[kUserTicks]) + number(fields[kSystemTicks])) / ticks;
  self.start_time_seconds = start_seconds(number(fields[kStartTicks]), ticks);
  self.virtual_bytes = number(fields[kVirtualBytes]);
  self.resident_bytes = number(fields[kResidentPages]) *
                        static_cast<double>(::sysconf(_SC_PAGESIZE));
  self.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    self.max_fds = static_cast<double>(limit.rlim_cur);
  }
  return self;
}

}  // namespace stillframe::metrics
