// SPDX-License-Identifier: Apache-2.0
//
// All containers that are watched, and the ways to find one. Gives out shared
// pointers only: a container stays usable for whoever holds it, removed or not.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/result.h"
#include "agent/engine/container.h"
#include "agent/model/inode.h"

namespace stillframe::engine {

class Fleet {
 public:
  // A copy: containers may come and go while a caller walks over it.
  std::vector<ContainerPtr> all() const { return all_; }
  bool empty() const { return all_.empty(); }
  bool any_plain() const;  // whether some rootfs is no overlay
  std::size_t awaited() const;
  // A turn is for these alone.
  std::vector<ContainerPtr> due(std::uint64_t now) const;
  std::uint64_t next_turn_ns() const;
  void show(ContainerViews& views) const;

  // By its upper root where `root` is one, else by a cgroup of its own. Null:
  // none.
  ContainerPtr find(const UpperRoot& root, std::uint64_t cgroup) const;
  ContainerPtr by_cgroup(std::uint64_t cgroup) const;
  // By its id, in its namespace.
  ContainerPtr by_id(const ContainerInfo& info) const;
  // By id, a unique prefix of it, or name. The error lists what there is.
  Result<ContainerPtr> choose(const std::string& container) const;

  // Others of the same name.
  std::vector<ContainerPtr> namesakes(const ContainerPtr& container) const;

  void add(const ContainerPtr& container);
  // Its record's root and id lead to it from now on: call it when they change.
  void index(const ContainerPtr& container);
  void own_cgroup(const ContainerPtr& container, std::uint64_t cgroup);
  void disown_cgroup(std::uint64_t cgroup);
  void remove(const ContainerPtr& container);

 private:
  std::vector<ContainerPtr> all_;
  std::unordered_map<UpperRoot, ContainerPtr> by_root_;
  // By key_of(). Of several the one that was first; one that has another id by
  // now is none.
  std::unordered_map<std::string, ContainerPtr> by_id_;
  std::unordered_map<std::uint64_t, ContainerPtr> by_cgroup_;
};

}  // namespace stillframe::engine
