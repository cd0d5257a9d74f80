// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/commands.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "exporters/socket/server.h"
#include "tests/unit/cli/catcher.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class CommandsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/stillframe-commands-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    options_.socket = directory_ + "/s";
    options_.ps.output = "table";
    options_.diff = {.container = "web",
                     .output = "table",
                     .all = false,
                     .exit_code = false};
    options_.events.output = "json";
    options_.doctor.output = "table";
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  void start_agent() {
    auto started = socket_api::Server::start(
        agent_, {.path = options_.socket, .version = "1", .doctor = [] {
                   return report("from the agent");
                 }});
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  static DoctorReport report(const std::string& kernel) {
    DoctorReport report;
    report.machine.kernel_release = kernel;
    return report;
  }
  Streams streams() { return {.out = out_.fd(), .err = err_.fd()}; }

  std::string directory_;
  Options options_;
  test::FakeAgent agent_;
  std::unique_ptr<socket_api::Server> server_;
  Catcher out_;
  Catcher err_;
};

TEST_F(CommandsTest, PsSaysWhenThereIsNothing) {
  start_agent();
  EXPECT_EQ(run_ps(options_, streams()), 0);
  EXPECT_EQ(out_.text(), "");
  EXPECT_EQ(err_.text(), "No containers are running here.\n");
}

TEST_F(CommandsTest, PsPrintsATableWithoutColorIntoAFile) {
  start_agent();
  agent_.state.containers = {test::make_container("3f2a", "web")};
  EXPECT_EQ(run_ps(options_, streams()), 0);
  EXPECT_THAT(out_.text(), StartsWith("CONTAINER  NAME"));
  EXPECT_EQ(err_.text(), "");
}

TEST_F(CommandsTest, PsColorsWhenAskedTo) {
  start_agent();
  agent_.state.containers = {test::make_container("3f2a", "web")};
  options_.color = console::ColorMode::always;
  options_.ps.workloads = true;
  EXPECT_EQ(run_ps(options_, streams()), 0);
  EXPECT_THAT(out_.text(), StartsWith("\x1b[1mWORKLOAD\x1b[0m"));
}

TEST_F(CommandsTest, DiffReportsTheStateByItsExitCodeWhenAsked) {
  start_agent();
  agent_.answer = test::make_diff();
  options_.diff.output = "docker";
  EXPECT_EQ(run_diff(options_, streams()), 0);
  EXPECT_EQ(out_.text(), "A /etc/x\nC /\xff\n\n");
  options_.diff.exit_code = true;
  EXPECT_EQ(run_diff(options_, streams()), 1);
  agent_.answer->container.state = ContainerState::unknown;
  EXPECT_EQ(run_diff(options_, streams()), 1);
  agent_.answer->container.state = ContainerState::still;
  EXPECT_EQ(run_diff(options_, streams()), 0);
}

TEST_F(CommandsTest, DiffReportsAContainerThatIsNotThereOnOneLine) {
  start_agent();
  EXPECT_EQ(run_diff(options_, streams()), 1);
  EXPECT_EQ(out_.text(), "");
  EXPECT_THAT(err_.text(), StartsWith("stillframe: no container 'x'"));
  EXPECT_THAT(err_.text(), HasSubstr("stillframe ps)\n"));
}

TEST_F(CommandsTest, AnAgentThatIsStartingIsAFailureOnOneLine) {
  start_agent();
  agent_.in_phase = {AgentPhase::Name::starting, "scanning 1 of 3 containers"};
  const std::string expected =
      "stillframe: the agent is starting: scanning 1 of 3 containers (try "
      "again in a moment)\n";
  EXPECT_EQ(run_ps(options_, streams()), 1);
  EXPECT_EQ(run_diff(options_, streams()), 1);
  EXPECT_EQ(err_.text(), expected + expected);
  EXPECT_EQ(out_.text(), "");
}

TEST_F(CommandsTest, EventsPrintsThePast) {
  start_agent();
  agent_.queue->push(test::make_event(1, "3f2a"));
  options_.events.since = test::kNoon;
  EXPECT_EQ(run_events(options_, streams()), 0);
  EXPECT_THAT(out_.text(), HasSubstr("\"seq\":1,"));
  EXPECT_EQ(agent_.asked_since, test::kNoon);
}

TEST_F(CommandsTest, EventsFollowsUntilNobodyReads) {
  start_agent();
  agent_.queue->push(test::make_event(1, "3f2a"));
  agent_.queue->close();
  options_.events.follow = true;
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  std::string seen;
  std::thread reader([&] {
    char buffer[4096];
    while (seen.find("\"seq\":1,") == std::string::npos) {
      const ssize_t n = ::read(fds[0], buffer, sizeof buffer);
      if (n <= 0) break;
      seen.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(fds[0]);
  });
  EXPECT_EQ(run_events(options_, {.out = fds[1], .err = err_.fd()}), 0);
  reader.join();
  ::close(fds[1]);
  EXPECT_THAT(seen, HasSubstr("\"seq\":1,"));
}

TEST_F(CommandsTest, AReaderThatIsGoneIsNotAFailure) {
  start_agent();
  agent_.queue->push(test::make_event(1, "3f2a"));
  agent_.queue->push(test::make_event(2, "3f2a"));
  options_.events.follow = true;
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  ::close(fds[0]);
  EXPECT_EQ(run_events(options_, {.out = fds[1], .err = err_.fd()}), 0);
  EXPECT_EQ(run_ps(options_, {.out = fds[1], .err = err_.fd()}), 0);
  ::close(fds[1]);
  EXPECT_EQ(err_.text().find("Broken pipe"), std::string::npos);
}

TEST_F(CommandsTest, PsPrintsAgainWhileItWatchesUntilNobodyReads) {
  start_agent();
  agent_.state.containers = {test::make_container("3f2a", "web")};
  options_.ps.watch = true;
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  std::string seen;
  std::thread reader([&] {
    char buffer[4096];
    // Until the second one is there in full.
    while (seen.find("unknown\n", seen.find("unknown\n") + 1) ==
           std::string::npos) {
      const ssize_t n = ::read(fds[0], buffer, sizeof buffer);
      if (n <= 0) break;
      seen.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(fds[0]);
  });
  EXPECT_EQ(run_ps(options_, {.out = fds[1], .err = err_.fd()}), 0);
  reader.join();
  ::close(fds[1]);
  EXPECT_THAT(seen, StartsWith("CONTAINER  NAME"));
  EXPECT_THAT(seen, HasSubstr("unknown\n\nCONTAINER  NAME"));
  EXPECT_THAT(seen, testing::Not(HasSubstr("\x1b")));
  EXPECT_EQ(agent_.scans, 1);
  EXPECT_EQ(err_.text(), "");
}

TEST_F(CommandsTest, AFullDiskIsAFailure) {
  start_agent();
  agent_.state.containers = {test::make_container("3f2a", "web")};
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(run_ps(options_, {.out = full, .err = err_.fd()}), 1);
  EXPECT_THAT(err_.text(), HasSubstr("No space left on device"));
}

TEST_F(CommandsTest, SaysHowToStartAnAgent) {
  const std::string expected =
      "stillframe: cannot reach the agent at " + options_.socket +
      ": is it running? Start it with: stillframe run (as root)\n";
  EXPECT_EQ(run_ps(options_, streams()), 1);
  EXPECT_EQ(err_.text(), expected);
  EXPECT_EQ(run_diff(options_, streams()), 1);
  EXPECT_EQ(run_events(options_, streams()), 1);
  options_.events.follow = true;
  EXPECT_EQ(run_events(options_, streams()), 1);
  EXPECT_EQ(err_.text(), expected + expected + expected + expected);
  EXPECT_EQ(out_.text(), "");
}

TEST_F(CommandsTest, DoctorNeedsNoAgent) {
  const auto local = [] { return Result<DoctorReport>(report("found here")); };
  EXPECT_EQ(run_doctor(options_, local, streams()), 0);
  EXPECT_THAT(out_.text(), HasSubstr("found here"));
  EXPECT_EQ(err_.text(), "");
}

TEST_F(CommandsTest, DoctorAsksTheAgentThatRuns) {
  start_agent();
  const auto local = []() -> Result<DoctorReport> { return fail("not asked"); };
  EXPECT_EQ(run_doctor(options_, local, streams()), 0);
  EXPECT_THAT(out_.text(), HasSubstr("from the agent"));
}

TEST_F(CommandsTest, PolicyCheckSaysWhatIsWrongWithEachFile) {
  const std::string good = directory_ + "/good.yaml";
  const std::string bad = directory_ + "/bad.yaml";
  ASSERT_TRUE(write_file_atomic(good, "version: 1\n"));
  ASSERT_TRUE(write_file_atomic(bad, "version: 1\nrulez: []\n"));
  options_.policy.files = {good, bad, directory_ + "/none.yaml"};
  EXPECT_EQ(run_policy_check(options_, streams()), 1);
  EXPECT_EQ(out_.text(), good + ": ok: 0 rules\n");
  EXPECT_THAT(err_.text(),
              StartsWith(bad + ":2:1: unknown key 'rulez' in the file\n"
                               "  hint: did you mean 'rules'?\n"));
  EXPECT_THAT(err_.text(), HasSubstr("none.yaml: No such file"));
}

TEST_F(CommandsTest, PolicyCheckOfAGoodFileSaysOk) {
  const std::string good = directory_ + "/good.yaml";
  ASSERT_TRUE(write_file_atomic(
      good, "version: 1\nrules: [{name: x, allow: [{path: /a}]}]\n"));
  options_.policy.files = {good};
  EXPECT_EQ(run_policy_check(options_, streams()), 0);
  EXPECT_EQ(out_.text(), "ok: 1 rule\n");
  EXPECT_EQ(err_.text(), "");
}

TEST_F(CommandsTest, AFileThatCannotBeUsedIsNotAPolicy) {
  EXPECT_EQ(load_policy(options_, streams()).value(), nullptr);
  options_.run.policy = directory_ + "/policy.yaml";
  EXPECT_FALSE(load_policy(options_, streams()));
  ASSERT_TRUE(write_file_atomic(options_.run.policy, "version: 2\n"));
  EXPECT_FALSE(load_policy(options_, streams()));
  EXPECT_THAT(err_.text(), HasSubstr("policy.yaml:1:10: version '2'"));
  ASSERT_TRUE(write_file_atomic(options_.run.policy, "version: 1\n"));
  EXPECT_NE(load_policy(options_, streams()).value(), nullptr);
}

TEST_F(CommandsTest, FinishPrintsWhereItBelongs) {
  EXPECT_EQ(finish({.code = 2, .out = "o", .err = "e"}, streams()), 2);
  EXPECT_EQ(out_.text(), "o");
  EXPECT_EQ(err_.text(), "e");
}

}  // namespace
}  // namespace stillframe::cli
