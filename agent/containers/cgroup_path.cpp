// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/cgroup_path.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "agent/base/number.h"
#include "agent/base/text.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

using std::string_view;

// The kernel allows longer paths than PATH_MAX by nesting, runtimes do not.
constexpr std::size_t kMaxPath = 65536;
constexpr std::size_t kMaxName = 255;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool all_lower_hex(string_view text) {
  return std::all_of(text.begin(), text.end(), is_lower_hex);
}

bool all_digits(string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool consume_prefix(string_view& text, string_view prefix) {
  if (!starts_with(text, prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool consume_suffix(string_view& text, string_view suffix) {
  if (!ends_with(text, suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

// Hex digit groups of the given lengths, joined by dashes.
template <std::size_t N>
bool is_grouped_hex(string_view text, const std::array<std::size_t, N>& sizes) {
  for (std::size_t i = 0; i < N; ++i) {
    if (i != 0 && !consume_prefix(text, "-")) return false;
    if (text.size() < sizes[i] || !is_hex(text.substr(0, sizes[i]))) {
      return false;
    }
    text.remove_prefix(sizes[i]);
  }
  return text.empty();
}

bool is_garden_id(string_view text) {
  return is_grouped_hex(text, std::array<std::size_t, 5>{8, 4, 4, 4, 4});
}

// A Fargate task's container: 32 hex digits, a dash, digits.
bool is_ecs_id(string_view text) {
  return text.size() > 33 && all_lower_hex(text.substr(0, 32)) &&
         text[32] == '-' && all_digits(text.substr(33));
}

// systemd writes bytes that its unit names cannot hold as \xHH.
std::string systemd_unescape(string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x';
    const auto value =
        escape ? parse_number<unsigned char>(text.substr(i + 2, 2), 16)
               : std::nullopt;
    if (value) {
      out += static_cast<char>(*value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string pod_uid(string_view text) {
  std::string uid(text);
  std::replace(uid.begin(), uid.end(), '_', '-');
  const bool is_static = uid.size() == 32 && all_lower_hex(uid);
  if (is_static ||
      is_grouped_hex(uid, std::array<std::size_t, 5>{8, 4, 4, 4, 12})) {
    return uid;
  }
  return "";
}

// The pod that a component names: podUID, or kubepods-burstable-podUID.slice
// with what the kubelet's --cgroup-root puts in front of it.
std::string pod_of_component(string_view part) {
  if (consume_prefix(part, "pod")) return pod_uid(part);
  part = part.substr(0, part.find(':'));
  if (!consume_suffix(part, ".slice")) return "";
  if (part.find("kubepods") == string_view::npos) return "";
  const std::size_t at = part.rfind("-pod");
  return at == string_view::npos ? "" : pod_uid(part.substr(at + 4));
}

struct Match {
  string_view runtime;
  std::string id;
  bool helper = false;
  bool system = false;
  bool with_next = false;  // the component after it is the container's cgroup
};

// Whether the component that ends `parts` begins as the pattern says; what is
// left of it is the id.
bool consume_before(const std::vector<string_view>& parts, std::size_t at,
                    string_view before, string_view& rest) {
  rest = parts[at];
  if (!ends_with(before, "/")) return consume_prefix(rest, before);
  before.remove_suffix(1);
  if (consume_prefix(before, "/") && at != 1) return false;
  return at != 0 && parts[at - 1] == before;
}

std::optional<Match> match_pattern(const RuntimeTraits& runtime,
                                   const CgroupPattern& pattern,
                                   const std::vector<string_view>& parts,
                                   std::size_t at) {
  string_view id;
  if (!consume_before(parts, at, pattern.before, id)) return std::nullopt;
  if (!consume_suffix(id, pattern.after)) return std::nullopt;
  if (pattern.id == CgroupPattern::Id::hex) consume_suffix(id, ".scope");
  const bool fits = pattern.id == CgroupPattern::Id::hex ? is_container_id(id)
                                                         : is_plain_name(id);
  if (!fits) return std::nullopt;
  return Match{runtime.name, std::string(id), pattern.helper, pattern.machine};
}

std::optional<Match> match_patterns(const std::vector<string_view>& parts,
                                    std::size_t at, CgroupPattern::Id kind) {
  for (const auto& runtime : kRuntimes) {
    for (const auto& pattern : runtime.cgroups) {
      if (pattern.id != kind) continue;
      if (auto match = match_pattern(runtime, pattern, parts, at)) return match;
    }
  }
  return std::nullopt;
}

// A cgroupfs runtime that was given systemd's slice:prefix:name form takes it
// for a directory name.
std::optional<Match> match_colons(string_view part) {
  const std::size_t last = part.rfind(':');
  if (last == string_view::npos) return std::nullopt;
  const string_view id = part.substr(last + 1);
  if (!is_container_id(id)) return std::nullopt;
  const string_view head = part.substr(0, last);
  const std::size_t colon = head.rfind(':');
  if (colon == string_view::npos) return std::nullopt;
  const std::string before = std::string(head.substr(colon + 1)) + "-";
  for (const auto& runtime : kRuntimes) {
    for (const auto& pattern : runtime.cgroups) {
      if (pattern.id == CgroupPattern::Id::hex && pattern.before == before) {
        return Match{runtime.name, std::string(id), pattern.helper};
      }
    }
  }
  return std::nullopt;
}

std::optional<Match> system_match(Runtime runtime, std::string name,
                                  bool helper = false) {
  if (!is_plain_name(name)) return std::nullopt;
  return Match{to_string(runtime), std::move(name), helper, true};
}

// lxc-4711-name: libvirt puts the driver and a running number in front.
std::string libvirt_name(const std::string& machine) {
  string_view rest = machine;
  if (!consume_prefix(rest, "lxc-")) return "";
  const std::size_t dash = rest.find('-');
  if (dash == string_view::npos || !all_digits(rest.substr(0, dash))) return "";
  return std::string(rest.substr(dash + 1));
}

std::optional<Match> match_machine(const std::vector<string_view>& parts,
                                   std::size_t at) {
  string_view part = parts[at];
  const string_view next = at + 1 < parts.size() ? parts[at + 1] : "";
  std::optional<Match> match;
  if (consume_prefix(part, "systemd-nspawn@") &&
      consume_suffix(part, ".service")) {
    match = system_match(Runtime::nspawn, systemd_unescape(part),
                         next == "supervisor");
  } else if (consume_prefix(part, "machine-") &&
             consume_suffix(part, ".scope")) {
    const std::string machine = systemd_unescape(part);
    const std::string name = libvirt_name(machine);
    if (!name.empty()) return system_match(Runtime::libvirt_lxc, name);
    // Virtual machines have such scopes too; only nspawn has a payload.
    if (next == "payload") match = system_match(Runtime::nspawn, machine);
  }
  if (match) match->with_next = next == "payload";
  return match;
}

// Ids whose shape alone says whose they are, or that say nothing of it.
std::optional<Match> match_bare_id(const std::vector<string_view>& parts,
                                   std::size_t at) {
  const string_view part = parts[at];
  if (is_container_id(part)) return Match{"", std::string(part)};
  if (at >= 2 && parts[0] == "ecs" && is_ecs_id(part)) {
    return Match{to_string(Runtime::ecs), std::string(part)};
  }
  if (is_garden_id(part)) {
    return Match{to_string(Runtime::garden), std::string(part)};
  }
  // podman's conmon with cgroupfs.
  if (at != 0 && parts[at - 1] == "libpod_parent" && part == "conmon") {
    return Match{to_string(Runtime::podman), "", true};
  }
  return std::nullopt;
}

std::optional<Match> match_at(const std::vector<string_view>& parts,
                              std::size_t at) {
  if (parts[at].size() > kMaxName) return std::nullopt;
  if (auto match = match_patterns(parts, at, CgroupPattern::Id::hex)) {
    return match;
  }
  if (auto match = match_colons(parts[at])) return match;
  if (auto match = match_patterns(parts, at, CgroupPattern::Id::name)) {
    return match;
  }
  if (auto match = match_machine(parts, at)) return match;
  return match_bare_id(parts, at);
}

// Components of an absolute path; none if it has empty or dotted ones.
std::vector<string_view> components(string_view path) {
  std::vector<string_view> parts;
  if (path.size() < 2 || path[0] != '/' || path.size() > kMaxPath) return parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const string_view part = path.substr(0, end);
    if (part.empty() || part == "." || part == "..") return {};
    parts.push_back(part);
    path.remove_prefix(end);
  }
  return parts;
}

std::string prefix_through(string_view path, string_view part) {
  const auto end = static_cast<std::size_t>(part.data() - path.data());
  return std::string(path.substr(0, end + part.size()));
}

// containerd without CRI: /<namespace>/<id>, both free-form.
std::optional<CgroupName> match_containerd(
    string_view path, const std::vector<string_view>& parts) {
  if (parts.size() < 2) return std::nullopt;
  for (const string_view part : {parts[0], parts[1]}) {
    if (!is_plain_name(part) || ends_with(part, ".slice") ||
        ends_with(part, ".scope") || ends_with(part, ".service")) {
      return std::nullopt;
    }
  }
  CgroupName name;
  name.runtime = to_string(Runtime::containerd);
  name.id = parts[1];
  name.path = prefix_through(path, parts[1]);
  name.certain = false;
  return name;
}

}  // namespace

bool is_container_id(std::string_view text) {
  return text.size() == 64 && all_lower_hex(text);
}

bool is_plain_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxName) return false;
  if (text == "." || text == "..") return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '/' && c != '\\';
  });
}

std::optional<unsigned> user_of_cgroup(std::string_view path) {
  const auto parts = components(path);
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) {
    string_view part = *it;
    if (!consume_prefix(part, "user-") || !consume_suffix(part, ".slice")) {
      continue;
    }
    if (const auto uid = parse_number<unsigned>(part)) return uid;
  }
  return std::nullopt;
}

bool is_image_build(std::string_view path) {
  // BuildKit inside dockerd: /docker/buildkit/<id>; alone: /buildkit/<id>.
  // Buildah runs its steps under runc ids buildah-<working container>.
  const auto parts = components(path);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (starts_with(parts[i], "buildah-")) return true;
    if (parts[i] == "buildkit" && i + 1 < parts.size()) return true;
    if (parts[i].find(":buildkit:") != string_view::npos) return true;
  }
  return false;
}

std::optional<CgroupName> parse_cgroup_path(std::string_view path) {
  const auto parts = components(path);
  std::optional<CgroupName> found;
  std::string pod;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (auto uid = pod_of_component(parts[i]); !uid.empty()) pod = uid;
    auto match = match_at(parts, i);
    if (!match) continue;
    CgroupName name;
    name.runtime = match->runtime;
    name.id = match->id;
    name.pod_uid = std::exchange(pod, "");
    if (match->system) name.system_name = match->id;
    name.helper = match->helper;
    if (match->with_next) ++i;
    name.path = prefix_through(path, parts[i]);
    if (found) name.outer = found->helper ? found->outer : found->path;
    found = std::move(name);
  }
  return found ? found : match_containerd(path, parts);
}

std::optional<std::string> same_cgroup(std::string_view container,
                                       std::string_view init_observed,
                                       std::string_view init_other) {
  // Init may live in a cgroup below the container's own; if so, it does in
  // every hierarchy.
  if (starts_with(init_observed, container)) {
    const auto below = init_observed.substr(container.size());
    if (starts_with(below, "/") && ends_with(init_other, below)) {
      init_other.remove_suffix(below.size());
    }
  }
  const auto slash = container.rfind('/');
  if (slash == std::string_view::npos || slash + 1 == container.size() ||
      !ends_with(init_other, container.substr(slash)) ||
      starts_with(init_other, "/..")) {
    return std::nullopt;
  }
  return std::string(init_other);
}

}  // namespace stillframe::containers
