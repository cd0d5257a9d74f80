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
  add({std::move(session), seen.login_uid,
       seen.login_uid ? users_.name_of(*seen.login_uid) : ""});
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
                      const FromInit& from_init, const std::string& victim,
                      std::uint64_t boot_ns) {
  Actor actor;
  actor.origin = origin_of(process, place, from_init);
  actor.comm = process.comm;
  actor.exe = executable(process);
  actor.pid = process.pid;
  actor.uid = process.uid;
  if (actor.origin == Origin::exec) {
    if (const Known* known = find(process.session)) {
      actor.session = known->session;
      actor.login_uid = known->login_uid;
      actor.login_user = known->login_user;
    } else if (process.session != 0) {
      actor.session = Session{process.session, "", "", process.uid,
                              wall_from_boottime(process.session * 1000)};
    }
  }
  find_tool(actor, process, victim, boot_ns);
  return actor;
}

void Actors::find_tool(Actor& actor, const ProcessRef& process,
                       const std::string& victim, std::uint64_t boot_ns) {
  const std::string_view first_cmd =
      actor.session ? std::string_view(actor.session->first_cmd)
                    : std::string_view();
  Runs::Run run = process.run != 0 ? runs_.find(process.run) : Runs::Run();
  actor.tool = recognise_tool({actor.origin, actor.comm, actor.exe,
                               process.parent_comm, first_cmd, run.tool});
  if (actor.tool.empty() || actor.origin == Origin::workload ||
      actor.origin == Origin::unattributed) {
    return;
  }
  if (actor.tool == "cp" && !actor.session) {
    if (auto driver = driver_of(process); !driver.empty()) {
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

std::string Actors::driver_of(const ProcessRef& process) {
  constexpr int kAncestors = 16;
  const ProcessKey key{process.pid, process.start_ns};
  if (const auto known = drivers_.find(key); known != drivers_.end()) {
    return known->second;
  }
  std::string driver;
  std::uint32_t pid = process.ppid;
  for (int i = 0; i < kAncestors && pid > 1; ++i) {
    const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
    const auto stat = text ? containers::parse_stat(*text) : std::nullopt;
    if (!stat) break;
    // From the inside out: what is furthest out names it.
    const auto tool = tool_of_command(stat->comm);
    if (!tool.empty()) driver = tool;
    pid = stat->ppid;
  }
  if (drivers_.size() >= kMaxExecutables) drivers_.clear();
  return drivers_[key] = driver;
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
