// SPDX-License-Identifier: Apache-2.0
//
// Mounts and limits: what a container was given besides its rootfs. As with
// files, a look at them shows what is different, and events show who did it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/ledger/life.h"
#include "agent/drift/ledger/mount_table.h"
#include "agent/drift/ledger/outside_tree.h"
#include "agent/model/container.h"

namespace stillframe::drift {

class Environment {
 public:
  Environment(Books& books, Verdicts& verdicts, OutsideTree& outside)
      : books_(books), verdicts_(verdicts), outside_(outside) {}

  const Life& life() const { return life_; }
  // What was kept, unless it is of another life than the one that we know.
  void load(const Life& life);
  // Another life has begun, unless it is the one that we know.
  // `made`: all that its runtime mounts for it.
  void started(std::uint64_t init_start_ns, AskedMounts made);

  void observe(const MountObservation& seen, const Actor& by);
  void observe(const MountsObservation& seen);
  void observe(const LimitsObservation& seen, const LimitActors& by);

  // Why the mounts are not known; empty: they are.
  const std::string& trouble() const { return mounts_trouble_; }
  // Whether a mount or limit is as it was when the container was started.
  bool as_at_start(const std::string& path, const Record& record) const;

 private:
  // Somebody changed mounts at `path`; the next look shows what came of it.
  struct MountAction {
    std::string path;
    ActorId actor = 0;
    std::uint64_t boot_ns = 0;
    bool reported = false;  // by an event of its own
    bool adds = false;      // there is one more mount then
    bool moves = false;     // from elsewhere
  };
  std::vector<MountEntry> at_start(std::vector<MountEntry> mounts) const;
  void mount_found(const std::string& path, const MountDifference& difference,
                   std::uint64_t boot_ns);
  void settle_mount_actions(std::uint64_t looked_ns);

  Books& books_;
  Verdicts& verdicts_;
  OutsideTree& outside_;
  Life life_;
  AskedMounts made_;
  MountDifferences mount_differences_;  // as of the latest look
  bool mounts_looked_ = false;
  std::string mounts_trouble_;
  std::vector<MountAction> mount_actions_;  // since the latest look
};

}  // namespace stillframe::drift
