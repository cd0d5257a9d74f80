// SPDX-License-Identifier: Apache-2.0
//
// What a change is judged to be. The only one that asks the policy, and the
// only one that knows the runtime's own writes and what equals the image again.
#pragma once

#include <string>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/drift/ledger/actors.h"
#include "agent/drift/ledger/record.h"
#include "agent/drift/ledger/runtime_writes.h"
#include "agent/model/container.h"
#include "agent/policy/policy.h"

namespace stillframe::drift {

// A path's mutation, judged: record and state joined.
struct Judged {
  KindList kinds;
  Kind kind = Kind::unknown_change;  // the one that decided
  policy::Judgement judgement;
  Origin origin = Origin::unattributed;
  bool unexplained =
      false;  // nobody was seen, and it is not the runtime's work
};

class Judge {
 public:
  // `record` and `actors` are read at each question: rules match by name, image
  // and labels, which may become known later.
  Judge(const ContainerRecord& record, const ActorTable& actors,
        policy::PolicyPtr policy);

  // The record is that of another life: other mounts, another user. `mounts`:
  // what is kept of those it was started with; `began`: when; 0: not known.
  void started(const std::vector<MountEntry>& mounts, WallTime began);
  void set_policy(policy::PolicyPtr policy);

  // One mutation as it happens.
  policy::Judgement verdict(Kind kind, Origin origin,
                            const std::string& path) const;
  // A changed path of the tree. `others_below`: it is a directory and holds
  // unexplained changes. May read the rootfs, for what the runtime writes.
  Judged row(const Entry& entry, const std::string& path, const Record* record,
             bool others_below);
  // What has no place in the tree. `as_at_start`: it is again what the
  // container was started with.
  Judged row(const std::string& path, const Record& record,
             bool as_at_start) const;

  // A row was judged without having seen what the runtime wrote: to be judged
  // again, which begins with certain_again().
  bool uncertain() const { return runtime_writes_.uncertain(); }
  void certain_again() { runtime_writes_.certain_again(); }

  // Whether the runtime itself may have written there.
  bool runtime_writes_at(const std::string& path) const;

 private:
  RuntimeWrites::Seen seen_by(const Record* record) const;
  policy::Judgement by_kinds(const KindList& kinds, Origin origin,
                             const std::string& path, Kind* decided) const;
  void by_actors(Judged& judged, const std::string& path,
                 const Record* record) const;

  const ContainerRecord& record_;
  const ActorTable& actors_;
  policy::PolicyPtr policy_;
  RuntimeWrites runtime_writes_;
};

}  // namespace stillframe::drift
