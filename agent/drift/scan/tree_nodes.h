// SPDX-License-Identifier: Apache-2.0
//
// The inside of UpperTree:
//   tree_nodes.cpp   one node at a time: in, out, elsewhere, and what its
//                    parents derive from it
//   tree_apply.cpp   taking in what a scan found
//   tree.cpp         questions
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/base/flat_table.h"
#include "agent/drift/scan/tree.h"

namespace stillframe::drift {

inline constexpr std::array kTools = {DiffTool::podman, DiffTool::docker};

// One entry and its place. Lives in a set ordered by (parent, name); all else
// may change while it is there.
struct TreeNode {
  Entry entry;
  TreeNode* parent = nullptr;
  // Per tool: children that make it print this directory, too.
  std::array<std::uint32_t, kTools.size()> marks{};
  std::uint32_t explains = 0;      // children with a change of their own
  std::uint32_t stamp = 0;         // the last apply() that met it
  std::uint32_t reported = 0;      // the last one that had it in Delta
  std::uint32_t alias = kNoAlias;  // its index in Impl::sharing
  static constexpr std::uint32_t kNoAlias = UINT32_MAX;
};

inline std::uint64_t inode_number(TreeNode* const& n) {
  return n->entry.inode.ino;
}

inline bool is_directory(const Entry& e) {
  return e.directory() && !e.whiteout;
}

// A directory of which nothing but the mtime differs (see Entry::change).
bool only_time(const Entry& e);
// The tool's line for the entry by itself.
Change own_line(const Entry& e, DiffTool tool);

struct TreePlace {
  const TreeNode* parent;
  std::string_view name;
};

struct TreeOrder {
  using is_transparent = void;
  static TreePlace place(const TreeNode& n) { return {n.parent, n.entry.name}; }
  static bool less(const TreePlace& a, const TreePlace& b) {
    if (a.parent != b.parent) {
      return std::less<const TreeNode*>()(a.parent, b.parent);
    }
    return a.name < b.name;
  }
  bool operator()(const TreeNode& a, const TreeNode& b) const {
    return less(place(a), place(b));
  }
  bool operator()(const TreeNode& a, const TreePlace& b) const {
    return less(place(a), b);
  }
  bool operator()(const TreePlace& a, const TreeNode& b) const {
    return less(a, place(b));
  }
};

struct UpperTree::Impl {
  using Node = TreeNode;
  using Nodes = std::set<Node, TreeOrder>;
  // What the set orders by stays as it is while a node is there.
  static Node* node_at(Nodes::const_iterator at) {
    return const_cast<Node*>(&*at);
  }

  Nodes nodes;
  bool by_trees = false;
  bool plain = false;
  Node* root = nullptr;
  FlatTable<Node*, inode_number> by_inode;  // of several any one
  // Of inode numbers that several nodes have, all of them: hardly any.
  std::unordered_map<std::uint64_t, std::vector<Node*>> sharing;
  std::uint32_t stamp = 0;
  // What was asked for since the last apply() and has many names.
  mutable std::unordered_map<InodeId, AliasesPtr> asked;
  std::unordered_set<const Node*> reading;  // see UpperTree::reading()
  std::unordered_set<const Node*> unread;

  // Of the apply() under way.
  Delta delta;
  std::unordered_set<Node*> touched;  // directories to be resolved
  std::vector<Node*> replaced;        // another directory is there now
  std::vector<Node*> moved;           // directories that came from elsewhere
  std::unordered_set<const Node*> dead;
  std::vector<Nodes::node_type> graveyard;  // keeps addresses from reuse

  // tree_nodes.cpp
  Node* child(const Node* parent, std::string_view name) const;
  Nodes::const_iterator first_child(const Node* parent) const;
  std::vector<Node*> children(const Node* parent) const;
  Node* directory(const InodeId& inode) const;
  const Node* node_of(const Entry& entry) const;
  const Entry* first_of(const InodeId& inode) const;
  AliasesPtr aliases_of(const InodeId& inode) const;
  bool path_less(const Node* a, const Node* b) const;
  // All with that inode number, in any order; good until the next change.
  std::span<Node* const> nodes_of(std::uint64_t ino) const;
  std::string path(const Node* n, char separator) const;
  void attach(Node* n);
  void detach(Node* n);
  void index(Node* n);
  void unindex(Node* n);
  void mark_up(Node* n, int step);
  Node* insert(Entry entry, Node* parent);
  Node* relocate(Node* n, Entry entry, Node* parent);
  void update(Node* n, Entry entry);
  void remove(Node* top);
  void resolve(Node* n);
  void note_reading(const Node* n, bool there);
  void report(std::vector<const Entry*>* list, Node* n);

  // tree_apply.cpp
  void begin();
  Delta finish();
  Node* place(Entry entry, Node* parent);
  void place_all(std::deque<Entry> entries);
  void stamp_all(const std::vector<Unchanged>& unchanged);
  void place_self(const PartialResult::Directory& part);
  void settle(const std::vector<Unread>& unread, bool exhausted);
  void keep(const Unread& unread);
  void keep_subtree(Node* top);
  void sweep(Node* top);
  void drop_gone(const PartialResult::Directory& part);
};

}  // namespace stillframe::drift
