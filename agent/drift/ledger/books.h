// SPDX-License-Identifier: Apache-2.0
//
// What is known of one container's rootfs, as the classes of the ledger share
// it: what it is, who made it so, and who they are.
#pragma once

#include <optional>

#include "agent/base/clock.h"
#include "agent/drift/ledger/actors.h"
#include "agent/drift/ledger/ledger.h"
#include "agent/drift/scan/tree.h"

namespace stillframe::drift {

struct Books {
  const Clock& clock;
  UpperTree tree;
  ActorTable actors;
  Ledger ledger;
};

// Where the record of an entry is kept, and the place that the entry has.
RecordKey key_of(const Entry& entry);
RecordKey place_of(const Entry& entry);

// What is recorded of an entry; of one without a record of its own that came
// along with a directory: who moved that.
std::optional<Record> story_of(const Books& books, const Entry& entry);

// Puts an older ledger under what was recorded since.
void merge(const ActorTable& actors, const Ledger& older, Books& into);

// The origin of a record's actor that came last.
Origin last_origin(const ActorTable& actors, const Record& record);

}  // namespace stillframe::drift
