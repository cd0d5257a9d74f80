// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/outside_tree.h"

#include <fmt/format.h>

#include <algorithm>

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

// One record per program: a debugger's victim may fork forever.
void OutsideTree::observe(const MemoryObservation& seen, const Actor& by) {
  MutationEvent event;
  event.kind = kind_of(seen.op);
  event.path = seen.exe.empty() ? seen.comm : seen.exe;
  if (event.path.empty()) event.path = "(unknown)";
  event.count = 1 + static_cast<std::uint64_t>(seen.repeats);
  if (seen.pid != 0) {
    event.facts["pid"] = std::to_string(seen.pid);
    event.facts["comm"] = seen.comm;
  }
  changed(std::move(event), seen.boot_ns, books_.actors.intern(by), true);
}

void OutsideTree::observe(const DeviceObservation& seen, const Actor& by) {
  MutationEvent event;
  event.kind = Kind::device_access;
  // As /dev names them by number.
  event.path = fmt::format("/dev/{}/{}:{}", seen.block ? "block" : "char",
                           seen.major, seen.minor);
  event.facts["access"] = access_of(seen);
  changed(std::move(event), seen.boot_ns, books_.actors.intern(by), true);
}

void OutsideTree::observe(const SysctlObservation& seen, const Actor& by) {
  MutationEvent event;
  event.kind = Kind::sysctl_write;
  event.path = "/proc/sys/" + seen.name;
  event.detail = seen.value;
  changed(std::move(event), seen.boot_ns, books_.actors.intern(by), true);
}

void OutsideTree::changed(MutationEvent event, std::uint64_t boot_ns,
                          ActorId by, bool observed) {
  event.time = books_.clock.wall_at(boot_ns);
  const auto key = RecordKey::of_path(event.path);
  if (Record* r = records_.add(key, event.time, event.count, by)) {
    r->kinds.add(event.kind);
    r->observed = r->observed || observed;
    r->live = true;
    r->last_boot_ns = std::max(r->last_boot_ns, boot_ns);
  }
  verdicts_.rejudge(key);
  announcer_.report(std::move(event), by);
}

}  // namespace stillframe::drift
