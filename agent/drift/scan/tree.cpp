// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/tree.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "agent/base/text.h"
#include "agent/drift/scan/inode_index.h"

namespace stillframe::drift {
namespace {

constexpr std::array kTools = {DiffTool::podman, DiffTool::docker};

// One entry and its place. Lives in a set ordered by (parent, name); all else
// may change while it is there.
struct Node {
  mutable Entry entry;
  Node* parent = nullptr;
  mutable Node* next_alias = nullptr;  // of the same inode number
  mutable Node* previous_alias = nullptr;
  // Per tool: children that make it print this directory, too.
  mutable std::array<std::uint32_t, kTools.size()> marks{};
  mutable std::uint32_t explains = 0;  // children with a change of their own
  mutable std::uint32_t stamp = 0;     // the last apply() that met it
  mutable std::uint32_t told = 0;      // the last one that had it in Delta
};

std::uint64_t inode_number(const Node& n) { return n.entry.inode.ino; }

struct Place {
  const Node* parent;
  std::string_view name;
};

struct ByPlace {
  using is_transparent = void;
  static Place place(const Node& n) { return {n.parent, n.entry.name}; }
  static bool less(const Place& a, const Place& b) {
    if (a.parent != b.parent) {
      return std::less<const Node*>()(a.parent, b.parent);
    }
    return a.name < b.name;
  }
  bool operator()(const Node& a, const Node& b) const {
    return less(place(a), place(b));
  }
  bool operator()(const Node& a, const Place& b) const {
    return less(place(a), b);
  }
  bool operator()(const Place& a, const Node& b) const {
    return less(a, place(b));
  }
};

bool matches(const InodeId& a, const InodeId& b) {
  return a.ino == b.ino && (a.generation == 0 || b.generation == 0 ||
                            a.generation == b.generation);
}

bool same_inode(const Entry& a, const Entry& b) {
  // Missing from one directory is not the same as missing from another one that
  // came in its place.
  if (a.whiteout || b.whiteout) {
    return a.whiteout == b.whiteout && matches(a.parent, b.parent);
  }
  return matches(a.inode, b.inode);
}

bool is_directory(const Entry& e) { return e.directory() && !e.whiteout; }

// A directory of which nothing but the mtime differs (see Entry::change).
bool only_time(const Entry& e) {
  const Difference& d = e.differs;
  return is_directory(e) && e.change != Change::added && d.time && !d.opaque &&
         !d.type && !d.unknown && !d.any_metadata();
}

bool same_state(const Entry& a, const Entry& b) {
  const auto names = [](const Entry& e) {
    return e.hidden ? *e.hidden : std::vector<std::string>();
  };
  const auto bits = [](const Difference& d) {
    return std::array{d.type, d.content, d.mode,   d.owner,  d.xattr,
                      d.acl,  d.time,    d.opaque, d.unknown};
  };
  // Whether only_time() directories are changed depends on their children.
  const bool change = a.change == b.change || (only_time(a) && only_time(b));
  return change && a.ctime == b.ctime && a.mode == b.mode && a.uid == b.uid &&
         a.gid == b.gid && a.size == b.size && a.mtime == b.mtime &&
         bits(a.differs) == bits(b.differs) && a.redirect == b.redirect &&
         a.metacopy == b.metacopy && a.shown_by_runtime == b.shown_by_runtime &&
         a.stat_differs == b.stat_differs && names(a) == names(b);
}

// The tool's line for the entry by itself.
Change own_line(const Entry& e, DiffTool tool) {
  if (tool == DiffTool::podman) return e.shown_by_runtime;
  if (e.change == Change::added || e.change == Change::deleted) return e.change;
  return e.stat_differs || e.hidden ? Change::changed : Change::none;
}

// Whether the tool prints the parent directory because of this entry. podman
// does so for what was added or deleted, docker for any line below.
bool marks_parent(const Node& n, DiffTool tool) {
  if (n.marks[static_cast<std::size_t>(tool)] != 0) return true;
  const Change line = own_line(n.entry, tool);
  if (tool == DiffTool::docker) return line != Change::none;
  return line == Change::added || line == Change::deleted;
}

bool explains_parent(const Entry& e) {
  return e.change != Change::none && !only_time(e);
}

}  // namespace

struct UpperTree::Impl {
  using Nodes = std::set<Node, ByPlace>;

  Nodes nodes;
  bool plain = false;
  Node* root = nullptr;
  InodeIndex<Node, inode_number> by_inode;  // heads of chains of aliases
  std::uint32_t stamp = 0;
  mutable std::unordered_map<const Node*, const Node*> first_alias;

  // Of the apply() under way.
  Delta delta;
  std::unordered_set<const Node*> touched;  // directories to be resolved
  std::vector<Node*> replaced;              // their children may be gone
  std::unordered_set<const Node*> dead;
  std::vector<Nodes::node_type> graveyard;  // keeps their addresses from reuse

  static Node* writable(const Node& n) { return const_cast<Node*>(&n); }

  Node* child(const Node* parent, std::string_view name) const {
    const auto it = nodes.find(Place{parent, name});
    return it == nodes.end() ? nullptr : writable(*it);
  }
  Nodes::const_iterator first_child(const Node* parent) const {
    return nodes.lower_bound(Place{parent, ""});
  }
  Node* directory(const InodeId& inode) const;
  const Node* node_of(const Entry& entry) const;
  const Node* first_of(const InodeId& inode) const;
  std::string path(const Node* n, char separator) const;

  void attach(Node* n);
  void detach(Node* n);
  void mark_up(Node* n, int step);
  void begin();
  Delta finish();
  void tell(std::vector<const Entry*>* list, const Node* n);
  Node* place(const Entry& entry, Node* parent);
  Node* insert(const Entry& entry, Node* parent);
  Node* relocate(Node* n, const Entry& entry, Node* parent);
  void update(Node* n, const Entry& entry);
  void remove(Node* top, bool report_top);
  void sweep(Node* top);
  void place_all(const std::vector<Entry>& entries);
  void place_self(const PartialResult::Directory& part);
  void drop_gone(const PartialResult::Directory& part);
  void resolve(const Node* n);
};

Node* UpperTree::Impl::directory(const InodeId& inode) const {
  for (Node* n = by_inode.find(inode.ino); n; n = n->next_alias) {
    if (is_directory(n->entry) && matches(n->entry.inode, inode)) return n;
  }
  return nullptr;
}

const Node* UpperTree::Impl::node_of(const Entry& entry) const {
  if (entry.name.empty()) return root;
  const Node* parent = directory(entry.parent);
  return parent ? child(parent, entry.name) : nullptr;
}

const Node* UpperTree::Impl::first_of(const InodeId& inode) const {
  std::vector<const Node*> found;
  for (const Node* n = by_inode.find(inode.ino); n; n = n->next_alias) {
    if (matches(n->entry.inode, inode)) found.push_back(n);
  }
  if (found.empty()) return nullptr;
  if (found.size() == 1) return found.front();
  // An inode can have tens of thousands of names: work out their order once.
  const auto [at, fresh] = first_alias.try_emplace(found.front(), nullptr);
  if (!fresh) return at->second;
  std::string least;
  for (const Node* n : found) {
    std::string here = path(n, '\0');
    if (at->second && least <= here) continue;
    least = std::move(here);
    at->second = n;
  }
  return at->second;
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

// Makes a node that is in the set count: in the index and for its parent.
void UpperTree::Impl::attach(Node* n) {
  if (!n->entry.whiteout && n->entry.inode) {
    n->next_alias = by_inode.find(n->entry.inode.ino);
    n->previous_alias = nullptr;
    if (n->next_alias) n->next_alias->previous_alias = n;
    by_inode.put(n);
  }
  mark_up(n, 1);
  if (n->parent) {
    if (explains_parent(n->entry)) ++n->parent->explains;
    touched.insert(n->parent);
  }
  if (is_directory(n->entry)) touched.insert(n);
}

void UpperTree::Impl::detach(Node* n) {
  if (n->parent) {
    if (explains_parent(n->entry)) --n->parent->explains;
    touched.insert(n->parent);
  }
  mark_up(n, -1);
  if (!n->entry.whiteout && n->entry.inode) {
    if (n->next_alias) n->next_alias->previous_alias = n->previous_alias;
    if (n->previous_alias) {
      n->previous_alias->next_alias = n->next_alias;
    } else if (n->next_alias) {
      by_inode.put(n->next_alias);
    } else {
      by_inode.erase(n->entry.inode.ino);
    }
  }
  n->next_alias = n->previous_alias = nullptr;
}

void UpperTree::Impl::begin() {
  ++stamp;
  delta = {};
  first_alias.clear();
}

UpperTree::Delta UpperTree::Impl::finish() {
  for (Node* n : replaced) {
    if (dead.count(n) == 0) sweep(n);
  }
  replaced.clear();
  for (const Node* n : touched) resolve(n);
  touched.clear();
  if (!dead.empty()) {
    std::unordered_set<const Entry*> entries;
    for (const Node* n : dead) entries.insert(&n->entry);
    const auto is_dead = [&](const Entry* e) { return entries.count(e) != 0; };
    std::erase_if(delta.appeared, is_dead);
    std::erase_if(delta.changed, is_dead);
    dead.clear();
    graveyard.clear();
  }
  return std::exchange(delta, {});
}

void UpperTree::Impl::tell(std::vector<const Entry*>* list, const Node* n) {
  if (n->told == stamp) return;
  n->told = stamp;
  list->push_back(&n->entry);
}

Node* UpperTree::Impl::insert(const Entry& entry, Node* parent) {
  Node fresh;
  fresh.entry = entry;
  fresh.parent = parent;
  Node* n = writable(*nodes.insert(std::move(fresh)).first);
  attach(n);
  tell(&delta.appeared, n);
  return n;
}

void UpperTree::Impl::update(Node* n, const Entry& entry) {
  const bool same = same_inode(n->entry, entry);
  const bool changed = !same || !same_state(n->entry, entry);
  if (!changed) {
    n->entry.links = entry.links;
    return;
  }
  // Kept until the children have been looked at: see resolve().
  const Change before = n->entry.change;
  if (!same && is_directory(n->entry)) replaced.push_back(n);
  detach(n);
  n->entry = entry;
  if (same && only_time(entry)) n->entry.change = before;
  attach(n);
  tell(same ? &delta.changed : &delta.appeared, n);
}

// A directory came up at another place: it takes along all that is in it.
Node* UpperTree::Impl::relocate(Node* n, const Entry& entry, Node* parent) {
  if (Node* there = child(parent, entry.name)) remove(there, false);
  delta.vanished.emplace_back(path(n, '/'), n->entry);
  detach(n);
  auto handle = nodes.extract(nodes.find(ByPlace::place(*n)));
  handle.value().entry = entry;
  handle.value().parent = parent;
  n = writable(*nodes.insert(std::move(handle)).position);
  attach(n);
  tell(&delta.appeared, n);
  return n;
}

Node* UpperTree::Impl::place(const Entry& entry, Node* parent) {
  Node* there = child(parent, entry.name);
  Node* elsewhere = is_directory(entry) ? directory(entry.inode) : nullptr;
  if (elsewhere && elsewhere != there) {
    bool inside_itself = false;
    for (const Node* at = parent; at; at = at->parent) {
      inside_itself |= at == elsewhere;
    }
    if (!inside_itself) {
      there = relocate(elsewhere, entry, parent);
      there->stamp = stamp;
      return there;
    }
  }
  if (there) {
    update(there, entry);
  } else {
    there = insert(entry, parent);
  }
  there->stamp = stamp;
  return there;
}

// Takes a node and all below it out.
void UpperTree::Impl::remove(Node* top, bool report_top) {
  std::vector<Node*> all{top};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (auto it = first_child(all[i]);
         it != nodes.end() && it->parent == all[i]; ++it) {
      all.push_back(writable(*it));
    }
  }
  for (const Node* n : all) {
    if (n == top && !report_top) continue;
    delta.vanished.emplace_back(path(n, '/'), n->entry);
  }
  for (auto n = all.rbegin(); n != all.rend(); ++n) {
    detach(*n);
    touched.erase(*n);
    dead.insert(*n);
    graveyard.push_back(nodes.extract(nodes.find(ByPlace::place(**n))));
  }
}

// Removes what is below a node and was not met by this apply().
void UpperTree::Impl::sweep(Node* top) {
  std::vector<Node*> open{top};
  std::vector<Node*> unmet;
  while (!open.empty()) {
    const Node* at = open.back();
    open.pop_back();
    for (auto it = first_child(at); it != nodes.end() && it->parent == at;
         ++it) {
      Node* n = writable(*it);
      if (n->stamp != stamp) {
        unmet.push_back(n);
      } else if (is_directory(n->entry)) {
        open.push_back(n);
      }
    }
  }
  for (Node* n : unmet) remove(n, true);
}

// The root is not moved and never a child.
void UpperTree::Impl::place_all(const std::vector<Entry>& entries) {
  Node* parent = nullptr;
  for (const Entry& entry : entries) {
    if (entry.name.empty()) {
      if (!root) {
        root = insert(entry, nullptr);
      } else {
        update(root, entry);
      }
      root->stamp = stamp;
      continue;
    }
    if (!parent || !matches(parent->entry.inode, entry.parent)) {
      parent = directory(entry.parent);
    }
    if (!parent) continue;
    Node* before = child(parent, entry.name);
    Node* n = place(entry, parent);
    // The scanner has followed a renamed directory by all that is below it now.
    if (n != before && is_directory(entry)) replaced.push_back(n);
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

void UpperTree::Impl::drop_gone(const PartialResult::Directory& part) {
  if (part.stale) return;
  Node* dir = directory(part.inode);
  if (!dir) return;
  std::vector<Node*> unmet;
  for (const std::string& name : part.gone) {
    Node* n = name.empty() ? nullptr : child(dir, name);
    if (n && n->stamp != stamp) unmet.push_back(n);
  }
  if (part.full) {
    unmet.clear();
    for (auto it = first_child(dir); it != nodes.end() && it->parent == dir;
         ++it) {
      if (it->stamp != stamp) unmet.push_back(writable(*it));
    }
  }
  std::sort(unmet.begin(), unmet.end());
  unmet.erase(std::unique(unmet.begin(), unmet.end()), unmet.end());
  for (Node* n : unmet) remove(n, true);
}

// See Entry::change.
void UpperTree::Impl::resolve(const Node* n) {
  if (n == root || !only_time(n->entry)) return;
  const Change now = n->explains != 0 ? Change::none : Change::changed;
  if (n->entry.change == now) return;
  n->entry.change = now;
  tell(&delta.changed, n);
}

UpperTree::UpperTree() : impl_(std::make_unique<Impl>()) {}
UpperTree::~UpperTree() = default;
UpperTree::UpperTree(UpperTree&&) noexcept = default;
UpperTree& UpperTree::operator=(UpperTree&&) noexcept = default;

UpperTree::Delta UpperTree::apply(const ScanResult& scan) {
  // Without a root nothing could be read at all: what was known still stands.
  if (scan.entries.empty()) return {};
  impl_->plain = scan.plain;
  impl_->begin();
  impl_->place_all(scan.entries);
  if (impl_->root) impl_->sweep(impl_->root);
  return impl_->finish();
}

UpperTree::Delta UpperTree::apply(const PartialResult& part) {
  impl_->begin();
  // First all that is there, renamed directories with it, then what is not.
  for (const auto& directory : part.directories) {
    impl_->place_self(directory);
    if (!directory.stale) impl_->place_all(directory.entries);
  }
  for (const auto& directory : part.directories) impl_->drop_gone(directory);
  return impl_->finish();
}

bool UpperTree::empty() const { return impl_->root == nullptr; }
std::size_t UpperTree::size() const { return impl_->nodes.size(); }
bool UpperTree::plain() const { return impl_->plain; }

InodeId UpperTree::root() const {
  return impl_->root ? impl_->root->entry.inode : InodeId{};
}

const Entry* UpperTree::find(const InodeId& inode) const {
  const Node* n = impl_->first_of(inode);
  return n ? &n->entry : nullptr;
}

std::vector<const Entry*> UpperTree::aliases(const InodeId& inode) const {
  std::vector<std::pair<std::string, const Entry*>> found;
  for (const Node* n = impl_->by_inode.find(inode.ino); n; n = n->next_alias) {
    if (!matches(n->entry.inode, inode)) continue;
    found.emplace_back(impl_->path(n, '\0'), &n->entry);
  }
  std::sort(found.begin(), found.end());
  std::vector<const Entry*> out;
  for (const auto& [path, entry] : found) out.push_back(entry);
  return out;
}

const Entry* UpperTree::find(const InodeId& parent,
                             std::string_view name) const {
  const Node* dir = impl_->directory(parent);
  const Node* n = dir ? impl_->child(dir, name) : nullptr;
  return n ? &n->entry : nullptr;
}

const Entry* UpperTree::find_path(std::string_view path) const {
  const Node* at = impl_->root;
  for (const std::string& name : split(path, '/')) {
    if (at && !name.empty()) at = impl_->child(at, name);
  }
  return at ? &at->entry : nullptr;
}

bool UpperTree::has_directory(const InodeId& inode) const {
  return impl_->directory(inode) != nullptr;
}

std::string UpperTree::path_of(const Entry& entry) const {
  if (entry.name.empty()) {
    return impl_->root && matches(root(), entry.inode) ? "/" : "";
  }
  const Node* parent = impl_->directory(entry.parent);
  if (!parent) return "";
  std::string out = parent == impl_->root ? "" : impl_->path(parent, '/');
  return out.append("/").append(entry.name);
}

std::string UpperTree::path_of(const InodeId& inode) const {
  const Node* n = impl_->first_of(inode);
  return n ? impl_->path(n, '/') : "";
}

Change UpperTree::line_of(const Entry& entry, DiffTool tool) const {
  const Node* n = impl_->node_of(entry);
  if (!n || n == impl_->root) return Change::none;
  const Change own = own_line(n->entry, tool);
  if (own != Change::none) return own;
  return n->marks[static_cast<std::size_t>(tool)] != 0 ? Change::changed
                                                       : Change::none;
}

void UpperTree::for_each(
    const std::function<void(const std::string&, const Entry&)>& visit) const {
  struct Level {
    const Node* dir;
    Impl::Nodes::const_iterator at;
    std::size_t length;  // of the directory's path
  };
  if (!impl_->root) return;
  std::string path;
  std::vector<Level> levels{{impl_->root, impl_->first_child(impl_->root), 0}};
  while (!levels.empty()) {
    Level& level = levels.back();
    path.resize(level.length);
    if (level.at == impl_->nodes.end() || level.at->parent != level.dir) {
      levels.pop_back();
      continue;
    }
    const Node& n = *level.at++;
    path.append("/").append(n.entry.name);
    visit(path, n.entry);
    if (is_directory(n.entry)) {
      levels.push_back({&n, impl_->first_child(&n), path.size()});
    }
  }
}

}  // namespace stillframe::drift
