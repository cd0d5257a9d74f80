// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/actors.h"

#include <fmt/format.h>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/proc_text.h"
#include "agent/engine/tools.h"

namespace stillframe::engine {
namespace {

std::optional<std::uint64_t> start_of(std::uint32_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return std::nullopt;
  const auto stat = containers::parse_stat(*text);
  if (!stat) return std::nullopt;
  return containers::ticks_to_ns(stat->start_ticks);
}

// /proc counts in ticks of 10 ms: the same process if it is within one.
bool still_the_same(const ProcessRef& process) {
  const auto start = start_of(process.pid);
  if (!start) return false;
  const std::uint64_t tick = 20'000'000;
  return process.start_ns < *start + tick && *start < process.start_ns + tick;
}

Origin origin_of(const ProcessRef& process, Actors::Place place,
                 const Actors::FromInit& from_init) {
  switch (place) {
    case Actors::Place::host:
      return Origin::host;
    case Actors::Place::other_container:
      return Origin::container;
    case Actors::Place::victim:
      break;
  }
  // Wherever it has gone since: it descends from the container.
  if (process.followed) {
    return process.session == 0 ? Origin::workload : Origin::exec;
  }
  // In the container's cgroup but not in its mounts: moved there from outside.
  if (process.host_mounts && !process.kernel_thread) return Origin::host;
  // That init is an ancestor now says nothing of where it began.
  if (process.crowd) return Origin::unattributed;
  const auto descends = from_init(process);
  // Not seen at its start and gone by now: it may have been anybody's.
  if (!descends) return Origin::unattributed;
  return *descends ? Origin::workload : Origin::exec;
}

}  // namespace

void Actors::session_started(const SessionObservation& seen) {
  Session session;
  session.id = seen.process.session;
  session.first_cmd = seen.first_cmd;
  session.tty = seen.tty;
  session.uid = seen.process.uid;
  session.start = wall_from_boottime(seen.process.start_ns);
  add_session(std::move(session));
}

void Actors::add_session(Session session) {
  if (sessions_.contains(session.id)) return;
  order_.push_front(std::move(session));
  sessions_[order_.front().id] = order_.begin();
  if (order_.size() > kMaxSessions) {
    sessions_.erase(order_.back().id);
    order_.pop_back();
  }
}

const Session* Actors::find_session(std::uint64_t id) const {
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : &*it->second;
}

Actor Actors::resolve(const ProcessRef& process, Place place,
                      const FromInit& from_init) {
  Actor actor;
  actor.origin = origin_of(process, place, from_init);
  actor.comm = process.comm;
  actor.exe = executable(process);
  actor.pid = process.pid;
  actor.uid = process.uid;
  if (actor.origin == Origin::exec) {
    if (const Session* session = find_session(process.session)) {
      actor.session = *session;
    } else if (process.session != 0) {
      actor.session = Session{process.session, "", "", process.uid,
                              wall_from_boottime(process.session * 1000)};
    }
  }
  actor.tool =
      recognise_tool({actor.origin, actor.comm, actor.exe, process.parent_comm,
                      actor.session ? std::string_view(actor.session->first_cmd)
                                    : std::string_view()});
  return actor;
}

std::string Actors::executable(const ProcessRef& process) {
  const ProcessKey key{process.pid, process.start_ns};
  const auto known = executables_.find(key);
  // A process may exec: the kernel's word on the file name decides.
  if (known != executables_.end() && ends_with(known->second, process.exe)) {
    return known->second;
  }
  std::string exe = process.exe;
  const auto link = read_link(fmt::format("/proc/{}/exe", process.pid));
  if (link && ends_with(*link, process.exe) && still_the_same(process)) {
    exe = *link;
  }
  if (executables_.size() >= kMaxExecutables) executables_.clear();
  executables_[key] = exe;
  return exe;
}

}  // namespace stillframe::engine
