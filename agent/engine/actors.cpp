// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/actors.h"

#include <fmt/format.h>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/proc_text.h"
#include "agent/engine/tools.h"
#include "agent/model/request_uid.h"

namespace stillframe::engine {
namespace {

std::optional<containers::StatText> stat_of(std::uint32_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  return text ? containers::parse_stat(*text) : std::nullopt;
}

// What its environment says now.
std::string request_uid_of(std::uint32_t pid) {
  constexpr std::size_t kMost = 4u << 20;
  const auto text = read_file(fmt::format("/proc/{}/environ", pid), kMost);
  return text ? request_uid("", *text) : "";
}

// /proc counts in ticks of 10 ms: the same process if it is within one.
bool still_the_same(const ProcessRef& process) {
  const auto stat = stat_of(process.pid);
  if (!stat) return false;
  const std::uint64_t start = containers::ticks_to_ns(stat->start_ticks);
  const std::uint64_t tick = 20'000'000;
  return process.start_ns < start + tick && start < process.start_ns + tick;
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

std::optional<Login> Actors::login(const std::optional<LoginRef>& seen) {
  if (!seen) return std::nullopt;
  return Login{seen->uid, seen->session, users_.name_of(seen->uid)};
}

// Searches for a twentieth of the time at most, and half a second at once:
// everybody may call a process as podman's monitor is called.
Callers Actors::callers_by_turns(const std::vector<CallerRef>& ancestors) {
  if (!waits_behind_monitor(ancestors)) return callers_of(ancestors, false);
  constexpr std::uint64_t kShare = 20;
  constexpr std::uint64_t kAtOnceNs = 500'000'000;
  const std::uint64_t begun = boottime_now_ns();
  const std::uint64_t saved = begun - std::min(begun, kAtOnceNs * kShare);
  search_ns_ = std::max(search_ns_, saved);
  const bool search = search_ns_ < begun;
  Callers callers = callers_of(ancestors, search);
  if (search) search_ns_ += kShare * (boottime_now_ns() - begun);
  return callers;
}

void Actors::session_started(const SessionObservation& seen) {
  Callers callers = callers_by_turns(seen.callers);
  Known known;
  known.session.id = seen.process.session;
  known.session.first_cmd = seen.first_cmd;
  known.session.tty = seen.tty;
  known.session.uid = seen.process.uid;
  known.session.start = wall_from_boottime(seen.process.start_ns);
  known.session.ancestors = std::move(callers.names);
  known.session.request_uid = seen.request_uid;
  if (seen.environment_cut && seen.request_uid.empty()) {
    auto said = request_uid_of(seen.process.pid);
    if (still_the_same(seen.process)) {
      known.session.request_uid = std::move(said);
    }
  }
  if (!callers.daemon) known.login = login(seen.login);
  known.callers_login = callers.whole;
  add(std::move(known));
}

void Actors::add_session(std::uint64_t id, std::string command,
                         std::uint32_t leader, WallTime start) {
  Known known;
  known.session.id = id;
  known.session.first_cmd = std::move(command);
  known.session.start = start;
  if (const auto stat = stat_of(leader)) {
    ProcessRef first;
    first.pid = leader;
    first.ppid = stat->ppid;
    first.comm = stat->comm;
    first.start_ns = containers::ticks_to_ns(stat->start_ticks);
    known.session.ancestors = callers_of_process(first).names;
    known.session.request_uid = request_uid_of(leader);
  }
  add(std::move(known));
}

void Actors::add(Known known) {
  if (sessions_.contains(known.session.id)) return;
  order_.push_front(std::move(known));
  sessions_[order_.front().session.id] = order_.begin();
  if (order_.size() > kMaxSessions) {
    sessions_.erase(order_.back().session.id);
    order_.pop_back();
  }
}

const Actors::Known* Actors::find(std::uint64_t id) const {
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : &*it->second;
}

const Session* Actors::find_session(std::uint64_t id) const {
  const Known* known = find(id);
  return known == nullptr ? nullptr : &known->session;
}

Actor Actors::resolve(const ProcessRef& process, Place place,
                      const FromInit& from_init, const Victim& victim,
                      std::uint64_t boot_ns) {
  Actor actor = describe(process, place, from_init, victim);
  find_tool(actor, process, victim.id, boot_ns);
  return actor;
}

Actor Actors::resolve_writer(const Writer& writer, Place place,
                             const FromInit& from_init, const Victim& victim,
                             std::uint64_t boot_ns) {
  // As it was seen at once: by now they may be gone.
  callers_[{writer.process.pid, writer.process.start_ns}] =
      callers_of(writer.callers, false);
  Actor actor = describe(writer.process, place, from_init, victim);
  std::string tool;
  if (actor.origin == Origin::host) {
    tool = setter_of_limits(writer.process, callers(writer.process),
                            victim.limits_tool);
  }
  find_tool(actor, writer.process, victim.id, boot_ns, tool);
  return actor;
}

Actor Actors::describe(const ProcessRef& process, Place place,
                       const FromInit& from_init, const Victim& victim) {
  Actor actor;
  actor.origin = origin_of(process, place, from_init);
  actor.comm = process.comm;
  actor.exe = executable(process);
  actor.pid = process.pid;
  actor.uid = process.uid;
  if (actor.origin == Origin::exec) name_session(actor, process, victim);
  if (actor.origin == Origin::host) name_person(actor, process);
  return actor;
}

void Actors::name_session(Actor& actor, const ProcessRef& process,
                          const Victim& victim) {
  if (const Known* known = find(process.session)) {
    actor.session = known->session;
    if (known->callers_login || victim.entered_by_callers) {
      actor.login = known->login;
    }
  } else if (process.session != 0) {
    actor.session = Session{.id = process.session,
                            .first_cmd = {},
                            .tty = {},
                            .uid = process.uid,
                            .start = wall_from_boottime(process.session * 1000),
                            .ancestors = {},
                            .request_uid = {}};
  }
}

void Actors::name_person(Actor& actor, const ProcessRef& process) {
  actor.user = users_.name_of(process.uid);
  if (process.kernel_thread) return;
  const Callers& by = callers(process);
  actor.ancestors = by.names;
  if (!by.daemon) actor.login = login(process.login);
}

void Actors::find_tool(Actor& actor, const ProcessRef& process,
                       const std::string& victim, std::uint64_t boot_ns,
                       const std::string& known) {
  const std::string_view first_cmd =
      actor.session ? std::string_view(actor.session->first_cmd)
                    : std::string_view();
  Runs::Run run = process.run != 0 ? runs_.find(process.run) : Runs::Run();
  actor.tool = known.empty()
                   ? recognise_tool({actor.origin, actor.comm, actor.exe,
                                     process.parent_comm, first_cmd, run.tool})
                   : known;
  if (actor.tool.empty() || actor.origin == Origin::workload ||
      actor.origin == Origin::unattributed) {
    return;
  }
  if ((actor.tool == "cp" || !known.empty()) && !actor.session) {
    if (auto driver = driver_among(callers(process)); !driver.empty()) {
      actor.tool = std::move(driver);
    }
  }
  if (!actor.session) {
    run = {process.start_ns / 1000, actor.tool, actor.comm,
           wall_from_boottime(process.start_ns)};
  } else if (run.tool.empty() || !tool_of_command(first_cmd).empty()) {
    run = {actor.session->id, actor.tool, actor.session->first_cmd,
           actor.session->start};
  }
  // Of a shell it may be the work itself, in the background.
  if (actor.tool != "shell" && runs_.over(run.id, boot_ns)) {
    actor.tool = recognise_tool(
        {actor.origin, actor.comm, actor.exe, process.parent_comm});
    return;
  }
  if (!actor.session || actor.tool == "ansible") {
    run = runs_.join(victim + ' ' + actor.tool, run, boot_ns);
  }
  runs_.remember(run);
  actor.update = run.id;
}

const Callers& Actors::callers(const ProcessRef& process) {
  const ProcessKey key{process.pid, process.start_ns};
  const auto known = callers_.find(key);
  if (known != callers_.end()) return known->second;
  if (callers_.size() >= kMaxExecutables) callers_.clear();
  return callers_[key] = callers_of_process(process);
}

Runs::Run Actors::run_of(const Actor& actor) const {
  Runs::Run run = runs_.known(actor.update);
  run.tool = actor.tool;
  return run;
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
