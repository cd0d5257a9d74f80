// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/actors.h"

#include <gtest/gtest.h>

#include "bpf/tools.h"

namespace stillframe::engine::test {
namespace {

using Place = Actors::Place;

ProcessRef process(std::uint64_t session, bool followed) {
  ProcessRef p;
  p.pid = 4'000'000;  // above any real pid
  p.start_ns = 77;
  p.session = session;
  p.followed = followed;
  p.in_container = true;
  p.comm = "sed";
  p.exe = "busybox";
  return p;
}

std::optional<bool> unknown(const ProcessRef&) { return std::nullopt; }

TEST(Actors, OriginFollowsFromPlaceAndSession) {
  Actors actors;
  EXPECT_EQ(actors.resolve(process(0, true), Place::victim, unknown).origin,
            Origin::workload);
  EXPECT_EQ(actors.resolve(process(9, true), Place::victim, unknown).origin,
            Origin::exec);
  EXPECT_EQ(actors.resolve(process(0, true), Place::host, unknown).origin,
            Origin::host);
  EXPECT_EQ(
      actors.resolve(process(0, true), Place::other_container, unknown).origin,
      Origin::container);
}

TEST(Actors, AProcessNotFollowedIsJudgedByItsAncestors) {
  Actors actors;
  const auto from_init = [](const ProcessRef&) { return std::optional(true); };
  const auto from_outside = [](const ProcessRef&) {
    return std::optional(false);
  };
  EXPECT_EQ(actors.resolve(process(0, false), Place::victim, from_init).origin,
            Origin::workload);
  EXPECT_EQ(
      actors.resolve(process(0, false), Place::victim, from_outside).origin,
      Origin::exec);
  EXPECT_EQ(actors.resolve(process(0, false), Place::victim, unknown).origin,
            Origin::unattributed);
}

// An orphan comes to init from whatever session it was in.
TEST(Actors, OfMoreThanCanBeFollowedNobodyIsGuessed) {
  Actors actors;
  const auto from_init = [](const ProcessRef&) { return std::optional(true); };
  ProcessRef one = process(0, false);
  one.crowd = true;
  const auto actor = actors.resolve(one, Place::victim, from_init);
  EXPECT_EQ(actor.origin, Origin::unattributed);
  EXPECT_EQ(actor.comm, "sed");
  EXPECT_EQ(actors.resolve(one, Place::other_container, from_init).origin,
            Origin::container);
}

TEST(Actors, AnUpdateIsTheRunThatItIsPartOf) {
  Actors actors;
  SessionObservation shell;
  shell.first_cmd = "sh -c deploy";
  shell.process.session = 9;
  actors.session_started(shell);
  RunObservation apt;
  apt.command = "apt-get install jq";
  apt.process.run = sf_run(std::uint64_t{50}, std::uint64_t{SF_TOOL_APT});
  actors.run_started(apt);

  ProcessRef one = process(9, true);
  one.comm = one.exe = "nginx";
  const auto by_shell = actors.resolve(one, Place::victim, unknown, {"web"}, 1);
  EXPECT_EQ(by_shell.tool, "shell");
  EXPECT_EQ(by_shell.update, 9u);
  one.run = apt.process.run;
  const auto by_apt = actors.resolve(one, Place::victim, unknown, {"web"}, 1);
  EXPECT_EQ(by_apt.tool, "apt");
  EXPECT_EQ(by_apt.update, 50u);
  EXPECT_EQ(actors.run_of(by_apt).command, "apt-get install jq");

  actors.run_ended(50, 1);
  const auto daemon =
      actors.resolve(one, Place::victim, unknown, {"web"}, 6'000'000'000);
  EXPECT_EQ(daemon.tool, "");
  EXPECT_EQ(daemon.update, 0u);

  one.session = 0;  // the workload's own
  const auto own = actors.resolve(one, Place::victim, unknown, {"web"}, 1);
  EXPECT_EQ(own.tool, "apt");
  EXPECT_EQ(own.update, 0u);
}

TEST(Actors, AHostProcessMovedIntoTheCgroupStaysAHostProcess) {
  Actors actors;
  ProcessRef moved = process(0, false);
  moved.host_mounts = true;
  EXPECT_EQ(actors.resolve(moved, Place::victim, unknown).origin, Origin::host);
}

TEST(Actors, AContainersProcessStaysItsOwnInTheHostsMounts) {
  Actors actors;
  ProcessRef escaped = process(0, true);
  escaped.host_mounts = true;
  EXPECT_EQ(actors.resolve(escaped, Place::victim, unknown).origin,
            Origin::workload);
}

TEST(Actors, TheLoginIsThatOfWhoEntered) {
  Actors actors;
  SessionObservation seen;
  seen.process = process(9, true);
  seen.login = LoginRef{1000, 3};
  actors.session_started(seen);
  const auto login = [&](std::uint64_t session, Place place,
                         bool entered_by_callers = true) {
    const auto actor = actors.resolve(process(session, true), place, unknown,
                                      {"web", entered_by_callers});
    return actor.login ? std::optional(actor.login->uid) : std::nullopt;
  };
  EXPECT_EQ(login(9, Place::victim), 1000u);
  EXPECT_EQ(login(9, Place::victim, false), std::nullopt);
  EXPECT_EQ(login(8, Place::victim), std::nullopt);
  EXPECT_EQ(login(0, Place::victim), std::nullopt);
  EXPECT_EQ(login(9, Place::other_container), std::nullopt);
}

struct Entered {
  const char* name;
  std::vector<CallerRef> callers;  // the parent first
  bool podman;
  bool login;
};

TEST(Actors, ADaemonsLoginIsNotThatOfWhoAsked) {
  const CallerRef runc{4'000'001, "runc"};
  const CallerRef monitor{4'000'002, "conmon"};
  const CallerRef shim{4'000'003, "containerd-shim"};
  const CallerRef bash{4'000'004, "bash"};
  const std::vector<Entered> cases = {
      {"docker exec", {runc, shim}, false, false},
      {"nsenter", {bash}, false, true},
      {"nobody is left", {}, false, false},
      {"nobody is left of podman's", {}, true, true},
      {"podman exec -d", {runc, monitor}, true, true},
      {"a monitor of CRI-O's", {runc, monitor}, false, false},
      {"podman in a service", {runc, monitor, shim}, true, false},
  };
  for (const auto& c : cases) {
    Actors actors;
    SessionObservation seen;
    seen.process = process(9, true);
    seen.login = LoginRef{1000, 3};
    seen.callers = c.callers;
    actors.session_started(seen);
    const auto actor = actors.resolve(process(9, true), Place::victim, unknown,
                                      {"web", c.podman});
    EXPECT_EQ(actor.login.has_value(), c.login) << c.name;
  }
}

TEST(Actors, AHostsProcessHasItsOwnLogin) {
  Actors actors;
  ProcessRef one = process(0, false);
  one.in_container = false;
  one.login = LoginRef{1000, 3};
  const auto by = [&](const char* comm) {
    one.comm = comm;
    ++one.start_ns;
    return actors.resolve(one, Place::host, unknown);
  };
  EXPECT_EQ(by("vi").login->uid, 1000u);
  EXPECT_EQ(by("vi").login->session, 3u);
  EXPECT_EQ(by("vi").user, "root");
  EXPECT_EQ(by("dockerd").login, std::nullopt);
  EXPECT_EQ(actors.resolve(one, Place::victim, unknown).login, std::nullopt);
}

TEST(Actors, SessionComesWithTheActor) {
  Actors actors;
  SessionObservation seen;
  seen.first_cmd = "sh -c sed";
  seen.tty = "pts1";
  seen.process = process(9, true);
  actors.session_started(seen);
  const Actor actor = actors.resolve(process(9, true), Place::victim, unknown);
  ASSERT_TRUE(actor.session);
  EXPECT_EQ(actor.session->first_cmd, "sh -c sed");
  EXPECT_EQ(actor.session->tty, "pts1");
  EXPECT_EQ(actor.exe, "busybox");
}

TEST(Actors, SessionsAreBounded) {
  Actors actors;
  for (std::uint64_t id = 1; id <= 10'000; ++id) {
    SessionObservation seen;
    seen.process.session = id;
    actors.session_started(seen);
  }
  EXPECT_EQ(actors.find_session(1), nullptr);
  EXPECT_NE(actors.find_session(10'000), nullptr);
}

}  // namespace
}  // namespace stillframe::engine::test
