// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/mountinfo.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

using std::string_view;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::string octal_unescape(string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
        is_octal(text[i + 2]) && is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 +
                               (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

string_view next_field(string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

std::optional<std::uint32_t> parse_dev(string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == string_view::npos) return std::nullopt;
  const auto major = parse_number<std::uint32_t>(text.substr(0, colon));
  const auto minor = parse_number<std::uint32_t>(text.substr(colon + 1));
  if (!major || !minor) return std::nullopt;
  return *major << 20 | *minor;
}

std::optional<Mount> parse_line(string_view line) {
  Mount mount;
  const auto id = parse_number<std::uint32_t>(next_field(line));
  const auto parent = parse_number<std::uint32_t>(next_field(line));
  const auto dev = parse_dev(next_field(line));
  if (!id || !parent || !dev) return std::nullopt;
  mount.id = *id;
  mount.parent = *parent;
  mount.dev = *dev;
  mount.root = octal_unescape(next_field(line));
  mount.target = octal_unescape(next_field(line));
  mount.flags = next_field(line);
  for (const auto& option : split(mount.flags, ',')) {
    if (option == "ro") mount.read_only = true;
  }
  string_view field;
  do {  // optional fields end with a lone dash
    if (line.empty()) return std::nullopt;
    field = next_field(line);
    mount.slave |= starts_with(field, "master:");
  } while (field != "-");
  mount.type = octal_unescape(next_field(line));
  mount.source = octal_unescape(next_field(line));
  for (const auto& option : split(line, ',')) {
    mount.options.push_back(octal_unescape(option));
  }
  if (mount.target.empty() || mount.target[0] != '/') return std::nullopt;
  return mount;
}

// "::" separates the data-only layers, from each other, too: those hold file
// contents and no names.
void add_lower_list(string_view text, OverlayOptions& options) {
  std::string part;
  auto* layers = &options.lower;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '\\' && i + 1 < text.size()) {
      part += text[i];
      part += text[++i];
    } else if (i == text.size() || text[i] == ':') {
      if (part.empty()) {
        layers = &options.data;
        continue;
      }
      layers->push_back(overlay_unescape(part));
      part.clear();
    } else {
      part += text[i];
    }
  }
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto mount = parse_line(text.substr(0, end))) {
      mounts.push_back(std::move(*mount));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mounts;
}

const Mount* mount_at(const std::vector<Mount>& mounts,
                      std::string_view target) {
  const auto it =
      std::find_if(mounts.rbegin(), mounts.rend(),
                   [&](const Mount& mount) { return mount.target == target; });
  return it == mounts.rend() ? nullptr : &*it;
}

std::string overlay_unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

OverlayOptions parse_overlay(const Mount& mount) {
  OverlayOptions result;
  for (const string_view option : mount.options) {
    result.userxattr |= option == "userxattr";
    const std::size_t equals = option.find('=');
    if (equals == string_view::npos) continue;
    const string_view key = option.substr(0, equals);
    const string_view value = option.substr(equals + 1);
    if (key == "upperdir") result.upper = value;
    if (key == "workdir") result.work = value;
    if (key == "redirect_dir") result.redirect_dir = value;
    if (key == "lowerdir") add_lower_list(value, result);
    // One layer each, with no colons to escape (Linux 6.8).
    if (key == "lowerdir+") result.lower.emplace_back(value);
    if (key == "datadir+") result.data.emplace_back(value);
  }
  return result;
}

std::vector<MountPoint> mount_points(const std::vector<Mount>& mounts,
                                     std::size_t limit) {
  std::vector<MountPoint> points;
  for (const auto& mount : mounts) {
    if (mount.target == "/") continue;
    if (points.size() >= limit) break;
    points.push_back({mount.target, mount.type, mount.read_only});
  }
  return points;
}

std::vector<MountEntry> mount_entries(const std::vector<Mount>& mounts) {
  // Of volumes and what lies on them: what is mounted over the root's own files
  // is a change, whoever did it.
  std::unordered_set<std::uint32_t> receiving;
  for (const auto& mount : mounts) {
    if (mount.slave && mount.target != "/") receiving.insert(mount.id);
  }
  std::vector<MountEntry> entries;
  entries.reserve(mounts.size());
  for (const auto& mount : mounts) {
    const auto& options = mount.options;
    entries.push_back(
        {mount.id, mount.dev, mount.root, mount.target, mount.type,
         mount.source, mount.flags,
         std::find(options.begin(), options.end(), "ro") != options.end(),
         mount.unique_id, mount.slave && receiving.contains(mount.parent)});
  }
  return entries;
}

}  // namespace stillframe::containers
