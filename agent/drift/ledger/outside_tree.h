// SPDX-License-Identifier: Apache-2.0
//
// Changes of what has no place in the tree and is recorded by path: memory of
// the container's processes, devices, sysctls. What was done to them stays true
// for as long as the container lives.
#pragma once

#include <cstdint>

#include "agent/drift/ledger/announcer.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/records.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

class OutsideTree {
 public:
  OutsideTree(Books& books, Records& records, Verdicts& verdicts,
              Announcer& announcer)
      : books_(books),
        records_(records),
        verdicts_(verdicts),
        announcer_(announcer) {}

  void observe(const MemoryObservation& seen, const Actor& by);
  void observe(const DeviceObservation& seen, const Actor& by);
  void observe(const SysctlObservation& seen, const Actor& by);

  // Records, judges and reports. `observed`: somebody was seen doing it.
  void changed(MutationEvent event, std::uint64_t boot_ns, ActorId by,
               bool observed);

 private:
  Books& books_;
  Records& records_;
  Verdicts& verdicts_;
  Announcer& announcer_;
};

}  // namespace stillframe::drift
