// SPDX-License-Identifier: Apache-2.0
//
// The upper directory as last scanned, as a tree of upper inodes. Paths come
// from here and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/drift/scan/scanner.h"
#include "agent/model/runtime.h"
#include "agent/model/shared_path.h"

namespace stillframe::drift {

class UpperTree {
 public:
  // What a scan changed in the tree. Pointers are good until the next apply().
  // A directory that was renamed has vanished and appeared; what is in it has
  // not, by itself. What another took the place of has vanished.
  struct Delta {
    std::vector<const Entry*> appeared;  // (parent, name) not there before, or
                                         // there with another inode
    std::vector<const Entry*> changed;   // same inode, another ctime or state
    std::vector<std::pair<std::string /*path*/, Entry>> vanished;
    // What is said to be unchanged is not known here: everything is to be
    // scanned thoroughly.
    bool missed = false;
  };

  UpperTree();
  ~UpperTree();
  UpperTree(UpperTree&&) noexcept;
  UpperTree& operator=(UpperTree&&) noexcept;

  // Takes in what a scan found; where it could not look, what was known stays.
  Delta apply(ScanResult scan);  // of everything
  Delta apply(PartialResult part) { return apply_entries_of(part); }
  // Of what it looked at: takes the entries out of it, and leaves the rest.
  Delta apply_entries_of(PartialResult& part);

  bool empty() const;
  std::size_t size() const;
  bool by_trees() const;  // see ScanResult
  bool plain() const;     // likewise
  InodeId root() const;

  // A generation of 0 on either side matches any. Of a hard-linked inode the
  // first alias in path order.
  const Entry* find(const InodeId& inode) const;
  // All names of an inode, of which a container may make tens of thousands:
  // many are worked out once until the next apply().
  struct Aliases {
    std::vector<const Entry*> all;  // in path order
    // Those that the image has, too, by which it shows what became of them.
    std::size_t changed = 0;
    const Entry* first_changed = nullptr;
  };
  using AliasesPtr = std::shared_ptr<const Aliases>;
  AliasesPtr aliases(const InodeId& inode) const;  // never null
  const Entry* find(const InodeId& parent, std::string_view name) const;
  const Entry* find_path(std::string_view path) const;  // no links followed
  bool has_directory(const InodeId& inode) const;

  // Files whose comparison is to go on, some of them; and one whose bytes have
  // not been compared, null when there is none.
  std::vector<const Entry*> reading(std::size_t most) const;
  const Entry* unread() const;
  // All that a directory brought along from elsewhere: see Rare::carrier.
  std::vector<const Entry*> brought_by(const Entry& directory) const;

  // "/etc/passwd"; "/" for the root; empty when the inode is unknown.
  std::string path_of(const Entry& entry) const;
  std::string path_of(const InodeId& inode) const;

  // Paths of directories, "" for the root and for what is unknown. Those given
  // by one of these share the directories above them.
  class Paths {
   public:
    explicit Paths(const UpperTree& tree) : tree_(tree) {}
    SharedPath of(const InodeId& directory);

   private:
    const UpperTree& tree_;
    std::unordered_map<const void*, SharedPath::DirectoryPtr> known_;
  };

  // The line that the tool would print for an entry of this tree, or none; its
  // hidden paths are not considered.
  Change line_of(const Entry& entry, DiffTool tool) const;

  // Where an entry is, for the time of its visit.
  struct Place {
    const std::string& path;
    std::size_t depth;  // 1: in the root
    const SharedPath::DirectoryPtr& directory;
  };
  // In path order (names byte-wise, parents before children), the root
  // excluded.
  void for_each(
      const std::function<void(const Place&, const Entry&)>& visit) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::drift
