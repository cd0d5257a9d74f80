// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/first_mounts.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

using std::string_view;

bool below(string_view path, string_view above) {
  return path.size() > above.size() && starts_with(path, above) &&
         path[above.size()] == '/';
}

string_view base_name(string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_bind(const AskedMount& asked) {
  return asked.type == "bind" || asked.type == "rbind";
}

// A link in the rootfs leads elsewhere from where it was asked for
// (/var/run/secrets): the name there is the same. Of a bind's source no more
// can be compared: its path may lead through links, too, or to another bind.
bool same_but_for_links(const MountEntry& mount, const AskedMount& asked) {
  if (base_name(mount.target) != base_name(asked.path)) return false;
  return is_bind(asked) || mount.type == asked.type;
}

// What one that was asked for brings along.
bool comes_with(const MountEntry& mount, const AskedMount& asked) {
  if (!below(mount.target, asked.path)) return false;
  if (asked.type == "rbind") return true;
  return asked.type == "cgroup" &&
         (mount.type == "cgroup" || mount.type == "cgroup2");
}

}  // namespace

std::vector<MountEntry> of_runtime(const std::vector<MountEntry>& found,
                                   const std::vector<AskedMount>& asked) {
  // What lies on each other at one place is in the order in which it was made.
  std::map<string_view, std::size_t> awaited{{"/", 1}};
  for (const auto& one : asked) ++awaited[one.path];
  std::vector<bool> own(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto at = awaited.find(found[i].target);
    if (at == awaited.end() || at->second == 0) continue;
    --at->second;
    own[i] = true;
  }
  std::vector<AskedMount> made = asked;
  for (const auto& one : asked) {
    auto& left = awaited[one.path];
    for (std::size_t i = 0; left != 0 && i < found.size(); ++i) {
      if (own[i] || !same_but_for_links(found[i], one)) continue;
      own[i] = true;
      --left;
      made.push_back({found[i].target, one.type, one.source});
    }
  }
  std::vector<MountEntry> out;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool with = own[i] || std::any_of(made.begin(), made.end(),
                                            [&](const AskedMount& one) {
                                              return comes_with(found[i], one);
                                            });
    if (with) out.push_back(found[i]);
  }
  return out;
}

}  // namespace stillframe::drift
