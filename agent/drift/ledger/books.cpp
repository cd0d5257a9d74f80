// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/books.h"

namespace stillframe::drift {

RecordKey place_of(const Entry& entry) {
  if (!entry.parent) return RecordKey::of_path("/");
  return RecordKey::of_place(entry.parent, entry.name);
}

RecordKey key_of(const Entry& entry) {
  return entry.whiteout ? place_of(entry) : RecordKey::of_inode(entry.inode);
}

Origin last_origin(const ActorTable& actors, const Record& record) {
  if (record.actors == 0) return Origin::unattributed;
  return actors.get(actors.members(record.actors).back()).origin;
}

}  // namespace stillframe::drift
