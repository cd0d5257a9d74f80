// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/books.h"

#include <algorithm>
#include <limits>

namespace stillframe::drift {

RecordKey place_of(const Entry& entry) {
  if (!entry.parent) return RecordKey::of_path("/");
  return RecordKey::of_place(entry.parent, entry.name);
}

RecordKey key_of(const Entry& entry) {
  return entry.whiteout ? place_of(entry) : RecordKey::of_inode(entry.inode);
}

std::optional<Record> story_of(const Books& books, const Entry& entry) {
  if (const Record* own = books.ledger.find(key_of(entry))) return *own;
  if (!entry.carrier()) return std::nullopt;
  const Record* move = books.ledger.find(RecordKey::of_inode(entry.carrier()));
  if (move == nullptr) return std::nullopt;
  Record story = *move;
  story.kinds = {};  // those of the directory itself
  return story;
}

void merge(const ActorTable& actors, const Ledger& older, Books& into) {
  older.for_each([&](const RecordKey& key, const Record& old) {
    Record* r = into.ledger.upsert(key);
    if (r == nullptr) return;
    const Record since = *r;
    *r = old;
    r->actors = 0;
    for (const ActorId id : actors.members(old.actors)) {
      const ActorId by = into.actors.intern(actors.get(id));
      r->actors = into.actors.add(r->actors, by, r->left_out);
    }
    if (into.ledger.from(key).empty()) {
      into.ledger.set_from(key, older.from(key));
    }
    into.ledger.set_ctime_moved(
        key, std::max(into.ledger.ctime_moved(key), older.ctime_moved(key)));
    if (since.count == 0) return;
    for (const ActorId id : into.actors.members(since.actors)) {
      r->actors = into.actors.add(r->actors, id, r->left_out);
    }
    r->left_out = static_cast<LeftOut>(
        std::min<std::uint32_t>(std::numeric_limits<LeftOut>::max(),
                                std::uint32_t{r->left_out} + since.left_out));
    r->kinds.add(since.kinds);
    r->last_seen = std::max(old.last_seen, since.last_seen);
    r->last_boot_ns = since.last_boot_ns;
    r->count += since.count;
    r->observed = old.observed || since.observed;
    r->live = old.live || since.live;
    r->unsettled = since.unsettled;
    r->first_exec = old.first_exec && since.first_exec;
    r->gone = since.gone;
  });
}

Origin last_origin(const ActorTable& actors, const Record& record) {
  if (record.actors == 0) return Origin::unattributed;
  return actors.get(actors.members(record.actors).back()).origin;
}

}  // namespace stillframe::drift
