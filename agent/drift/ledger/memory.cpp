// SPDX-License-Identifier: Apache-2.0
//
// Memory of the container's processes, and devices: what was done to them stays
// true for as long as the container lives.
#include <fmt/format.h>

#include <algorithm>

#include "agent/drift/ledger/container_drift_impl.h"

namespace stillframe::drift {
namespace {

Kind kind_of(MemoryOp op) {
  switch (op) {
    case MemoryOp::attach:
      return Kind::memory_attach;
    case MemoryOp::write:
      return Kind::memory_write;
  }
  return Kind::memory_attach;
}

std::string access_of(const DeviceObservation& seen) {
  std::string out;
  const auto add = [&](bool wanted, const char* name) {
    if (!wanted) return;
    if (!out.empty()) out += ',';
    out += name;
  };
  add(seen.make, "mknod");
  add(seen.read, "read");
  add(seen.write, "write");
  return out;
}

}  // namespace

// One record per program: a debugger's victim may fork for ever.
void ContainerDrift::Impl::observe(const MemoryObservation& seen,
                                   const Actor& who) {
  const Kind kind = kind_of(seen.op);
  std::string path = seen.exe.empty() ? seen.comm : seen.exe;
  if (path.empty()) path = "(unknown)";
  MutationEvent event;
  event.kind = kind;
  event.path = path;
  event.count = 1 + static_cast<std::uint64_t>(seen.repeats);
  if (seen.pid != 0) {
    event.facts["pid"] = std::to_string(seen.pid);
    event.facts["comm"] = seen.comm;
  }
  lasting(std::move(event), seen.boot_ns, who);
}

void ContainerDrift::Impl::observe(const DeviceObservation& seen,
                                   const Actor& who) {
  MutationEvent event;
  event.kind = Kind::device_access;
  // As /dev names them by number.
  event.path = fmt::format("/dev/{}/{}:{}", seen.block ? "block" : "char",
                           seen.major, seen.minor);
  event.facts["access"] = access_of(seen);
  lasting(std::move(event), seen.boot_ns, who);
}

void ContainerDrift::Impl::lasting(MutationEvent event, std::uint64_t boot_ns,
                                   const Actor& who) {
  const ActorId id = actors.intern(who);
  event.time = wall_from_boottime(boot_ns);
  const auto key = RecordKey::of_path(event.path);
  if (Record* r = record_for(key, event.time, event.count, id)) {
    r->kinds.add(event.kind);
    r->observed = true;
    r->live = true;
    r->last_boot_ns = std::max(r->last_boot_ns, boot_ns);
  }
  rejudge(key);
  const auto judged = policy->judge(record.info, class_of(event.kind),
                                    event.kind, actor(id).origin, event.path);
  emit(std::move(event), judged, id);
}

}  // namespace stillframe::drift
