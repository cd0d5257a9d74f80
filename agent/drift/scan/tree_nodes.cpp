// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/tree_nodes.h"

#include <algorithm>
#include <utility>

namespace stillframe::drift {
namespace {

// So few are put in order each time that they are asked for.
constexpr std::size_t kFewNames = 16;

bool same_thing(const Entry& a, const Entry& b) {
  // Missing from one directory is not the same as missing from another one that
  // came in its place.
  if (a.whiteout || b.whiteout) {
    return a.whiteout == b.whiteout && same_inode(a.parent, b.parent);
  }
  return same_inode(a.inode, b.inode);
}

bool same_state(const Entry& a, const Entry& b) {
  static const Rare kNothing;
  const auto rare = [](const Entry& e) -> const Rare& {
    return e.rare.get() != nullptr ? *e.rare.get() : kNothing;
  };
  // Whether only_time() directories are changed depends on their children.
  const bool change = a.change == b.change || (only_time(a) && only_time(b));
  return change && a.ctime == b.ctime && a.mode == b.mode && a.uid == b.uid &&
         a.gid == b.gid && a.size == b.size && a.mtime == b.mtime &&
         a.differs == b.differs && a.metacopy == b.metacopy &&
         a.shown_by_runtime == b.shown_by_runtime &&
         a.stat_differs == b.stat_differs && a.carried == b.carried &&
         rare(a) == rare(b);
}

// Whether the tool prints the parent directory because of this entry. podman
// does so for what was added or deleted, docker for any line below.
bool marks_parent(const TreeNode& n, DiffTool tool) {
  if (n.marks[static_cast<std::size_t>(tool)] != 0) return true;
  const Change line = own_line(n.entry, tool);
  if (tool == DiffTool::docker) return line != Change::none;
  return line == Change::added || line == Change::deleted;
}

bool explains_parent(const Entry& e) {
  return e.change != Change::none && !only_time(e);
}

}  // namespace

bool only_time(const Entry& e) {
  const Difference& d = e.differs;
  return is_directory(e) && e.change != Change::added && d.time && !d.opaque &&
         !d.type && !d.unknown && !d.any_metadata();
}

Change own_line(const Entry& e, DiffTool tool) {
  if (tool == DiffTool::podman) return e.shown_by_runtime;
  if (e.change == Change::added || e.change == Change::deleted) return e.change;
  return e.stat_differs || e.hidden() != nullptr ? Change::changed
                                                 : Change::none;
}

TreeNode* UpperTree::Impl::child(const Node* parent,
                                 std::string_view name) const {
  const auto it = nodes.find(TreePlace{parent, name});
  return it == nodes.end() ? nullptr : node_at(it);
}

UpperTree::Impl::Nodes::const_iterator UpperTree::Impl::first_child(
    const Node* parent) const {
  return nodes.lower_bound(TreePlace{parent, ""});
}

std::vector<TreeNode*> UpperTree::Impl::children(const Node* parent) const {
  std::vector<Node*> out;
  for (auto it = first_child(parent); it != nodes.end() && it->parent == parent;
       ++it) {
    out.push_back(node_at(it));
  }
  return out;
}

std::span<TreeNode* const> UpperTree::Impl::nodes_of(std::uint64_t ino) const {
  Node* const* one = by_inode.find(ino);
  if (one == nullptr) return {};
  if ((*one)->alias == Node::kNoAlias) return {one, 1};
  return sharing.at(ino);
}

// Of several, as long as not all that is there has been met, the one met last.
TreeNode* UpperTree::Impl::directory(const InodeId& inode) const {
  Node* found = nullptr;
  for (Node* n : nodes_of(inode.ino)) {
    if (is_directory(n->entry) && same_inode(n->entry.inode, inode) &&
        (found == nullptr || found->stamp <= n->stamp)) {
      found = n;
    }
  }
  return found;
}

const TreeNode* UpperTree::Impl::node_of(const Entry& entry) const {
  if (entry.name.empty()) return root;
  const Node* parent = directory(entry.parent);
  return parent ? child(parent, entry.name) : nullptr;
}

bool UpperTree::Impl::path_less(const Node* a, const Node* b) const {
  if (a->parent == b->parent) return a->entry.name < b->entry.name;
  return path(a, '\0') < path(b, '\0');
}

UpperTree::AliasesPtr UpperTree::Impl::aliases_of(const InodeId& inode) const {
  const auto known = asked.find(inode);
  if (known != asked.end()) return known->second;
  std::vector<const Node*> found;
  for (const Node* n : nodes_of(inode.ino)) {
    if (same_inode(n->entry.inode, inode)) found.push_back(n);
  }
  std::sort(found.begin(), found.end(),
            [this](const Node* a, const Node* b) { return path_less(a, b); });
  auto out = std::make_shared<Aliases>();
  for (const Node* n : found) {
    out->all.push_back(&n->entry);
    if (n->entry.change != Change::changed) continue;
    ++out->changed;
    if (out->first_changed == nullptr) out->first_changed = &n->entry;
  }
  if (found.size() > kFewNames) asked.emplace(inode, out);
  return out;
}

const Entry* UpperTree::Impl::first_of(const InodeId& inode) const {
  const auto all = nodes_of(inode.ino);
  if (all.size() > 1) {
    const auto names = aliases_of(inode);
    return names->all.empty() ? nullptr : names->all.front();
  }
  const bool same = !all.empty() && same_inode(all.front()->entry.inode, inode);
  return same ? &all.front()->entry : nullptr;
}

// With '\0' as the separator, paths compare name by name.
std::string UpperTree::Impl::path(const Node* n, char separator) const {
  if (n == root) return std::string(1, separator);
  std::size_t length = 0;
  for (const Node* at = n; at && at != root; at = at->parent) {
    length += at->entry.name.size() + 1;
  }
  std::string out(length, separator);
  for (const Node* at = n; at && at != root; at = at->parent) {
    length -= at->entry.name.size();
    out.replace(length, at->entry.name.size(), at->entry.name);
    --length;
  }
  return out;
}

void UpperTree::Impl::note_reading(const Node* n, bool there) {
  const auto note = [&](std::unordered_set<const Node*>& all, bool is) {
    if (there && is) {
      all.insert(n);
    } else if (!all.empty()) {
      all.erase(n);
    }
  };
  note(reading, n->entry.reading);
  note(unread, n->entry.differs.unread);
}

// Adds `step` to the marks of the parent and, as far as that tips the balance,
// to those above it.
void UpperTree::Impl::mark_up(Node* n, int step) {
  for (const DiffTool tool : kTools) {
    if (!marks_parent(*n, tool)) continue;
    for (Node* at = n->parent; at; at = at->parent) {
      const bool before = marks_parent(*at, tool);
      at->marks[static_cast<std::size_t>(tool)] +=
          static_cast<std::uint32_t>(step);
      if (before == marks_parent(*at, tool)) break;
    }
  }
}

void UpperTree::Impl::index(Node* n) {
  if (n->entry.whiteout || !n->entry.inode) return;
  Node* const* other = by_inode.find(n->entry.inode.ino);
  if (other == nullptr) {
    by_inode.put(n);
    return;
  }
  auto& all = sharing[n->entry.inode.ino];
  for (Node* one : {*other, n}) {
    if (one->alias != Node::kNoAlias) continue;
    one->alias = static_cast<std::uint32_t>(all.size());
    all.push_back(one);
  }
}

void UpperTree::Impl::unindex(Node* n) {
  if (n->entry.whiteout || !n->entry.inode) return;
  const std::uint64_t ino = n->entry.inode.ino;
  if (n->alias == Node::kNoAlias) {
    by_inode.erase(ino);
    return;
  }
  auto& all = sharing[ino];
  all.back()->alias = n->alias;
  std::swap(all[n->alias], all.back());
  all.pop_back();
  n->alias = Node::kNoAlias;
  by_inode.put(all.front());
  if (all.size() > 1) return;
  all.front()->alias = Node::kNoAlias;
  sharing.erase(ino);
}

// Makes a node that is in the set count: in the index and for its parent.
void UpperTree::Impl::attach(Node* n) {
  index(n);
  mark_up(n, 1);
  note_reading(n, true);
  if (n->parent) {
    if (explains_parent(n->entry)) ++n->parent->explains;
    touched.insert(n->parent);
  }
  if (is_directory(n->entry)) touched.insert(n);
}

void UpperTree::Impl::detach(Node* n) {
  note_reading(n, false);
  if (n->parent) {
    if (explains_parent(n->entry)) --n->parent->explains;
    touched.insert(n->parent);
  }
  mark_up(n, -1);
  unindex(n);
}

void UpperTree::Impl::report(std::vector<const Entry*>* list, Node* n) {
  if (n->reported == stamp) return;
  n->reported = stamp;
  list->push_back(&n->entry);
}

TreeNode* UpperTree::Impl::insert(Entry entry, Node* parent) {
  Node fresh;
  fresh.entry = std::move(entry);
  fresh.parent = parent;
  Node* n = node_at(nodes.insert(std::move(fresh)).first);
  attach(n);
  report(&delta.appeared, n);
  return n;
}

void UpperTree::Impl::update(Node* n, Entry entry) {
  const bool same = same_thing(n->entry, entry);
  if (same && entry.partly) return;  // what was known says more
  const bool changed = !same || !same_state(n->entry, entry);
  if (!changed) {
    n->entry.links = entry.links;
    n->entry.reading = entry.reading;
    note_reading(n, true);
    return;
  }
  // Kept until the children have been looked at: see resolve().
  const Change before = n->entry.change;
  if (!same) {
    delta.vanished.emplace_back(path(n, '/'), n->entry);
    if (is_directory(n->entry)) replaced.push_back(n);
  }
  detach(n);
  n->entry = std::move(entry);
  if (same && only_time(n->entry) && before != Change::added) {
    n->entry.change = before;
  }
  attach(n);
  report(same ? &delta.changed : &delta.appeared, n);
}

// A directory came up at another place: it takes along all that is in it.
TreeNode* UpperTree::Impl::relocate(Node* n, Entry entry, Node* parent) {
  if (Node* there = child(parent, entry.name)) remove(there);
  delta.vanished.emplace_back(path(n, '/'), n->entry);
  detach(n);
  auto handle = nodes.extract(nodes.find(TreeOrder::place(*n)));
  n->entry = std::move(entry);
  n->parent = parent;
  nodes.insert(std::move(handle));
  attach(n);
  report(&delta.appeared, n);
  return n;
}

// Takes a node and all below it out.
void UpperTree::Impl::remove(Node* top) {
  std::vector<Node*> all{top};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (Node* n : children(all[i])) all.push_back(n);
  }
  for (const Node* n : all) {
    delta.vanished.emplace_back(path(n, '/'), n->entry);
  }
  for (auto n = all.rbegin(); n != all.rend(); ++n) {
    detach(*n);
    touched.erase(*n);
    dead.insert(*n);
    graveyard.push_back(nodes.extract(nodes.find(TreeOrder::place(**n))));
  }
}

// See Entry::change.
void UpperTree::Impl::resolve(Node* n) {
  if (n == root || !only_time(n->entry)) return;
  const Change now = n->explains != 0 ? Change::none : Change::changed;
  if (n->entry.change == now) return;
  n->entry.change = now;
  report(&delta.changed, n);
}

}  // namespace stillframe::drift
