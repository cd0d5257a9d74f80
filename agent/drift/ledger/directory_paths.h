// SPDX-License-Identifier: Apache-2.0
//
// Where directories are that the tree does not have there: those made or moved
// since the last scan, and those that are gone but may still be referred to (by
// what waits for a scan, by an event under way, by a file that is open). A path
// is never reported without its directory. Bounded in bytes: a container
// decides how many directories there are, and how long their names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/drift/scan/tree.h"
#include "agent/model/inode.h"

namespace stillframe::drift {

class DirectoryPaths {
 public:
  // Of each sort, of which the new ones go with the next scans. Beyond it, the
  // gone ones of the directory that had most give way first, the oldest before
  // others; further new ones are not kept.
  static constexpr std::size_t kMaxNewBytes = 4u << 20;
  static constexpr std::size_t kMaxGoneBytes = 1u << 20;
  // How long one that is gone is kept.
  static constexpr std::uint64_t kMemoryNs = 600'000'000'000;

  // `root` is the upper root, also where the tree is empty yet.
  DirectoryPaths(const UpperTree& tree, const InodeId& root)
      : tree_(tree), root_(root) {}

  // An event has named its place. False: there is no room.
  bool seen(const InodeId& directory, const InodeId& parent,
            const std::string& name, std::uint64_t boot_ns);
  // It was removed from there.
  void removed(const InodeId& directory, const InodeId& parent,
               const std::string& name, std::uint64_t boot_ns);
  // A scan has shown that these entries of the tree are not there any more.
  void vanished(const std::vector<std::pair<std::string, Entry>>& entries,
                std::uint64_t boot_ns);

  // Made or moved, and not looked at since.
  bool is_new(const InodeId& directory) const;
  std::size_t bytes() const { return new_bytes_ + gone_bytes_; }

  // The nearest directory above a new one that the tree has; none: not known.
  InodeId known_above(const InodeId& directory) const;
  // The path of a name in `parent`; empty while the parent is unknown.
  std::string path_in(const InodeId& parent, const std::string& name) const;

  // After a scan that began at `started`: those that are as the tree has them
  // are new no more, and those that were gone before anyone looked are given.
  // `looked_at`: the directory needs no further look.
  std::vector<InodeId> settle(
      std::uint64_t started,
      const std::function<bool(const InodeId&)>& looked_at);

 private:
  struct Place {
    std::uint32_t generation = 0;
    InodeId parent;
    std::string name;
    std::uint64_t boot_ns = 0;
    std::uint64_t turn = 0;  // in the order in which they came
  };
  using Places = std::unordered_map<std::uint64_t, Place>;  // by inode number

  static std::size_t bytes_of(const Place& place);
  static const Place* find(const Places& places, const InodeId& directory);
  // Where it is, or was; null parent: not known.
  std::pair<InodeId, const std::string*> place_of(const InodeId& at) const;
  bool at_root(const InodeId& at) const;
  bool resolves(const InodeId& directory) const;
  bool in_tree(const InodeId& directory, const InodeId& parent,
               const std::string& name) const;
  Place forget_new(Places::iterator at);
  void add_gone(const InodeId& directory, Place place);
  void forget_gone(Places::iterator at);
  void make_room();
  void expire(std::uint64_t now);

  const UpperTree& tree_;
  const InodeId& root_;
  Places new_;
  Places gone_;
  std::size_t new_bytes_ = 0;
  std::size_t gone_bytes_ = 0;
  std::uint64_t turn_ = 0;
  std::uint64_t next_expiry_ = 0;
};

}  // namespace stillframe::drift
