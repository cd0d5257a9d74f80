// SPDX-License-Identifier: Apache-2.0
//
// Operations on files of the rootfs: into the ledger, onto the scan plan, out
// as events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/ledger/announcer.h"
#include "agent/drift/ledger/attribution.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/directory_paths.h"
#include "agent/drift/ledger/records.h"
#include "agent/drift/ledger/scan_plan.h"
#include "agent/drift/ledger/unsettled.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

class FileChanges {
 public:
  FileChanges(Books& books, ScanPlan& plan, DirectoryPaths& directories,
              UnsettledOperations& unsettled, Attribution& attribution,
              Verdicts& verdicts, Records& records, Announcer& announcer)
      : books_(books),
        plan_(plan),
        directories_(directories),
        unsettled_(unsettled),
        attribution_(attribution),
        verdicts_(verdicts),
        records_(records),
        announcer_(announcer) {}

  void observe(const FileObservation& seen, const Actor& by);
  // The tree has taken in a scan that began at `started`.
  void scanned(std::uint64_t started);

 private:
  // A name taken away: a whiteout may have come in its place, or nothing.
  struct Removal {
    RecordKey place;
    InodeId inode;
    std::uint64_t boot_ns = 0;
  };
  void record(const FileObservation& seen, ActorId by);
  // What its state has to show; none: the operation is clear by itself.
  std::optional<Unsettled> unsettled(const FileObservation& seen,
                                     const Record* before) const;
  bool was_before(const FileObservation& seen, const Entry& known) const;
  bool found_before(const FileObservation& seen, const Record* known) const;
  const Entry* entry_of(const InodeId& inode, const InodeId& parent,
                        const std::string& name) const;
  const Entry* image_name_of(const Entry* entry) const;
  ActorId maybe(ActorId by) const;
  void settle(const Unsettled& operation, const Beside& beside, bool looked);
  void settle_operations(std::uint64_t started);
  bool of_another_name(const FileObservation& seen) const;
  void note_touch(const InodeId& inode, std::uint64_t boot_ns);
  void note_removal(const FileObservation& seen, const RecordKey& key);
  void mark_place(const FileObservation& seen);
  void mark(const InodeId& directory, const std::string& name,
            const FileObservation& seen);
  void note_place(const FileObservation& seen);
  void note_removed_directory(const FileObservation& seen);
  void drop(const InodeId& directory);
  void settle_removals(std::uint64_t started);

  Books& books_;
  ScanPlan& plan_;
  DirectoryPaths& directories_;
  UnsettledOperations& unsettled_;
  Attribution& attribution_;
  Verdicts& verdicts_;
  Records& records_;
  Announcer& announcer_;
  std::vector<Removal> removals_;
};

}  // namespace stillframe::drift
