// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/tree.h"

#include <algorithm>

#include "agent/base/text.h"
#include "agent/drift/scan/tree_nodes.h"

namespace stillframe::drift {

UpperTree::UpperTree() : impl_(std::make_unique<Impl>()) {}
UpperTree::~UpperTree() = default;
UpperTree::UpperTree(UpperTree&&) noexcept = default;
UpperTree& UpperTree::operator=(UpperTree&&) noexcept = default;

bool UpperTree::empty() const { return impl_->root == nullptr; }
std::size_t UpperTree::size() const { return impl_->nodes.size(); }
bool UpperTree::by_trees() const { return impl_->by_trees; }
bool UpperTree::plain() const { return impl_->plain; }

InodeId UpperTree::root() const {
  return impl_->root ? impl_->root->entry.inode : InodeId{};
}

const Entry* UpperTree::find(const InodeId& inode) const {
  return impl_->first_of(inode);
}

UpperTree::AliasesPtr UpperTree::aliases(const InodeId& inode) const {
  return impl_->aliases_of(inode);
}

const Entry* UpperTree::find(const InodeId& parent,
                             std::string_view name) const {
  const TreeNode* dir = impl_->directory(parent);
  const TreeNode* n = dir ? impl_->child(dir, name) : nullptr;
  return n ? &n->entry : nullptr;
}

const Entry* UpperTree::find_path(std::string_view path) const {
  const TreeNode* at = impl_->root;
  for (const std::string& name : split(path, '/')) {
    if (at && !name.empty()) at = impl_->child(at, name);
  }
  return at ? &at->entry : nullptr;
}

bool UpperTree::has_directory(const InodeId& inode) const {
  return impl_->directory(inode) != nullptr;
}

std::vector<const Entry*> UpperTree::reading(std::size_t most) const {
  std::vector<const Entry*> out;
  for (const TreeNode* n : impl_->reading) {
    if (out.size() >= most) break;
    out.push_back(&n->entry);
  }
  return out;
}

const Entry* UpperTree::unread() const {
  return impl_->unread.empty() ? nullptr : &(*impl_->unread.begin())->entry;
}

std::vector<const Entry*> UpperTree::brought_by(const Entry& directory) const {
  std::vector<const Entry*> out;
  std::vector<const TreeNode*> open;
  if (const TreeNode* top = impl_->directory(directory.inode)) {
    open.push_back(top);
  }
  while (!open.empty()) {
    const TreeNode* at = open.back();
    open.pop_back();
    for (const TreeNode* n : impl_->children(at)) {
      if (same_inode(n->entry.carrier(), directory.inode)) {
        out.push_back(&n->entry);
      }
      if (is_directory(n->entry)) open.push_back(n);
    }
  }
  return out;
}

std::string UpperTree::path_of(const Entry& entry) const {
  if (entry.name.empty()) {
    return impl_->root && same_inode(root(), entry.inode) ? "/" : "";
  }
  const TreeNode* parent = impl_->directory(entry.parent);
  if (!parent) return "";
  std::string out = parent == impl_->root ? "" : impl_->path(parent, '/');
  return out.append("/").append(entry.name);
}

std::string UpperTree::path_of(const InodeId& inode) const {
  const Entry* first = impl_->first_of(inode);
  return first != nullptr ? path_of(*first) : "";
}

SharedPath UpperTree::Paths::of(const InodeId& directory) {
  const TreeNode* root = tree_.impl_->root;
  const TreeNode* at = tree_.impl_->directory(directory);
  if (!at || at == root) return {};
  std::vector<const TreeNode*> missing;  // directories above, the nearest first
  SharedPath::DirectoryPtr above;
  for (const TreeNode* up = at->parent; up && up != root; up = up->parent) {
    if (const auto it = known_.find(up); it != known_.end()) {
      above = it->second;
      break;
    }
    missing.push_back(up);
  }
  for (auto up = missing.rbegin(); up != missing.rend(); ++up) {
    above = SharedPath::directory(above, (*up)->entry.name);
    known_[*up] = above;
  }
  return {above, at->entry.name};
}

Change UpperTree::line_of(const Entry& entry, DiffTool tool) const {
  const TreeNode* n = impl_->node_of(entry);
  if (!n || n == impl_->root) return Change::none;
  const Change own = own_line(n->entry, tool);
  if (own != Change::none) return own;
  return n->marks[static_cast<std::size_t>(tool)] != 0 ? Change::changed
                                                       : Change::none;
}

void UpperTree::for_each(
    const std::function<void(const Place&, const Entry&)>& visit) const {
  struct Level {
    const TreeNode* dir;
    Impl::Nodes::const_iterator at;
    std::size_t length;  // of the directory's path
    SharedPath::DirectoryPtr shared;
  };
  if (!impl_->root) return;
  std::string path;
  std::vector<Level> levels{
      {impl_->root, impl_->first_child(impl_->root), 0, nullptr}};
  while (!levels.empty()) {
    Level& level = levels.back();
    path.resize(level.length);
    if (level.at == impl_->nodes.end() || level.at->parent != level.dir) {
      levels.pop_back();
      continue;
    }
    const TreeNode& n = *level.at++;
    path.append("/").append(n.entry.name);
    visit({path, levels.size(), level.shared}, n.entry);
    if (is_directory(n.entry)) {
      levels.push_back({&n, impl_->first_child(&n), path.size(),
                        SharedPath::directory(level.shared, n.entry.name)});
    }
  }
}

}  // namespace stillframe::drift
