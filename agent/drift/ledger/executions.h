// SPDX-License-Identifier: Apache-2.0
//
// Programs run, and libraries mapped, that the image does not hold as such.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/drift/ledger/announcer.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/records.h"
#include "agent/drift/ledger/scan_plan.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

class Executions {
 public:
  Executions(Books& books, const ScanPlan& plan, Records& records,
             Verdicts& verdicts, Announcer& announcer)
      : books_(books),
        plan_(plan),
        records_(records),
        verdicts_(verdicts),
        announcer_(announcer) {}

  // The ledger was loaded: what it holds was executed.
  void load();
  void observe(const ExecObservation& seen, const Actor& by);
  // The tree has taken in a scan that began at `started` (`everything`: of the
  // full rootfs, with nothing left out). Those whose inode is gone keep a
  // record by path.
  void keep(std::uint64_t started, bool everything);
  // Takes in those that waited for it.
  void scanned();

 private:
  struct Executed {
    InodeId inode;
    std::string path;
  };
  struct Deferred {
    ExecObservation seen;
    ActorId actor = 0;
  };
  bool needs_scan(const ExecObservation& seen) const;
  bool still_waits(const ExecObservation& seen, std::uint64_t marked) const;
  std::string script_path(const ExecObservation& seen) const;
  void take(const ExecObservation& seen, ActorId by);
  void take_running(const ExecObservation& seen, ActorId by);
  void take_script(const ExecObservation& seen, ActorId by);
  void record(const RecordKey& key, Kind kind, const std::string& path,
              const ExecObservation& seen, ActorId by);

  Books& books_;
  const ScanPlan& plan_;
  Records& records_;
  Verdicts& verdicts_;
  Announcer& announcer_;
  std::vector<Deferred> deferred_;
  // By inode number. Where they were stays true when they are gone.
  std::unordered_map<std::uint64_t, Executed> executed_;
};

}  // namespace stillframe::drift
