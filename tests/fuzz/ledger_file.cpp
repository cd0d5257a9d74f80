// SPDX-License-Identifier: Apache-2.0
//
// The ledger's file, which a crash of the machine may leave in any state. What
// is taken from it is written again and must then be the same.
#include "agent/drift/ledger/store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch_directory.h"

using namespace stillframe;
using stillframe::fuzz::require;

namespace {

ContainerRecord container() {
  ContainerRecord record;
  record.info.id = std::string(64, 'a');
  record.root.inode = {7, 1};
  return record;
}

struct Loaded {
  drift::ActorTable actors;
  drift::Ledger ledger{1000};
  drift::StoredState state;
  drift::Life life;
  std::string why;
  drift::Store store;
  drift::Store::Loaded result;

  explicit Loaded(const std::string& path) : store(path, container()) {
    result = store.load(actors, ledger, state, life, why);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const fuzz::ScratchDirectory directory;
  static const std::string path = directory.path() + "/ledger";
  directory.file("/ledger", fuzz::text_of(data, size));
  Loaded first(path);
  const bool refused = first.result == drift::Store::Loaded::damaged ||
                       first.result == drift::Store::Loaded::unreadable;
  require(refused != first.why.empty(), "what is refused has a reason");
  if (first.result != drift::Store::Loaded::state) return 0;
  first.ledger.for_each([&](const drift::RecordKey&, const drift::Record& r) {
    for (const auto actor : first.actors.members(r.actors)) {
      (void)first.actors.get(actor);
    }
  });

  // Another file, so that all of it is written.
  directory.file("/again", "");
  drift::Store again(directory.path() + "/again", container());
  require(again.flush(first.actors, first.ledger, first.state, first.life)
              .has_value(),
          "what was read is written");
  const Loaded second(directory.path() + "/again");
  require(second.result == drift::Store::Loaded::state,
          "what was written is read");
  require(second.ledger.size() == first.ledger.size(), "no record is lost");
  require(second.state == first.state, "no state is lost");
  require(second.life.mounts.size() == first.life.mounts.size(),
          "no mount is lost");
  return 0;
}
