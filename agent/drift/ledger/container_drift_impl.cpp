// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/container_drift_impl.h"

namespace stillframe::drift {

RecordKey place_of(const Entry& entry) {
  if (!entry.parent) return RecordKey::of_path("/");
  return RecordKey::of_place(entry.parent, entry.name);
}

RecordKey key_of(const Entry& entry) {
  return entry.whiteout ? place_of(entry) : RecordKey::of_inode(entry.inode);
}

ContainerDrift::Impl::Impl(ContainerRecord record_in,
                           policy::PolicyPtr policy_in, EventSink sink_in,
                           Options options_in)
    : record(std::move(record_in)),
      policy(std::move(policy_in)),
      sink(std::move(sink_in)),
      options(std::move(options_in)),
      ledger(options.max_records),
      own(record),
      store(options.state_file, record) {
  load();
}

void ContainerDrift::Impl::load() {
  std::string why;
  switch (store.load(actors, ledger, state, life, why)) {
    case Store::Loaded::state:
      lived_before = state.lived;
      ledger.for_each([this](const RecordKey& key, const Record& r) {
        if (key.inode && r.kinds.has_class(Class::code)) {
          ran[key.inode.ino] = {key.inode, ""};
        }
      });
      stale = true;
      break;
    case Store::Loaded::damaged:
      trouble.push_back("the kept ledger was set aside: " + why);
      [[fallthrough]];
    case Store::Loaded::nothing:
      actors = ActorTable();
      ledger = Ledger(options.max_records);
      state = {};
      life = {};
      break;
  }
}

Result<> ContainerDrift::Impl::flush() {
  state.overflow = ledger.overflow();
  return store.flush(actors, ledger, state, life);
}

}  // namespace stillframe::drift
