// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "agent/model/container.h"

namespace stillframe::engine {

struct Replacement {
  ContainerInfo before;  // no labels in either
  ContainerInfo after;
  bool image_changed = false;
};

// Which container of a workload follows which on this node. Is informed of what
// begins to run, exits and is removed, in the order in which that happens;
// times are boot time.
//
// A container follows at most one other and is followed by at most one:
// - It began after the other's exit: counted as it begins. How long after does
//   not matter: a service that was down for a night was replaced all the same.
// - It began up to kOverlapNs before the other's exit (start-first updates):
//   counted when the other is *removed*. Until then it may only have crashed,
//   and a restart of it, beside a replica that was just added, replaces
//   nothing.
// Several that could be meant: the one of the same name (replicas keep theirs),
// else the last one that exited.
//
// In a pod that stays, what ended is made again of the same image: that is how
// the kubelet restarts a container, and is none.
//
// Nothing says that two containers with generated names do the same work
// because they run the same image. Of such, one follows another only if the
// other exited first and less than kOverlapNs ago: not beside one that still
// runs (that is one more, no replacement), nor long after a job that is done.
class Replacements {
 public:
  static constexpr std::uint64_t kOverlapNs = 300'000'000'000;  // 5 minutes
  // Removed containers that nothing followed so far; the oldest go first.
  static constexpr std::size_t kMaxRemoved = 1024;

  // Begins to run. The same id again is a restart and follows nothing.
  std::optional<Replacement> live(const ContainerInfo& info,
                                  std::uint64_t boot_ns);
  // Its init ended.
  void exited(const ContainerInfo& info, std::uint64_t boot_ns);
  // Found stopped: whether and when it ran is not known. Only one of the same
  // name can follow it, for which it must have made room.
  void found_stopped(const ContainerInfo& info);
  // It has another name or workload from now on, or the same: whoever is named
  // after what it was called before may follow it as well. One that was given
  // its predecessor's name only now follows that one.
  std::optional<Replacement> renamed(const ContainerInfo& info);
  std::optional<Replacement> removed(const ContainerInfo& info,
                                     std::uint64_t boot_ns);

  // How many containers are remembered.
  std::size_t size() const { return lives_.size(); }

 private:
  struct Life {
    ContainerInfo info;                      // without labels
    std::string pod_uid = {};                // empty: in no pod
    std::vector<ContainerInfo> former = {};  // under its former names
    std::uint64_t live_ns = 0;               // 0: never seen running
    std::uint64_t exited_ns = 0;             // 0: not known
    bool ended = false;
    bool removed = false;
    bool follows = false;   // no longer free to be a successor
    bool followed = false;  // has a successor
  };
  using Lives = std::list<Life>;
  // containerd's namespace, the pod's, and the name.
  using Workload = std::tuple<std::string, std::string, std::string>;

  static std::set<Workload> workloads_of(const Life& life);
  static bool of_one_workload(const Life& before, const Life& after);
  static bool of_one_name(const Life& before, const Life& after);
  // Whether it is called otherwise than before.
  bool name(Lives::iterator life, const ContainerInfo& info);
  Lives::iterator find(const ContainerInfo& info);
  Lives::iterator take_in(const ContainerInfo& info);
  void index(Lives::iterator life);
  void unindex(Lives::iterator life);
  // Others that do the same work or have done so; none of a container of which
  // that is not known.
  std::vector<Lives::iterator> peers_of(const Life& life) const;
  Lives::iterator predecessor_of(const Life& after);
  Lives::iterator successor_of(const Life& before);
  Replacement join(Lives::iterator before, Lives::iterator after);
  void forget(Lives::iterator life);
  void bound_removed();

  Lives lives_;  // in the order in which they were taken in
  std::unordered_map<std::string, Lives::iterator> by_id_;        // not removed
  std::map<Workload, std::vector<Lives::iterator>> by_workload_;  // former, too
  std::size_t removed_ = 0;
};

}  // namespace stillframe::engine
