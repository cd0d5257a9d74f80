// SPDX-License-Identifier: Apache-2.0
//
// All that exporters and the socket API may ask of the agent. Implemented by
// the engine; every method may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/change_list.h"
#include "agent/model/container.h"
#include "agent/model/journal_state.h"
#include "agent/model/mutation.h"
#include "agent/model/policy.h"
#include "agent/model/snapshot.h"
#include "agent/model/update.h"

namespace stillframe {

// What a diff is asked for: what changed and by whom, or no more than the
// container's own tool prints.
enum class DiffPart : std::uint8_t { changes, runtime_lines };

// Of a container that is gone: how old what is known of it is.
struct Gone {
  WallTime since;              // when it was found to be
  WallTime as_of;              // this was its state then
  bool seen = true;            // false: it went unseen between the two
  std::uint64_t left_out = 0;  // lines for which there was no room
  bool operator==(const Gone&) const = default;
};

struct DiffAnswer {
  ContainerView container;
  std::optional<Gone> gone;  // none: it is there
  bool complete = true;
  // In path order. Empty if not asked for, like the others.
  ChangeList changes;
  // In the order in which they began; those of which changes are left.
  std::vector<Update> updates;
  std::vector<RuntimeLine> runtime_lines;
};

// Those that are gone and whose last state is kept, the latest first: of each
// one the last, without what changed in it.
struct GoneContainers {
  std::vector<DiffAnswer> containers;
  std::size_t unread = 0;  // of so many it cannot be read who they were
  std::string why;         // and of the last of them why, for people
};

// What was seen again, and is no event of its own in the journal.
struct RepeatCount {
  std::uint64_t seq = 0;    // of the event that was the first
  std::uint64_t count = 0;  // after it
  WallTime last;
};

// One entry of the event stream. Rendered for whoever reads it, by whoever
// does: most are never read.
struct StreamEvent {
  std::uint64_t seq = 0;
  WallTime time;
  // Of the vocabulary, whose names outlive everything.
  std::string_view class_name;  // a mutation class, "lifecycle" or "agent"
  std::string kind;
  // Shared by all of its events; null: about the agent itself.
  std::shared_ptr<const ContainerInfo> container;
  std::string_view verdict;  // empty for lifecycle and agent
  std::string rule;          // the policy rule that decided, or empty
  std::string path;
  std::string from;
  std::string detail;
  std::map<std::string, std::string> facts;
  std::uint64_t count = 1;
  std::optional<SharedActor> actor;
  std::shared_ptr<const Update> update;  // null: it is about none
  std::vector<RepeatCount> repeats;      // of the journal's own kind `repeats`
};
using StreamEventPtr = std::shared_ptr<const StreamEvent>;

// A bounded queue of events for one listener. A listener too slow for it loses
// the oldest, and learns how many. Nothing here blocks.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // The next event; nothing when there is none yet or none will come (then
  // closed() is true).
  virtual StreamEventPtr next() = 0;
  // `wake` is called, from any thread, when next() or closed() has something
  // new after next() gave nothing. It must not call back.
  virtual void when_ready(std::function<void()> wake) = 0;
  virtual bool closed() const = 0;
  virtual std::uint64_t dropped() const = 0;
  // The number of the oldest event that was kept when this began, asked for or
  // not: the journal has those before it. The highest there is: none was.
  virtual std::uint64_t oldest() const = 0;
};

// Where the agent is in its life: it runs once the sensors are attached and
// the containers found at start have been scanned.
struct AgentPhase {
  enum class Name : std::uint8_t { starting, running, stopping };
  Name name = Name::starting;
  std::string activity;  // what is being done: "attaching the sensors"
  WallTime since = {};   // when its phase, not the activity, began
};

constexpr std::string_view name_of(AgentPhase::Name name) {
  switch (name) {
    case AgentPhase::Name::starting:
      return "starting";
    case AgentPhase::Name::running:
      return "running";
    case AgentPhase::Name::stopping:
      break;
  }
  return "stopping";
}

// "the agent is starting: attaching the sensors"
inline std::string to_string(const AgentPhase& phase) {
  std::string text = "the agent is ";
  text += name_of(phase.name);
  return phase.activity.empty() ? text : text + ": " + phase.activity;
}

// What `doctor` reports about the machine.
struct MachineReport {
  std::string kernel_release;
  bool btf = false;
  std::string lsm;       // the kernel's list
  std::string lockdown;  // the kernel's choices, the one in force in brackets
  // Why the two are empty; empty: the kernel has none.
  std::string security_unknown;
  std::vector<std::string> missing_capabilities;
  std::string cgroup_mode;
  std::string cgroup_observed;  // mount point of the observed hierarchy
  std::vector<std::string> runtimes;
  std::vector<std::string> storage_drivers;  // "podman overlay", …
};

struct DoctorReport {
  std::vector<SensorStatus> sensors;  // of a starting agent: none yet
  MachineReport machine;
  std::optional<PolicyState> policy;  // of a running agent
  std::optional<AgentPhase> agent;    // none: no agent runs
};

// What the policy would make of changes at a path, and what is known of it.
struct ExplainAnswer {
  ContainerInfo container;
  std::string path;
  std::string policy_file;  // empty: built-in scratch places only
  std::vector<PolicyVerdict> verdicts;
  std::optional<PathChange> now;  // none: the path is as in the image
  // That the path lies on, which is not of the snapshot: then `verdicts` are
  // those of code alone. None: it lies on the rootfs.
  std::optional<MountPoint> mount = {};
  // Whether there is such a path on the rootfs; none: not known.
  std::optional<bool> exists = {};
  // By which the rootfs can be looked at; 0: it cannot.
  std::uint32_t init_pid = 0;
  std::uint64_t init_start_ns = 0;  // boot time
};

class AgentApi {
 public:
  virtual ~AgentApi() = default;
  virtual AgentPhase phase() const = 0;
  virtual SnapshotPtr snapshot() const = 0;
  // Nothing: no journal is kept yet.
  virtual std::optional<JournalState> journal() const = 0;
  // The loop turned within the last ten seconds.
  virtual bool healthy() const = 0;
  // Scans, then answers. `container`: id, unique prefix of it, or name; the
  // error says which containers there are when it is none or several. Of one
  // that is gone: its last state, all of it whatever the part.
  virtual Result<DiffAnswer> diff(const std::string& container,
                                  DiffPart part) = 0;
  // Scans all, then answers, without the containers that are gone.
  virtual Result<SnapshotPtr> scanned_snapshot() = 0;
  virtual Result<GoneContainers> gone() = 0;
  // Scans, then answers. `path` is absolute, raw bytes; `container` as in
  // diff().
  virtual Result<ExplainAnswer> explain(const std::string& container,
                                        const std::string& path) = 0;
  // Scans the workload's containers, then gives a policy file that would allow
  // what changed in them.
  virtual Result<std::string> suggest(const std::string& workload) = 0;
  // Past events that are still kept: those since `since`; all of them when it
  // is not given and `follow` is false. Then new ones when `follow`.
  virtual std::unique_ptr<EventStream> subscribe(std::optional<WallTime> since,
                                                 bool follow) = 0;
  // New events that are worth an entry of the journal, whether or not one is
  // kept: what repeats, and what is more than a container's share, is counted
  // in some of them.
  virtual std::unique_ptr<EventStream> follow_entries() = 0;
};

}  // namespace stillframe
