// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/tree_nodes.h"

#include <algorithm>
#include <utility>

namespace stillframe::drift {

void UpperTree::Impl::begin() {
  ++stamp;
  delta = {};
  asked.clear();
}

TreeNode* UpperTree::Impl::place(Entry entry, Node* parent) {
  Node* there = child(parent, entry.name);
  Node* elsewhere = is_directory(entry) ? directory(entry.inode) : nullptr;
  if (elsewhere && elsewhere != there) {
    bool inside_itself = false;
    for (const Node* at = parent; at; at = at->parent) {
      inside_itself |= at == elsewhere;
    }
    if (!inside_itself) {
      there = relocate(elsewhere, std::move(entry), parent);
      there->stamp = stamp;
      return there;
    }
  }
  if (there) {
    update(there, std::move(entry));
  } else {
    there = insert(std::move(entry), parent);
  }
  there->stamp = stamp;
  return there;
}

// The root is not moved and never a child.
void UpperTree::Impl::place_all(std::deque<Entry> entries) {
  Node* parent = nullptr;
  for (; !entries.empty(); entries.pop_front()) {
    Entry& entry = entries.front();
    if (entry.name.empty()) {
      if (!root) {
        root = insert(std::move(entry), nullptr);
      } else {
        update(root, std::move(entry));
      }
      root->stamp = stamp;
      continue;
    }
    if (!parent || !same_inode(parent->entry.inode, entry.parent)) {
      parent = directory(entry.parent);
    }
    if (!parent) continue;
    const Node* before = child(parent, entry.name);
    Node* n = place(std::move(entry), parent);
    // The scanner has followed a renamed directory by all that is below it now.
    if (n != before && is_directory(n->entry)) moved.push_back(n);
  }
}

void UpperTree::Impl::stamp_all(const std::vector<Unchanged>& unchanged) {
  for (const Unchanged& one : unchanged) {
    const auto all = nodes_of(one.ino);
    const auto n = std::find_if(all.begin(), all.end(), [&](const Node* other) {
      return place_hash(other->entry.parent, other->entry.name) == one.place;
    });
    if (n != all.end()) {
      (*n)->stamp = stamp;
    } else {
      delta.missed = true;
    }
  }
}

void UpperTree::Impl::place_self(const PartialResult::Directory& part) {
  if (part.stale || !part.self.inode) return;
  if (part.self.name.empty()) {
    place_all({part.self});
  } else if (Node* parent = directory(part.self.parent)) {
    place(part.self, parent);
  }
}

// After all that is there has been placed: what is not there goes.
void UpperTree::Impl::settle(const std::vector<Unread>& unread,
                             bool exhausted) {
  // What was in the one before is not in the one that took its place.
  for (Node* n : std::exchange(replaced, {})) {
    if (!dead.contains(n)) sweep(n);
  }
  if (!exhausted) {
    for (const Unread& one : unread) keep(one);
    for (Node* n : moved) {
      if (!dead.contains(n)) sweep(n);
    }
  }
  moved.clear();
}

// See Unread.
void UpperTree::Impl::keep(const Unread& unread) {
  const Node* dir = directory(unread.directory);
  if (!dir) return;
  if (!unread.name.empty()) {
    Node* n = child(dir, unread.name);
    if (n) keep_subtree(n);
    return;
  }
  for (Node* n : children(dir)) keep_subtree(n);
}

// As if it had been met, unless it was.
void UpperTree::Impl::keep_subtree(Node* top) {
  std::vector<Node*> open{top};
  while (!open.empty()) {
    Node* n = open.back();
    open.pop_back();
    if (n->stamp == stamp) continue;
    n->stamp = stamp;
    for (Node* below : children(n)) open.push_back(below);
  }
}

// Removes what is below a node and was not met by this apply().
void UpperTree::Impl::sweep(Node* top) {
  std::vector<Node*> open{top};
  std::vector<Node*> unmet;
  while (!open.empty()) {
    const Node* at = open.back();
    open.pop_back();
    for (Node* n : children(at)) {
      if (n->stamp != stamp) {
        unmet.push_back(n);
      } else if (is_directory(n->entry)) {
        open.push_back(n);
      }
    }
  }
  for (Node* n : unmet) remove(n);
}

void UpperTree::Impl::drop_gone(const PartialResult::Directory& part) {
  if (part.stale) return;
  const Node* dir = directory(part.inode);
  if (!dir) return;
  std::vector<Node*> unmet;
  if (part.full) {
    unmet = children(dir);
  } else {
    for (const std::string& name : part.gone) {
      if (name.empty()) continue;
      if (Node* n = child(dir, name)) unmet.push_back(n);
    }
  }
  std::erase_if(unmet, [this](const Node* n) { return n->stamp == stamp; });
  std::sort(unmet.begin(), unmet.end());
  unmet.erase(std::unique(unmet.begin(), unmet.end()), unmet.end());
  for (Node* n : unmet) remove(n);
}

UpperTree::Delta UpperTree::Impl::finish() {
  for (Node* n : touched) resolve(n);
  touched.clear();
  if (!dead.empty()) {
    std::unordered_set<const Entry*> entries;
    for (const Node* n : dead) entries.insert(&n->entry);
    const auto is_dead = [&](const Entry* e) { return entries.contains(e); };
    std::erase_if(delta.appeared, is_dead);
    std::erase_if(delta.changed, is_dead);
    dead.clear();
    graveyard.clear();
  }
  return std::exchange(delta, {});
}

UpperTree::Delta UpperTree::apply(ScanResult scan) {
  // Without a root nothing could be read at all: what was known still stands.
  if (scan.entries.empty()) return {};
  impl_->by_trees = scan.by_trees;
  impl_->plain = scan.plain;
  impl_->begin();
  impl_->place_all(std::move(scan.entries));
  impl_->stamp_all(scan.unchanged);
  impl_->settle(scan.unread, scan.exhausted);
  if (impl_->root && !scan.exhausted) impl_->sweep(impl_->root);
  return impl_->finish();
}

UpperTree::Delta UpperTree::apply_entries_of(PartialResult& part) {
  impl_->begin();
  // First all that is there, renamed directories with it, then what is not.
  for (auto& directory : part.directories) {
    impl_->place_self(directory);
    if (directory.stale) continue;
    impl_->place_all(std::move(directory.entries));
    impl_->stamp_all(directory.unchanged);
  }
  impl_->settle(part.unread, part.exhausted);
  if (!part.exhausted) {
    for (const auto& directory : part.directories) impl_->drop_gone(directory);
  }
  return impl_->finish();
}

}  // namespace stillframe::drift
