// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/directory_paths.h"

#include <algorithm>
#include <map>

namespace stillframe::drift {
namespace {

// A longer chain of directories than any path can name.
constexpr int kMaxDepth = 4096;
// What an entry of the table costs apart from its name.
constexpr std::size_t kEntryBytes = 112;
constexpr std::uint64_t kExpireEveryNs = 60'000'000'000;

std::string joined(const std::string& directory, const std::string& name) {
  if (name.empty()) return directory;
  return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

std::size_t DirectoryPaths::bytes_of(const Place& place) {
  return kEntryBytes + place.name.size();
}

const DirectoryPaths::Place* DirectoryPaths::find(const Places& places,
                                                  const InodeId& directory) {
  const auto it = places.find(directory.ino);
  if (it == places.end()) return nullptr;
  return same_generation(it->second.generation, directory.generation)
             ? &it->second
             : nullptr;
}

bool DirectoryPaths::at_root(const InodeId& at) const {
  return same_inode(at, root_) ||
         (!tree_.empty() && same_inode(at, tree_.root()));
}

bool DirectoryPaths::is_new(const InodeId& directory) const {
  return find(new_, directory) != nullptr;
}

std::pair<InodeId, const std::string*> DirectoryPaths::place_of(
    const InodeId& at) const {
  if (const Place* place = find(new_, at)) return {place->parent, &place->name};
  const Entry* entry = tree_.find(at);
  if (entry != nullptr && entry->directory() && entry->parent) {
    return {entry->parent, &entry->name};
  }
  if (const Place* place = find(gone_, at)) {
    return {place->parent, &place->name};
  }
  return {{}, nullptr};
}

std::string DirectoryPaths::path_in(const InodeId& parent,
                                    const std::string& name) const {
  std::vector<const std::string*> above;
  InodeId at = parent;
  for (int depth = 0; at && depth < kMaxDepth; ++depth) {
    // Nothing is newer than the tree, mostly.
    std::string path = at_root(at)    ? "/"
                       : new_.empty() ? tree_.path_of(at)
                                      : std::string();
    if (!path.empty()) {
      for (auto it = above.rbegin(); it != above.rend(); ++it) {
        path = joined(path, **it);
      }
      return joined(path, name);
    }
    const auto [up, called] = place_of(at);
    if (called == nullptr) return {};
    above.push_back(called);
    at = up;
  }
  return {};
}

bool DirectoryPaths::resolves(const InodeId& directory) const {
  return !path_in(directory, "").empty();
}

InodeId DirectoryPaths::known_above(const InodeId& directory) const {
  InodeId at = directory;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const Place* place = find(new_, at);
    if (place == nullptr) return {};
    at = place->parent;
    if (tree_.has_directory(at)) return at;
  }
  return {};
}

bool DirectoryPaths::in_tree(const InodeId& directory, const InodeId& parent,
                             const std::string& name) const {
  const Entry* entry = tree_.find(directory);
  return entry != nullptr && entry->directory() &&
         same_inode(entry->parent, parent) && entry->name == name;
}

bool DirectoryPaths::seen(const InodeId& directory, const InodeId& parent,
                          const std::string& name, std::uint64_t boot_ns) {
  if (at_root(directory) || !parent || name.empty()) return true;
  if (const Place* known = find(new_, directory)) {
    if (same_inode(known->parent, parent) && known->name == name) return true;
  } else if (in_tree(directory, parent, name)) {
    return true;
  }
  // While overlay removes a directory it is in the work directory for a moment,
  // which is nowhere.
  if (place_of(directory).second != nullptr && !resolves(parent)) return true;

  if (const auto it = new_.find(directory.ino); it != new_.end()) {
    forget_new(it);
  }
  if (const auto it = gone_.find(directory.ino); it != gone_.end()) {
    forget_gone(it);
  }
  Place place{directory.generation, parent, name, boot_ns, 0};
  const std::size_t size = bytes_of(place);
  if (new_bytes_ + size > kMaxNewBytes) return false;
  new_bytes_ += size;
  new_[directory.ino] = std::move(place);
  return true;
}

void DirectoryPaths::removed(const InodeId& directory, const InodeId& parent,
                             const std::string& name, std::uint64_t boot_ns) {
  const auto it = new_.find(directory.ino);
  if (it != new_.end() && find(new_, directory) != nullptr) {
    Place place = forget_new(it);
    place.boot_ns = boot_ns;
    add_gone(directory, std::move(place));
  } else if (place_of(directory).second == nullptr && parent && !name.empty()) {
    add_gone(directory, {directory.generation, parent, name, boot_ns, 0});
  }
}

void DirectoryPaths::vanished(
    const std::vector<std::pair<std::string, Entry>>& entries,
    std::uint64_t boot_ns) {
  for (const auto& [path, entry] : entries) {
    if (!entry.directory() || entry.whiteout || !entry.parent ||
        tree_.find(entry.inode) != nullptr || is_new(entry.inode)) {
      continue;
    }
    add_gone(entry.inode,
             {entry.inode.generation, entry.parent, entry.name, boot_ns, 0});
  }
}

DirectoryPaths::Place DirectoryPaths::forget_new(Places::iterator at) {
  Place place = std::move(at->second);
  new_bytes_ -= bytes_of(place);
  new_.erase(at);
  return place;
}

void DirectoryPaths::forget_gone(Places::iterator at) {
  gone_bytes_ -= bytes_of(at->second);
  gone_.erase(at);
}

void DirectoryPaths::add_gone(const InodeId& directory, Place place) {
  if (const auto it = gone_.find(directory.ino); it != gone_.end()) {
    forget_gone(it);
  }
  place.turn = ++turn_;
  gone_bytes_ += bytes_of(place);
  gone_[directory.ino] = std::move(place);
  if (gone_bytes_ > kMaxGoneBytes) make_room();
}

// A quarter at a time, so that one that comes does not cost a look at all: no
// directory keeps more than what all can have, and of its own the latest.
void DirectoryPaths::make_room() {
  std::map<std::uint64_t, std::size_t> held;  // by the parent's inode number
  for (const auto& [ino, place] : gone_) {
    held[place.parent.ino] += bytes_of(place);
  }
  std::vector<std::size_t> shares;
  for (const auto& [parent, bytes] : held) shares.push_back(bytes);
  std::sort(shares.begin(), shares.end());
  std::size_t left = kMaxGoneBytes / 4 * 3;
  std::size_t most = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    most = left / (shares.size() - i);
    if (shares[i] > most) break;
    left -= shares[i];
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> oldest;  // turn, inode
  for (const auto& [ino, place] : gone_) oldest.emplace_back(place.turn, ino);
  std::sort(oldest.begin(), oldest.end());
  for (const auto& [turn, ino] : oldest) {
    const auto it = gone_.find(ino);
    auto& bytes = held[it->second.parent.ino];
    if (bytes <= most) continue;
    bytes -= std::min(bytes, bytes_of(it->second));
    forget_gone(it);
  }
}

void DirectoryPaths::expire(std::uint64_t now) {
  if (gone_.empty() || now < next_expiry_) return;
  next_expiry_ = now + kExpireEveryNs;
  for (auto it = gone_.begin(); it != gone_.end();) {
    const auto at = it++;
    if (at->second.boot_ns + kMemoryNs < now) forget_gone(at);
  }
}

std::vector<InodeId> DirectoryPaths::settle(
    std::uint64_t started,
    const std::function<bool(const InodeId&)>& looked_at) {
  std::vector<InodeId> gone;
  for (auto it = new_.begin(); it != new_.end();) {
    const auto at = it++;
    const InodeId directory{at->first, at->second.generation};
    const auto& place = at->second;
    const bool there = in_tree(directory, place.parent, place.name);
    const bool looked = place.boot_ns < started && looked_at(place.parent);
    if (!there && !looked) continue;
    Place was = forget_new(at);
    if (tree_.has_directory(directory)) continue;
    gone.push_back(directory);
    add_gone(directory, std::move(was));
  }
  expire(started);
  return gone;
}

}  // namespace stillframe::drift
