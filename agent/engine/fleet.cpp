// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/fleet.h"

#include <algorithm>
#include <limits>

#include "agent/base/text.h"
#include "agent/model/container_name.h"

namespace stillframe::engine {
namespace {

constexpr std::size_t kListedBytes = 200;

std::string names_of(const std::vector<ContainerPtr>& list) {
  std::string out;
  for (const auto& container : list) {
    if (!out.empty()) out += ", ";
    if (out.size() > kListedBytes) return out + "…";
    out += display(full_name(container->info()));
  }
  return out;
}

template <typename Map, typename Key>
ContainerPtr lookup(const Map& map, const Key& key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : it->second;
}

}  // namespace

bool Fleet::any_plain() const {
  return std::any_of(all_.begin(), all_.end(),
                     [](const auto& container) { return container->plain(); });
}

std::size_t Fleet::awaited() const {
  return static_cast<std::size_t>(std::count_if(
      all_.begin(), all_.end(),
      [](const auto& container) { return container->awaited(); }));
}

std::vector<ContainerPtr> Fleet::due(std::uint64_t now) const {
  std::vector<ContainerPtr> due;
  for (const auto& container : all_) {
    if (container->due(now)) due.push_back(container);
  }
  return due;
}

std::uint64_t Fleet::next_turn_ns() const {
  std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
  for (const auto& container : all_) {
    next = std::min(next, container->next_turn_ns());
  }
  return next;
}

void Fleet::show(ContainerViews& views) const {
  views.reserve(all_.size());
  for (const auto& container : all_) views.push_back(container->view());
}

ContainerPtr Fleet::find(const UpperRoot& root, std::uint64_t cgroup) const {
  return root ? lookup(by_root_, root) : by_cgroup(cgroup);
}

ContainerPtr Fleet::by_cgroup(std::uint64_t cgroup) const {
  return lookup(by_cgroup_, cgroup);
}

ContainerPtr Fleet::by_id(const ContainerInfo& info) const {
  auto found = lookup(by_id_, key_of(info));
  return found && same_key(found->info(), info) ? found : nullptr;
}

std::vector<ContainerPtr> Fleet::namesakes(
    const ContainerPtr& container) const {
  std::vector<ContainerPtr> others;
  for (const auto& other : all_) {
    if (other != container && other->info().name == container->info().name) {
      others.push_back(other);
    }
  }
  return others;
}

Result<ContainerPtr> Fleet::choose(const std::string& container) const {
  std::vector<ContainerPtr> exact;
  std::vector<ContainerPtr> prefixed;
  for (const auto& one : all_) {
    const auto& info = one->info();
    if (answers_to(info, container)) {
      exact.push_back(one);
    } else if (!container.empty() && starts_with(info.id, container)) {
      prefixed.push_back(one);
    }
  }
  const auto& found = exact.empty() ? prefixed : exact;
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return tl::unexpected<Error>(Error{
        ENOENT,
        "no container " + display(container) + " on this node" +
            (all_.empty() ? std::string() : "; there are: " + names_of(all_))});
  }
  const bool one_id =
      std::all_of(found.begin(), found.end(),
                  [&](const auto& one) { return one->info().id == container; });
  std::vector<const ContainerInfo*> several;
  for (const auto& one : found) several.push_back(&one->info());
  return tl::unexpected<Error>(
      Error{EINVAL, display(container) + " means several containers (" +
                        listed(several) + "): give " +
                        (one_id ? "the namespace, too" : "more of the id")});
}

void Fleet::add(const ContainerPtr& container) {
  all_.push_back(container);
  index(container);
}

void Fleet::index(const ContainerPtr& container) {
  const UpperRoot& root = container->record().root;
  if (root) by_root_[root] = container;
  const auto& info = container->info();
  if (!by_id(info)) by_id_[key_of(info)] = container;
}

void Fleet::own_cgroup(const ContainerPtr& container, std::uint64_t cgroup) {
  if (const auto before = by_cgroup(cgroup); before && before != container) {
    before->cgroups().erase(cgroup);
  }
  container->cgroups().insert(cgroup);
  by_cgroup_[cgroup] = container;
}

void Fleet::disown_cgroup(std::uint64_t cgroup) {
  const auto it = by_cgroup_.find(cgroup);
  if (it == by_cgroup_.end()) return;
  it->second->cgroups().erase(cgroup);
  by_cgroup_.erase(it);
}

void Fleet::remove(const ContainerPtr& container) {
  const auto rooted = by_root_.find(container->record().root);
  if (rooted != by_root_.end() && rooted->second == container) {
    by_root_.erase(rooted);
  }
  for (const std::uint64_t cgroup : container->cgroups()) {
    by_cgroup_.erase(cgroup);
  }
  container->cgroups().clear();
  std::erase(all_, container);
  std::erase_if(by_id_,
                [&](const auto& item) { return item.second == container; });
  const auto& info = container->info();
  for (const auto& other : all_) {
    if (same_key(other->info(), info)) {
      by_id_.try_emplace(key_of(info), other);
    }
  }
}

}  // namespace stillframe::engine
