// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "exporters/jsonl/json.h"
#include "exporters/socket/address.h"
#include "exporters/socket/client.h"
#include "exporters/socket/server.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::socket_api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SocketTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/stillframe-socket-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    path_ = directory_ + "/run/agent.sock";
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  Result<std::unique_ptr<Server>> start() {
    return Server::start(agent_, {.path = path_,
                                  .version = "1.2",
                                  .doctor = [] { return DoctorReport{}; }});
  }
  void start_or_fail() {
    auto started = start();
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  Result<Reply> get(const std::string& endpoint, const Parameters& parameters) {
    return Client(path_).get(endpoint, parameters);
  }
  sockaddr_un address_of_socket() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  Fd connected() const {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of_socket();
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address),
                        sizeof address),
              0);
    return fd;
  }
  // A socket file that nobody listens on.
  void leave_stale_socket() {
    std::filesystem::create_directories(directory_ + "/run");
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = address_of_socket();
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address),
              0);
  }

  std::string directory_;
  std::string path_;
  test::FakeAgent agent_;
  std::unique_ptr<Server> server_;
};

TEST_F(SocketTest, MakesASocketForOwnerAndGroup) {
  start_or_fail();
  struct stat st{};
  ASSERT_EQ(::stat(path_.c_str(), &st), 0);
  EXPECT_TRUE(S_ISSOCK(st.st_mode));
  EXPECT_EQ(st.st_mode & 07777u, 0660u);
  server_.reset();
  EXPECT_NE(::stat(path_.c_str(), &st), 0);
}

TEST_F(SocketTest, RefusesWhileAnotherAgentLives) {
  start_or_fail();
  const auto second = start();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message,
              HasSubstr("another agent is running (socket " + path_ + ")"));
  EXPECT_TRUE(get("/v1/ping", {}));
}

TEST_F(SocketTest, ReplacesAStaleSocket) {
  leave_stale_socket();
  start_or_fail();
  EXPECT_TRUE(get("/v1/ping", {}));
}

TEST_F(SocketTest, LeavesAFileThatIsNotASocketAlone) {
  ASSERT_TRUE(make_directories(directory_ + "/run"));
  ASSERT_TRUE(write_file_atomic(path_, "precious"));
  const auto server = start();
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("is not a socket"));
  EXPECT_EQ(*read_file(path_), "precious");
}

TEST_F(SocketTest, RefusesAPathThatIsTooLong) {
  path_ = directory_ + '/' + std::string(120, 'a');
  EXPECT_EQ(start().error().code, ENAMETOOLONG);
  EXPECT_THAT(get("/v1/ping", {}).error().message, HasSubstr("too long"));
}

TEST_F(SocketTest, AnswersPing) {
  start_or_fail();
  const auto reply = get("/v1/ping", {});
  ASSERT_TRUE(reply) << reply.error().message;
  const auto json = nlohmann::json::parse(reply->body);
  EXPECT_EQ(json["version"], "1.2");
  EXPECT_EQ(json["healthy"], true);
  EXPECT_EQ(json["ready"], false);
}

TEST_F(SocketTest, AnswersPs) {
  start_or_fail();
  EXPECT_EQ(get("/v1/ps", {})->notice, "No containers are running here.");
  agent_.state.containers = {test::make_container("3f2a", "web")};
  EXPECT_THAT(get("/v1/ps", {})->body, HasSubstr("CONTAINER"));
  EXPECT_THAT(get("/v1/ps", {{"workloads", "1"}})->body, HasSubstr("WORKLOAD"));
  const auto json = get("/v1/ps", {{"output", "json"}});
  EXPECT_EQ(nlohmann::json::parse(json->body)["containers"].size(), 1u);
}

TEST_F(SocketTest, AnswersPsOfOneNamespace) {
  start_or_fail();
  agent_.state.containers = {
      test::make_container("a", "web"), test::make_container("b", "web"),
      test::make_container("c", "web"), test::make_container("d", "web")};
  agent_.state.containers.edit(0).info.pod_namespace = "shop";
  agent_.state.containers.edit(0).info.pod = "web-1";
  agent_.state.containers.edit(1).info.space = "shop";
  agent_.state.containers.edit(2).info.space = "default";
  for (const auto& [space, ids] :
       {std::pair<const char*, std::vector<std::string>>{"shop", {"a", "b"}},
        {"default", {"c"}},
        {"none", {}}}) {
    const auto reply =
        get("/v1/ps", {{"output", "json"}, {"namespace", space}});
    const auto json = nlohmann::json::parse(reply->body);
    std::vector<std::string> shown;
    for (const auto& one : json["containers"]) {
      shown.push_back(one["id"]);
    }
    EXPECT_EQ(shown, ids) << space;
  }
  EXPECT_THAT(get("/v1/ps", {{"namespace", "shop"}})->body,
              HasSubstr("2 containers"));
  EXPECT_EQ(get("/v1/ps", {{"namespace", "a\nb"}})->notice,
            "No containers are running here, in namespace \"a\\nb\".");
}

TEST_F(SocketTest, AnswersPsOfThoseThatAreAskedFor) {
  start_or_fail();
  agent_.state.containers = {test::make_container("a", "web"),
                             test::make_container("b", "shop"),
                             test::make_container("c", "web-2")};
  agent_.state.containers.edit(1).running = false;
  DiffAnswer last;
  last.container = test::make_container("d", "old");
  last.gone = Gone{.since = test::kNoon, .as_of = test::kNoon};
  agent_.gone_containers->containers = {last};
  const auto ids = [&](Parameters parameters) {
    parameters.emplace("output", "id");
    return get("/v1/ps", parameters)->body;
  };
  EXPECT_EQ(ids({}), "a\nc\n");
  EXPECT_EQ(ids({{"all", "1"}}), "a\nb\nc\nd\n");
  EXPECT_EQ(ids({{"filter", "name=web"}, {"sort", "-name"}}), "c\na\n");
  EXPECT_EQ(agent_.scans, 3);
  EXPECT_EQ(ids({{"scan", "0"}}), "a\nc\n");
  EXPECT_EQ(agent_.scans, 3);
  const auto json = nlohmann::json::parse(
      get("/v1/ps", {{"output", "json"}, {"all", "1"}})->body)["containers"];
  EXPECT_FALSE(json[0].contains("gone"));
  EXPECT_TRUE(json[3]["gone"]["seen"]);
  EXPECT_EQ(get("/v1/ps", {{"filter", "name=x"}})->notice,
            "No running container matches the filter.");
}

TEST_F(SocketTest, SaysWhichLastStatesCannotBeRead) {
  start_or_fail();
  agent_.gone_containers->unread = 1;
  agent_.gone_containers->why = "of 1 that is gone: I/O error";
  EXPECT_EQ(get("/v1/ps", {{"all", "1"}})->notice,
            "No containers are known here. of 1 that is gone: I/O error");
  agent_.gone_containers = fail("no permission", EACCES);
  EXPECT_FALSE(get("/v1/ps", {{"all", "1"}}));
  EXPECT_TRUE(get("/v1/ps", {}));
}

TEST_F(SocketTest, AnswersDiffWithItsState) {
  start_or_fail();
  agent_.answer = test::make_diff();
  const auto raw =
      get("/v1/diff", {{"output", "docker"}, {"container", "a b&c\xff"}});
  ASSERT_TRUE(raw) << raw.error().message;
  EXPECT_EQ(raw->body, "A /etc/x\nC /\xff\n\n");
  EXPECT_EQ(raw->state, ContainerState::mutated);
  EXPECT_EQ(agent_.asked_container, "a b&c\xff");
  const auto json = get("/v1/diff", {{"output", "json"}, {"container", "web"}});
  EXPECT_EQ(nlohmann::json::parse(json->body)["state"], "mutated");
}

TEST_F(SocketTest, SaysOfADiffThatItsContainerIsGone) {
  start_or_fail();
  agent_.answer = test::make_diff();
  agent_.answer->container.info.name = "w\nb";
  const WallTime hour_ago{wall_now().ns - 3'600'000'000'000};
  agent_.answer->gone = Gone{.since = hour_ago, .as_of = hour_ago};
  const auto seen = get("/v1/diff", {{"output", "table"}, {"container", "w"}});
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(seen->notice, "\"w\\nb\" is gone since " +
                              rfc3339(hour_ago).substr(0, 19) +
                              "Z, 1h00m ago: this is its last state");
  EXPECT_EQ(seen->state, ContainerState::mutated);
  agent_.answer->gone->seen = false;
  agent_.answer->gone->left_out = 7;
  const auto unseen = get("/v1/diff", {{"output", "json"}, {"container", "w"}});
  EXPECT_THAT(unseen->notice, HasSubstr("went unseen after that"));
  EXPECT_THAT(unseen->notice, HasSubstr("7 lines"));
  const auto gone = nlohmann::json::parse(unseen->body)["gone"];
  EXPECT_EQ(gone["seen"], false);
  EXPECT_EQ(gone["left_out"], 7);
  EXPECT_EQ(gone["since"], rfc3339(hour_ago));
}

TEST_F(SocketTest, HandsALargeDiffOnAsItComes) {
  DiffAnswer diff = test::make_diff();
  for (int i = 0; i < 5000; ++i) {
    diff.changes.push_back(
        test::make_change("/" + std::to_string(i), Verdict::violation));
  }
  const std::string expected = whole(jsonl::diff_listing(diff)) + '\n';
  agent_.answer = diff;
  std::string all;
  std::size_t pieces = 0;
  start_or_fail();
  const auto reply =
      Client(path_).get("/v1/diff", {{"container", "web"}, {"output", "json"}},
                        [&](std::string_view piece) {
                          all.append(piece);
                          ++pieces;
                          return true;
                        });
  ASSERT_TRUE(reply);
  EXPECT_EQ(all, expected);
  EXPECT_GT(pieces, 1u);
  EXPECT_EQ(reply->state, ContainerState::mutated);
  EXPECT_TRUE(reply->body.empty());
}

TEST_F(SocketTest, ReportsErrorsWithTheirFix) {
  start_or_fail();
  agent_.answer = fail("no container \x1b[31m'x'", ENOENT);
  const auto reply = get("/v1/diff", {{"container", "x"}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message,
            "no container \\x1b[31m'x': No such file or directory (see which "
            "containers there are with: stillframe ps)");
}

TEST_F(SocketTest, PointsToTheLogWhenNobodyAskedWrongly) {
  start_or_fail();
  agent_.answer = fail("the scan failed", EIO);
  EXPECT_EQ(get("/v1/diff", {{"container", "x"}}).error().message,
            "the scan failed: Input/output error (see the agent's log, and "
            "'stillframe doctor')");
}

TEST_F(SocketTest, SaysWhyItCannotAnswerYetOrAnyMore) {
  start_or_fail();
  struct Case {
    AgentPhase phase;
    const char* expected;
  };
  const Case cases[] = {
      {{AgentPhase::Name::starting, "attaching the sensors"},
       "the agent is starting: attaching the sensors (try again in a moment)"},
      {{AgentPhase::Name::stopping, ""},
       "the agent is stopping (start it again with: stillframe run (as "
       "root))"}};
  const std::pair<const char*, Parameters> requests[] = {
      {"/v1/ps", {}},
      {"/v1/diff", {{"container", "web"}}},
      {"/v1/policy/explain", {{"container", "web"}, {"path", "/x"}}},
      {"/v1/policy/suggest", {{"workload", "shop"}}}};
  for (const auto& c : cases) {
    agent_.in_phase = c.phase;
    for (const auto& [endpoint, parameters] : requests) {
      const auto reply = get(endpoint, parameters);
      ASSERT_FALSE(reply) << endpoint;
      EXPECT_EQ(reply.error().message, c.expected) << endpoint;
    }
  }
}

TEST_F(SocketTest, RefusesBadRequests) {
  start_or_fail();
  const Parameters bad[] = {
      {{"output", "xml"}},    {{"width", "-1"}},   {{"width", "99999999"}},
      {{"color", "red"}},     {{"follow", "yes"}}, {{"since", "yesterday"}},
      {{"unknown", "thing"}}, {{"all", "yes"}},    {{"sort", "size"}},
      {{"filter", "a=b"}},    {{"whole", "2"}},    {{"scan", ""}},
  };
  for (const auto& parameters : bad) {
    EXPECT_FALSE(get("/v1/ps", parameters)) << parameters.begin()->first;
  }
  EXPECT_FALSE(get("/v1/diff", {}));
  EXPECT_FALSE(get("/v1/nothing", {}));
}

TEST_F(SocketTest, AnswersDoctor) {
  start_or_fail();
  EXPECT_TRUE(
      nlohmann::json::parse(get("/v1/doctor", {{"output", "json"}})->body)
          .contains("sensors"));
}

TEST_F(SocketTest, ExplainsAPath) {
  ExplainAnswer answer;
  answer.container.name = "web";
  answer.path = "/var/log/x";
  answer.policy_file = "/p.yaml";
  answer.verdicts = {{.mutation_class = Class::content,
                      .kinds = {},
                      .origins = {Origin::workload},
                      .verdict = Verdict::allowed,
                      .rule = "logs",
                      .line = 7,
                      .why = "its own"}};
  agent_.explanation = answer;
  start_or_fail();
  const auto json = get(
      "/v1/policy/explain",
      {{"container", "web"}, {"path", "/var/log/\xff"}, {"output", "json"}});
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(agent_.asked_path, "/var/log/\xff");
  const auto value = nlohmann::json::parse(json->body);
  EXPECT_EQ(value["verdicts"][0]["rule"], "logs");
  EXPECT_EQ(value["verdicts"][0]["line"], 7);
  EXPECT_EQ(value["now"], nullptr);
  const auto table =
      get("/v1/policy/explain", {{"container", "web"}, {"path", "/x"}});
  ASSERT_TRUE(table);
  EXPECT_NE(table->body.find("logs (/p.yaml:7)"), std::string::npos);
  EXPECT_NE(table->body.find("now: as in the image"), std::string::npos);
  EXPECT_EQ(value["mount"], nullptr);
  EXPECT_EQ(value["exists"], nullptr);

  agent_.explanation->exists = false;
  const auto absent =
      get("/v1/policy/explain", {{"container", "web"}, {"path", "/x"}});
  ASSERT_TRUE(absent);
  EXPECT_NE(absent->body.find("now: there is no such path"), std::string::npos);

  agent_.explanation->mount = MountPoint{"/da\nta", "ext4", true};
  const auto mounted =
      get("/v1/policy/explain", {{"container", "web"}, {"path", "/x"}});
  ASSERT_TRUE(mounted);
  EXPECT_NE(mounted->body.find(
                "on a volume: \"/da\\nta\" (ext4), read-only. What changes"),
            std::string::npos)
      << mounted->body;
  EXPECT_FALSE(get("/v1/policy/explain", {{"container", "web"}}));
}

TEST_F(SocketTest, NamesWhatItKnowsWithoutAScan) {
  Snapshot state;
  std::vector<ContainerView> views(3);
  views[0].info.id = "aaaa";
  views[0].info.name = "web";
  views[0].info.image = "shop:1";
  views[0].info.workload = "shop";
  views[0].info.labels = {{"tier", "front"}};
  views[0].state = ContainerState::mutated;
  views[1].info.id = "bbbb";
  views[1].info.name = "da\"b";
  views[2].info.id = "cccc";
  views[2].info.name = "worker";
  views[2].info.workload = "shop";
  for (const auto& view : views) state.containers.push_back(view);
  agent_.state = state;
  start_or_fail();
  const auto names = [&](const std::string& of, const std::string& prefix) {
    const auto reply = get("/v1/names", {{"of", of}, {"prefix", prefix}});
    return reply ? nlohmann::json::parse(reply->body) : nlohmann::json();
  };
  EXPECT_EQ(names("containers", ""),
            nlohmann::json::parse(
                R"([{"name":"bbbb","about":"unknown, "},
                    {"name":"web","about":"mutated, shop:1"},
                    {"name":"worker","about":"unknown, "}])"));
  EXPECT_EQ(names("containers", "wo").size(), 1u);
  EXPECT_EQ(names("workloads", ""),
            nlohmann::json::parse(R"([{"name":"shop","about":""}])"));
  EXPECT_EQ(names("namespaces", ""), nlohmann::json::array());
  EXPECT_EQ(names("names", "w"),
            nlohmann::json::parse(R"([{"name":"web","about":"shop:1"},
                                      {"name":"worker","about":""}])"));
  EXPECT_EQ(names("ids", "c"),
            nlohmann::json::parse(R"([{"name":"cccc","about":"worker"}])"));
  EXPECT_EQ(names("images", ""),
            nlohmann::json::parse(R"([{"name":"shop:1","about":""}])"));
  EXPECT_EQ(names("pods", ""), nlohmann::json::array());
  EXPECT_EQ(names("labels", ""),
            nlohmann::json::parse(R"([{"name":"tier=front","about":""}])"));
  EXPECT_FALSE(get("/v1/names", {{"of", "secrets"}}));
}

TEST_F(SocketTest, ExplainsAPathHoweverItIsWritten) {
  agent_.explanation = ExplainAnswer{};
  start_or_fail();
  const std::pair<const char*, const char*> written[] = {
      {"/etc//motd", "/etc/motd"},
      {"/etc/./motd", "/etc/motd"},
      {"/srv/", "/srv"},
      {"//srv/.//www/./", "/srv/www"},
      {"/", "/"},
      {"//", "/"},
      {"/a/..b/...", "/a/..b/..."}};
  for (const auto& [asked, path] : written) {
    EXPECT_TRUE(
        get("/v1/policy/explain", {{"container", "web"}, {"path", asked}}))
        << asked;
    EXPECT_EQ(agent_.asked_path, path) << asked;
  }
  agent_.asked_path.clear();
  for (const char* bad : {"/../etc/passwd", "/srv/..", "etc/passwd", ""}) {
    EXPECT_FALSE(
        get("/v1/policy/explain", {{"container", "web"}, {"path", bad}}))
        << bad;
  }
  EXPECT_EQ(agent_.asked_path, "");
}

TEST_F(SocketTest, SuggestsRules) {
  agent_.suggestion = "version: 1\n";
  start_or_fail();
  const auto reply = get("/v1/policy/suggest", {{"workload", "shop"}});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "version: 1\n");
  EXPECT_EQ(agent_.asked_workload, "shop");
  EXPECT_FALSE(get("/v1/policy/suggest", {}));
}

// Of events in lines of JSON.
std::vector<std::uint64_t> numbers(const std::string& lines) {
  std::vector<std::uint64_t> found;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    found.push_back(nlohmann::json::parse(line).at("seq"));
  }
  return found;
}

TEST_F(SocketTest, GivesPastEventsAndEnds) {
  start_or_fail();
  agent_.queue->push(test::make_event(1, "3f2a"));
  agent_.queue->push(test::make_event(2, "bbbb"));
  const auto reply = get(
      "/v1/events", {{"output", "json"}, {"since", "2026-11-22T12:00:00Z"}});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_THAT(numbers(reply->body), ElementsAre(1, 2));
  EXPECT_EQ(agent_.asked_since, (WallTime{test::kNoon.ns - 1}));
}

TEST_F(SocketTest, FiltersEventsByContainer) {
  start_or_fail();
  agent_.queue->push(test::make_event(1, "3f2a"));
  agent_.queue->push(test::make_event(2, "bbbb"));
  agent_.queue->push(StreamEvent{});
  const auto reply =
      get("/v1/events", {{"output", "json"}, {"container", "bb"}});
  EXPECT_THAT(numbers(reply->body), ElementsAre(2));
}

TEST_F(SocketTest, RefusesAnAmbiguousEventFilter) {
  start_or_fail();
  agent_.state.containers = {test::make_container("3f2a", "a"),
                             test::make_container("3f2b", "b")};
  const auto reply = get("/v1/events", {{"container", "3f2"}});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("2 containers' ids"));
}

TEST_F(SocketTest, AnIdInTwoNamespacesHasToBeSaidWithOneOfThem) {
  start_or_fail();
  agent_.state.containers = {test::make_container("3f2a", "a"),
                             test::make_container("3f2a", "b")};
  agent_.state.containers.edit(0).info.space = "default";
  agent_.state.containers.edit(1).info.space = "other";
  const auto reply = get("/v1/events", {{"container", "3f2a"}});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message,
              HasSubstr("several containers (default/3f2a, other/3f2a)"));
  auto event = test::make_event(1, "3f2a");
  auto container = *event.container;
  container.space = "other";
  event.container = std::make_shared<const ContainerInfo>(container);
  agent_.queue->push(test::make_event(2, "3f2a"));
  agent_.queue->push(event);
  const auto one =
      get("/v1/events", {{"output", "json"}, {"container", "other/3f2a"}});
  EXPECT_THAT(numbers(one->body), ElementsAre(1));
}

TEST_F(SocketTest, ReportsToASlowListenerWhatItLost) {
  start_or_fail();
  agent_.queue->dropped = 5;
  EXPECT_THAT(get("/v1/events", {{"output", "compact"}})->body,
              HasSubstr("agent events_lost  this listener was too slow x5\n"));
}

TEST_F(SocketTest, FollowsEventsUntilTheListenerGoes) {
  start_or_fail();
  std::string seen;
  agent_.queue->push(test::make_event(1, "3f2a"));
  const auto done =
      Client(path_).stream("/v1/events", {{"output", "json"}, {"follow", "1"}},
                           [&](std::string_view piece) {
                             seen += piece;
                             if (std::ranges::count(seen, '\n') == 1) {
                               agent_.queue->push(test::make_event(2, "3f2a"));
                             }
                             return seen.find("\"seq\":2") == std::string::npos;
                           });
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_THAT(numbers(seen), ElementsAre(1, 2));
  EXPECT_TRUE(agent_.queue->wait_for_listeners(0));
}

TEST_F(SocketTest, EndsStreamsWhenTheAgentStops) {
  start_or_fail();
  std::thread listener([&] {
    static_cast<void>(
        Client(path_).stream("/v1/events", {{"follow", "1"}},
                             [](std::string_view) { return true; }));
  });
  EXPECT_TRUE(agent_.queue->wait_for_listeners(1));
  agent_.queue->close();
  server_.reset();
  listener.join();
  EXPECT_TRUE(agent_.queue->wait_for_listeners(0));
}

TEST_F(SocketTest, ServesOthersNextToManyListeners) {
  start_or_fail();
  std::vector<std::thread> listeners;
  for (int i = 0; i < 20; ++i) {
    listeners.emplace_back([&] {
      static_cast<void>(
          Client(path_).stream("/v1/events", {{"follow", "1"}},
                               [](std::string_view) { return true; }));
    });
  }
  EXPECT_TRUE(agent_.queue->wait_for_listeners(20));
  EXPECT_TRUE(get("/v1/ping", {}));
  agent_.queue->close();
  for (auto& listener : listeners) listener.join();
}

// Those that never read count, too: what they were to read is bounded, and
// connections are left for whoever asks for something else.
TEST_F(SocketTest, LeavesConnectionsBesidesTooManyListeners) {
  start_or_fail();
  constexpr std::size_t kMost = 256;
  std::vector<Fd> listeners;
  int first_refused = -1;
  while (first_refused < 0 && listeners.size() <= kMost) {
    listeners.push_back(connected());
    const std::string_view request = "GET /v1/events?follow=1 HTTP/1.1\r\n\r\n";
    ASSERT_EQ(::send(listeners.back(), request.data(), request.size(), 0),
              static_cast<ssize_t>(request.size()));
    char status[13] = {};
    ASSERT_EQ(::recv(listeners.back(), status, 12, MSG_WAITALL), 12);
    if (status != std::string("HTTP/1.1 200")) {
      EXPECT_STREQ(status, "HTTP/1.1 503");
      first_refused = static_cast<int>(listeners.size());
    }
  }
  EXPECT_GT(first_refused, 20);
  const auto refused = get("/v1/events", {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("too many clients follow"));
  EXPECT_TRUE(get("/v1/ping", {}));
  agent_.queue->push(test::make_event(1, "3f2a"));
  EXPECT_TRUE(get("/v1/ping", {}));
  server_.reset();
  EXPECT_TRUE(agent_.queue->wait_for_listeners(0));
}

TEST_F(SocketTest, SaysHowToStartAnAgent) {
  EXPECT_EQ(get("/v1/ps", {}).error().message,
            "cannot reach the agent at " + path_ +
                ": is it running? Start it with: stillframe run (as root)");
}

TEST(Unreachable, NamesPermissions) {
  EXPECT_THAT(unreachable("/s", {EACCES, ""}).message,
              HasSubstr("permission denied"));
}

}  // namespace
}  // namespace stillframe::socket_api
