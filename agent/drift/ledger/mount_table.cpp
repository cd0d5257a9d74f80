// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/mount_table.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

// A container may mount as often and from as long a path as it likes.
constexpr std::size_t kMaxText = 1024;
// So many mounts on each other are searched through; of more that are not in
// the same order, all differ.
constexpr std::size_t kMaxSearched = 256;

using Stack = std::vector<const MountEntry*>;
using Stacks = std::map<std::string_view, Stack>;

Stacks by_target(const std::vector<MountEntry>& mounts) {
  Stacks stacks;
  for (const auto& mount : mounts) stacks[mount.target].push_back(&mount);
  return stacks;
}

// The kernel says so of a source that was unlinked since; the mount stays.
std::string_view without_deleted(std::string_view root) {
  constexpr std::string_view kDeleted = "//deleted";
  if (ends_with(root, kDeleted)) root.remove_suffix(kDeleted.size());
  return root;
}

bool both_unique(const MountEntry& a, const MountEntry& b) {
  return a.unique_id != 0 && b.unique_id != 0;
}

bool same_number(const MountEntry& a, const MountEntry& b) {
  return both_unique(a, b) ? a.unique_id == b.unique_id : a.id == b.id;
}

bool same_contents(const MountEntry& a, const MountEntry& b) {
  return a.dev == b.dev && a.type == b.type && a.source == b.source &&
         without_deleted(a.root) == without_deleted(b.root);
}

// By its number, which is another when the same is mounted again, if both were
// seen in one mount namespace: in a copy all numbers are others. A number that
// may be used again does not stand for itself: then what is mounted counts, and
// the name that it had. One that is never used again stays while somebody
// renames the source.
bool same_mount(const MountEntry& a, const MountEntry& b, bool one_namespace) {
  if (both_unique(a, b) && a.unique_id == b.unique_id) return true;
  return same_contents(a, b) && (!one_namespace || same_number(a, b));
}

// Whether both looks have a mount in common.
bool of_one_namespace(const std::vector<MountEntry>& before,
                      const std::vector<MountEntry>& now) {
  std::unordered_map<std::uint32_t, const MountEntry*> by_id;
  for (const auto& mount : before) by_id[mount.id] = &mount;
  return std::any_of(now.begin(), now.end(), [&](const MountEntry& mount) {
    const auto found = by_id.find(mount.id);
    return found != by_id.end() && same_number(*found->second, mount) &&
           same_contents(*found->second, mount);
  });
}

bool same_options(const MountEntry& a, const MountEntry& b) {
  return a.options == b.options && a.read_only_below == b.read_only_below;
}

bool is_received(const MountEntry* mount) { return mount->received; }

std::string text_of(const Stack& stack) {
  std::string out;
  for (const auto* mount : stack) {
    if (!out.empty()) out += "; ";
    out += describe(*mount);
    if (out.size() > kMaxText) return out.substr(0, kMaxText) + "…";
  }
  return out;
}

// Takes from both what they have in common.
void take_common(Stack& before, Stack& now, bool one_namespace) {
  const auto same = [&](const MountEntry* a, const MountEntry* b) {
    return same_mount(*a, *b, one_namespace) && same_options(*a, *b);
  };
  const auto [old_end, new_end] =
      std::mismatch(before.begin(), before.end(), now.begin(), now.end(), same);
  before.erase(before.begin(), old_end);
  now.erase(now.begin(), new_end);
  if (before.size() > kMaxSearched || now.size() > kMaxSearched) return;
  for (auto old = before.begin(); old != before.end();) {
    const auto found = std::find_if(
        now.begin(), now.end(),
        [&](const MountEntry* mount) { return same(*old, mount); });
    if (found == now.end()) {
      ++old;
    } else {
      now.erase(found);
      old = before.erase(old);
    }
  }
}

}  // namespace

std::string describe(const MountEntry& mount) {
  std::string out = mount.type + ' ' + mount.source;
  if (mount.root != "/") {
    out += '[';
    out += without_deleted(mount.root);
    out += ']';
  }
  out += ' ' + mount.options;
  if (mount.read_only_below && !starts_with(mount.options, "ro")) {
    out += " (filesystem ro)";
  }
  return out;
}

std::optional<MountDifferences> compare_mounts(
    const std::vector<MountEntry>& before, const std::vector<MountEntry>& now) {
  Stacks old_stacks = by_target(before);
  Stacks new_stacks = by_target(now);
  // A process whose root is not a mount point sees only what lies below it.
  if (old_stacks.contains("/") != new_stacks.contains("/")) {
    return std::nullopt;
  }
  const bool one_namespace = of_one_namespace(before, now);
  MountDifferences differences;
  const auto compare = [&](std::string_view target, Stack old_stack,
                           Stack new_stack) {
    take_common(old_stack, new_stack, one_namespace);
    std::erase_if(new_stack, is_received);
    if (old_stack.empty() && new_stack.empty()) return;
    MountDifference difference{text_of(old_stack), text_of(new_stack)};
    if (difference.before == difference.now) {
      difference.now += " (another mount)";
    }
    differences.try_emplace(std::string(target), std::move(difference));
  };
  for (const auto& [target, stack] : old_stacks) {
    const auto same_place = new_stacks.find(target);
    compare(target, stack,
            same_place == new_stacks.end() ? Stack() : same_place->second);
  }
  for (const auto& [target, stack] : new_stacks) {
    if (!old_stacks.contains(target)) compare(target, {}, stack);
  }
  return differences;
}

}  // namespace stillframe::drift
