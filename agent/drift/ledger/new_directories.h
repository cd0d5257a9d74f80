// SPDX-License-Identifier: Apache-2.0
//
// Directories made since the last scan, whose paths are known before the tree
// has them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/drift/scan/tree.h"
#include "agent/model/inode.h"

namespace stillframe::drift {

class NewDirectories {
 public:
  static constexpr std::size_t kMax = 4096;

  // `root` is the upper root, also where the tree is empty yet.
  NewDirectories(const UpperTree& tree, const InodeId& root)
      : tree_(tree), root_(root) {}

  // False: there are too many.
  bool add(const InodeId& directory, const InodeId& parent,
           const std::string& name, std::uint64_t boot_ns);
  void erase(const InodeId& directory) { made_.erase(directory.ino); }
  bool has(const InodeId& directory) const {
    return made_.contains(directory.ino);
  }
  std::size_t size() const { return made_.size(); }

  // The nearest directory above it that the tree has; none: not known.
  InodeId known_above(const InodeId& directory) const;
  // The path of a name in `parent`; empty while the parent is unknown.
  std::string path_in(const InodeId& parent, const std::string& name) const;

  // After a scan that began at `started`: forgets those that the tree has now,
  // and gives (and forgets) those that were gone before anyone looked.
  // `looked_at`: the directory needs no further look.
  std::vector<InodeId> settle(
      std::uint64_t started,
      const std::function<bool(const InodeId&)>& looked_at);

 private:
  struct Made {
    InodeId parent;
    std::string name;
    std::uint64_t boot_ns = 0;
  };
  const UpperTree& tree_;
  const InodeId& root_;
  std::unordered_map<std::uint64_t, Made> made_;  // by inode number
};

}  // namespace stillframe::drift
