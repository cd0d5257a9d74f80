// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/new_directories.h"

namespace stillframe::drift {
namespace {

// A longer chain of directories than any path can name.
constexpr int kMaxDepth = 4096;

std::string joined(const std::string& directory, const std::string& name) {
  if (name.empty()) return directory;
  return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

bool NewDirectories::add(const InodeId& directory, const InodeId& parent,
                         const std::string& name, std::uint64_t boot_ns) {
  if (made_.size() >= kMax) return false;
  made_[directory.ino] = {parent, name, boot_ns};
  return true;
}

InodeId NewDirectories::known_above(const InodeId& directory) const {
  InodeId at = directory;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const auto it = made_.find(at.ino);
    if (it == made_.end()) return {};
    at = it->second.parent;
    if (tree_.has_directory(at)) return at;
  }
  return {};
}

std::string NewDirectories::path_in(const InodeId& parent,
                                    const std::string& name) const {
  std::string below = name;
  InodeId at = parent;
  for (int depth = 0; at && depth < kMaxDepth; ++depth) {
    const std::string known = tree_.path_of(at);
    if (!known.empty()) return joined(known, below);
    if (at == tree_.root() || at == root_) return "/" + below;
    const auto it = made_.find(at.ino);
    if (it == made_.end()) return {};
    below = it->second.name + "/" + below;
    at = it->second.parent;
  }
  return {};
}

std::vector<InodeId> NewDirectories::settle(
    std::uint64_t started,
    const std::function<bool(const InodeId&)>& looked_at) {
  std::vector<InodeId> gone;
  for (auto it = made_.begin(); it != made_.end();) {
    const InodeId directory{it->first, 0};
    const auto& made = it->second;
    const bool known = tree_.has_directory(directory);
    const bool looked = made.boot_ns < started && looked_at(made.parent);
    if (!known && looked) gone.push_back(directory);
    it = known || looked ? made_.erase(it) : std::next(it);
  }
  return gone;
}

}  // namespace stillframe::drift
