// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/proc_text.h"

#include <algorithm>

#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

using std::string_view;

// USER_HZ, which is 100 on every architecture that Debian has.
constexpr std::uint64_t kNsPerTick = 1'000'000'000u / 100u;

std::vector<string_view> words(string_view text) {
  std::vector<string_view> result;
  constexpr string_view kSpace = " \t\n";
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == string_view::npos) return result;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
    result.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

string_view take_line(string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool has_controller(string_view controllers, string_view wanted) {
  if (wanted.empty()) return controllers.empty();
  const auto list = split(controllers, ',');
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

std::uint64_t ticks_to_ns(std::uint64_t ticks) {
  return ticks > UINT64_MAX / kNsPerTick ? UINT64_MAX : ticks * kNsPerTick;
}

std::optional<StatText> parse_stat(std::string_view text) {
  // What follows comm is numbers only: its end is the last parenthesis.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == string_view::npos || close == string_view::npos || close < open) {
    return std::nullopt;
  }
  const auto fields = words(text.substr(close + 1));
  if (fields.size() < 20) return std::nullopt;  // up to field 22, from field 3
  const auto ppid = parse_number<std::uint32_t>(fields[1]);
  const auto start = parse_number<std::uint64_t>(fields[19]);
  if (!ppid || !start) return std::nullopt;
  StatText stat;
  stat.comm = text.substr(open + 1, close - open - 1);
  stat.state = fields[0][0];
  stat.ppid = *ppid;
  stat.start_ticks = *start;
  return stat;
}

std::optional<StatusText> parse_status(std::string_view text) {
  StatusText status;
  bool has_uid = false;
  while (!text.empty()) {
    // Name: comes first, with its newlines escaped: it can forge no line.
    const auto fields = words(take_line(text));
    if (fields.size() < 2) continue;
    if (fields[0] == "Uid:") {
      const auto uid = parse_number<std::uint32_t>(fields[1]);
      if (!uid) return std::nullopt;
      status.uid = *uid;
      has_uid = true;
    } else if (fields[0] == "NSpid:") {
      for (std::size_t i = 1; i < fields.size(); ++i) {
        const auto pid = parse_number<std::uint32_t>(fields[i]);
        if (!pid) return std::nullopt;
        status.namespace_pids.push_back(*pid);
      }
    }
  }
  if (!has_uid) return std::nullopt;
  return status;
}

IdMap parse_id_map(std::string_view text) {
  IdMap map;
  while (!text.empty()) {
    const auto fields = words(take_line(text));
    if (fields.size() != 3) continue;
    const auto inside = parse_number<std::uint32_t>(fields[0]);
    const auto outside = parse_number<std::uint32_t>(fields[1]);
    const auto length = parse_number<std::uint32_t>(fields[2]);
    if (inside && outside && length) {
      map.ranges.push_back({*inside, *outside, *length});
    }
  }
  return map;
}

std::optional<std::string> parse_cgroup(std::string_view text,
                                        std::string_view observed) {
  while (!text.empty()) {
    const string_view line = take_line(text);
    const std::size_t first = line.find(':');
    if (first == string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == string_view::npos) continue;
    if (observed.empty() && line.substr(0, first) != "0") continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (!has_controller(controllers, observed)) continue;
    string_view path = line.substr(second + 1);
    constexpr string_view kDeleted = " (deleted)";
    if (ends_with(path, kDeleted)) path.remove_suffix(kDeleted.size());
    if (!starts_with(path, "/")) return std::nullopt;
    return std::string(path);
  }
  return std::nullopt;
}

std::string parse_root_option(std::string_view cmdline) {
  constexpr string_view kOption = "root";
  const auto arguments = split(cmdline, '\0');
  // Whatever else has such an option means something else by it, as unshare the
  // rootfs, in which the container writes.
  const string_view program =
      string_view(arguments[0]).substr(arguments[0].rfind('/') + 1);
  if (program != "runc" && program != "crun") return "";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    string_view option = arguments[i];
    if (option == "--") break;
    // Go's flags may begin with one dash.
    if (!starts_with(option, "-")) continue;
    option.remove_prefix(starts_with(option, "--") ? 2 : 1);
    if (option == kOption && i + 1 < arguments.size()) return arguments[i + 1];
    if (starts_with(option, "root=")) {
      return std::string(option.substr(kOption.size() + 1));
    }
  }
  return "";
}

std::uint64_t parse_namespace(std::string_view link) {
  const std::size_t open = link.find('[');
  if (open == string_view::npos || !ends_with(link, "]")) return 0;
  return parse_number<std::uint64_t>(
             link.substr(open + 1, link.size() - open - 2))
      .value_or(0);
}

}  // namespace stillframe::containers
