// SPDX-License-Identifier: Apache-2.0
//
// The inside of ContainerDrift. Its parts lie in files of their own:
//   events.cpp       observations: into the ledger, out as events
//   code.cpp         programs run that the image does not hold
//   memory.cpp       processes' memory, devices
//   environment.cpp mounts and limits: a look at them, and events
//   work.cpp         what to scan, and taking the results in
//   attribution.cpp  what a scan found, and who is to be named for it
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/drift/ledger/actors.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/candidates.h"
#include "agent/drift/ledger/container_drift.h"
#include "agent/drift/ledger/dirty_set.h"
#include "agent/drift/ledger/history.h"
#include "agent/drift/ledger/judge.h"
#include "agent/drift/ledger/life.h"
#include "agent/drift/ledger/mount_table.h"
#include "agent/drift/ledger/reported.h"
#include "agent/drift/ledger/store.h"
#include "agent/drift/ledger/verdicts.h"

namespace stillframe::drift {

struct ContainerDrift::Impl {
  // An event whose path, kind or verdict only a scan can tell.
  struct Held {
    std::uint64_t boot_ns = 0;
    WallTime time;
    InodeId inode;
    InodeId parent;
    std::string name;
    std::optional<Kind> kind;
    ActorId actor = 0;
    std::uint64_t count = 1;
    std::string from;
    bool maybe_own = false;  // the runtime's, if it is what runtimes make
  };
  // A directory made since the last scan: whose paths are known before it is.
  struct Born {
    InodeId parent;
    std::string name;
    std::uint64_t boot_ns = 0;
  };
  // A name taken away: a whiteout may have come in its place, or nothing.
  struct Removed {
    RecordKey place;
    InodeId inode;
    std::uint64_t boot_ns = 0;
  };
  struct Ran {
    InodeId inode;
    std::string path;
  };
  struct HeldExec {
    ExecObservation seen;
    ActorId actor = 0;
  };
  // Somebody changed mounts at `path`; the next look tells what came of it.
  struct MountDeed {
    std::string path;
    ActorId actor = 0;
    std::uint64_t boot_ns = 0;
    bool told = false;   // by an event of its own
    bool adds = false;   // there is one more mount then
    bool moves = false;  // from elsewhere
  };

  Impl(ContainerRecord record_in, policy::PolicyPtr policy_in,
       EventSink sink_in, Options options_in);
  void load();
  Result<> flush();

  // events.cpp
  void observe(const FileObservation& seen, const Actor& actor);
  void remember_candidate(const FileObservation& seen, ActorId actor);
  void record_file(const FileObservation& seen, ActorId actor);
  void note_structure(const FileObservation& seen);
  void mark_place(const FileObservation& seen);
  void announce(const FileObservation& seen, WallTime time,
                std::optional<Kind> kind, ActorId actor, std::string from);
  void hold(Held held);
  void release_held(std::uint64_t started, bool full);
  void release(const Held& about);
  void emit_found(MutationEvent event, const policy::Judgement& judged,
                  ActorId id, const InodeId& inode);
  void emit(MutationEvent event, const policy::Judgement& judged,
            ActorId actor);
  void emit(Kind kind, const std::string& path, const Held& about);
  bool before_first_life(std::uint64_t boot_ns, bool live) const;
  bool made_before_life(const Entry& entry) const;
  std::string path_in(const InodeId& parent, const std::string& name) const;
  Record* record_for(const RecordKey& key, WallTime time, std::uint64_t count,
                     ActorId actor);
  void retire(const InodeId& inode, const std::string& path);

  // code.cpp
  void observe(const ExecObservation& seen, const Actor& actor);
  void observe(const SysctlObservation& seen, const Actor& actor);
  void take_exec(const ExecObservation& seen, ActorId actor);
  void take_script(const ExecObservation& seen, ActorId actor);
  void release_execs();
  bool awaits_scan(const InodeId& inode) const;
  void code_record(const RecordKey& key, Kind kind, const std::string& path,
                   const ExecObservation& seen, ActorId actor);
  std::string script_path(const ExecObservation& seen) const;

  // memory.cpp
  void observe(const MemoryObservation& seen, const Actor& actor);
  void observe(const DeviceObservation& seen, const Actor& actor);
  void lasting(MutationEvent event, std::uint64_t boot_ns, const Actor& actor);

  // environment.cpp
  void begin_life(std::uint64_t init_start_ns);
  void observe(const MountObservation& seen, const Actor& actor);
  void observe(const MountsObservation& seen);
  std::vector<MountEntry> at_live(std::vector<MountEntry> mounts) const;
  void mount_found(const std::string& path, const MountDifference& difference,
                   std::uint64_t boot_ns);
  void observe(const LimitsObservation& seen);
  void limit_found(const std::string& file, const std::string& before,
                   const std::string& now, std::uint64_t boot_ns);
  bool as_at_live(const std::string& path, const Record& record) const;

  // work.cpp
  ScanWork take_work();
  bool scan_due() const;
  std::uint64_t next_work() const;
  bool full_ready(std::uint64_t now) const;
  void due_parts(std::uint64_t now, ScanWork& work);
  bool parent_awaited(const InodeId& directory) const;
  void applied(const ScanResult& scan);
  void applied(const PartialResult& part);
  void applied(const PartialResult::Directory& directory,
               const PartialTask* task, const PartialResult& part);
  void settle_born(std::uint64_t started);
  void settle_removed(std::uint64_t started);
  void sweep(std::uint64_t started);

  // attribution.cpp
  void take_in(const UpperTree::Delta& delta, std::uint64_t started);
  void attribute(const Entry& entry, bool appeared, std::uint64_t started);
  bool being_removed(const Entry& entry, std::uint64_t started) const;
  bool names_image_file(const Entry& entry) const;
  void note_link(const Entry& entry);
  bool accounted(const Entry& entry, const Record& record,
                 std::uint64_t started) const;
  std::optional<Choice> choose(const Entry& entry, bool appeared) const;
  void keep_ran(std::uint64_t started);
  void vanished(const std::string& path, const Entry& entry,
                std::uint64_t started);

  DriftSummary summary();
  std::string why_unknown() const;

  const Actor& actor(ActorId id) const { return actors.get(id); }

  ContainerRecord record;
  EventSink sink;
  Options options;

  Books books;
  UpperTree& tree = books.tree;
  ActorTable& actors = books.actors;
  Ledger& ledger = books.ledger;
  History history;
  Judge judge;
  Verdicts verdicts;
  DirtySet dirty;
  Candidates candidates;
  Store store;
  StoredState state;
  std::vector<std::string> trouble;

  // Life.
  bool lived_before = false;  // a life before this one, or one loaded
  std::uint64_t live_since_ns = 0;
  // Of a rootfs that is no overlay, whose first life we saw begin: what changed
  // before that instant and was seen by nobody is the runtime's.
  WallTime own_until;

  Life life;
  MountDifferences mount_differences;  // as of the latest look
  bool mounts_looked = false;
  std::vector<MountDeed> mount_deeds;  // since the latest look

  // Events that wait.
  std::deque<Held> held;
  std::vector<HeldExec> held_execs;
  std::unordered_map<std::uint64_t, Born> born;
  std::vector<Removed> removed;
  Reported told;
  // During one take_in: whose work a directory was, and so all in it; and the
  // former path of what was moved.
  std::unordered_map<std::uint64_t, Choice> inherited;
  std::unordered_map<std::uint64_t, std::string> moved;
  // Inodes that were run, and where: that stays true when they are gone.
  std::unordered_map<std::uint64_t, Ran> ran;

  // Work.
  bool full_due = true;
  bool full_asked = true;  // by the caller: not paced
  std::uint64_t full_not_before = 0;
  bool under_way = false;
  bool full_under_way = false;
  std::vector<PartialTask> parts_under_way;
  std::uint64_t last_scan_ns = 0;      // when the last one applied began
  std::uint64_t previous_scan_ns = 0;  // and the one before
  bool scan_complete = false;
  WallTime last_complete_scan;
  std::string scan_trouble;
  std::string unknowable;  // what no scan of this rootfs can tell
};

}  // namespace stillframe::drift
