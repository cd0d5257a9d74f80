// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "tests/unit/exporters/fake_agent.h"
#include "tests/unit/exporters/raw_client.h"

namespace stillframe::metrics {
namespace {

using testing::HasSubstr;

Result<std::unique_ptr<HttpServer>> start_on(const AgentApi& agent,
                                             const ListenAddress& address) {
  WebOptions options;
  options.listen = {address};
  return HttpServer::start(agent, options);
}

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = HttpServer::start(
        agent_, {.listen = {{"127.0.0.1", 0}, {"127.0.0.1", 0}},
                 .systemd_socket = false,
                 .telemetry_path = "/m",
                 .max_containers = 10,
                 .build = {.version = "1.2", .revision = "r"}});
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }

  httplib::Result get(const std::string& path, std::size_t which = 0) {
    httplib::Client client("127.0.0.1", server_->addresses()[which].port);
    return client.Get(path);
  }

  test::FakeAgent agent_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ServesMetricsOnEveryAddress) {
  for (const std::size_t which : {0u, 1u}) {
    const auto response = get("/m", which);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->get_header_value("Content-Type"),
              "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_THAT(response->body, HasSubstr("stillframe_build_info{"));
  }
}

TEST_F(HttpServerTest, ServesALandingPageWithLinks) {
  const auto response = get("/");
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, HasSubstr("<a href=\"/m\">"));
  EXPECT_THAT(response->body, HasSubstr("Version 1.2"));
}

TEST_F(HttpServerTest, TheLandingPageCountsAndNamesNoContainer) {
  agent_.in_phase = {AgentPhase::Name::starting, "scanning <b>", test::kNoon};
  agent_.state.containers = {test::make_container("3f2a", "secret-name"),
                             test::make_container("bbbb", "other")};
  agent_.state.containers.edit(1).state = ContainerState::mutated;
  agent_.state.sensors = {{.sensor = "files",
                           .implementation = "fexit <overlay>",
                           .coverage = Coverage::events,
                           .reason = "",
                           .fix = "",
                           .tried = {}}};
  const auto response = get("/");
  ASSERT_TRUE(response);
  for (const char* part :
       {"The agent is starting: scanning &lt;b&gt; since "
        "2026-11-22T12:00:00Z.",
        "<tr><td>still</td><td>1</td></tr>",
        "<tr><td>mutated</td><td>1</td></tr>",
        "<tr><td>unknown</td><td>0</td></tr>",
        "<tr><td>files</td><td>events</td><td>fexit &lt;overlay&gt;</td></tr>",
        "Version 1.2 (r)"}) {
    EXPECT_THAT(response->body, HasSubstr(part));
  }
  EXPECT_THAT(response->body, testing::Not(HasSubstr("secret-name")));
}

TEST_F(HttpServerTest, SpeaksOpenMetricsToThoseWhoAskForIt) {
  httplib::Client client("127.0.0.1", server_->addresses()[0].port);
  // Each in turn: a rendering of the one is not given for the other.
  for (int i = 0; i < 2; ++i) {
    auto response = client.Get(
        "/m", {{"Accept", "application/openmetrics-text;version=1.0.0"}});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->get_header_value("Content-Type"),
              "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_TRUE(response->body.ends_with("\n# EOF\n"));
    EXPECT_THAT(response->body,
                HasSubstr("\n# TYPE stillframe_events counter\n"));
    EXPECT_THAT(response->body, HasSubstr("\nstillframe_events_total 0\n"));
    response = client.Get("/m", {{"Accept", "text/plain"}});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->get_header_value("Content-Type"),
              "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_THAT(response->body, testing::Not(HasSubstr("# EOF")));
  }
}

TEST_F(HttpServerTest, ReportsHealthAndReadiness) {
  for (const char* path : {"/-/healthy", "/healthz"}) {
    agent_.is_healthy = true;
    EXPECT_EQ(get(path)->status, 200) << path;
    agent_.is_healthy = false;
    EXPECT_EQ(get(path)->status, 503) << path;
  }
  for (const char* path : {"/-/ready", "/readyz"}) {
    agent_.state.ready = false;
    agent_.in_phase = {AgentPhase::Name::starting, "attaching the sensors"};
    EXPECT_EQ(get(path)->status, 503) << path;
    EXPECT_EQ(get(path)->body,
              "not ready: the agent is starting: attaching the sensors\n");
    agent_.state.ready = true;
    EXPECT_EQ(get(path)->status, 200) << path;
  }
}

TEST_F(HttpServerTest, RefusesTheRest) {
  EXPECT_EQ(get("/nothing")->status, 404);
  EXPECT_EQ(get("/v1/ps")->status, 404);
  EXPECT_EQ(get("/" + std::string(5000, 'a'))->status, 404);
  httplib::Client client("127.0.0.1", server_->addresses()[0].port);
  EXPECT_EQ(client.Post("/m", "x", "text/plain")->status, 405);
}

TEST_F(HttpServerTest, AnswersHeadWithTheLengthAlone) {
  httplib::Client client("127.0.0.1", server_->addresses()[0].port);
  const auto response = client.Head("/m");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_NE(response->get_header_value("Content-Length"), "0");
}

TEST_F(HttpServerTest, CompressesWithGzipOnly) {
  struct {
    const char* accepted;
    const char* encoding;
  } const cases[] = {
      {"br", ""}, {"identity", ""}, {"gzip", "gzip"}, {"br, gzip", "gzip"}};
  for (const auto& each : cases) {
    httplib::Client client("127.0.0.1", server_->addresses()[0].port);
    client.set_decompress(false);
    const auto response =
        client.Get("/m", {{"Accept-Encoding", each.accepted}});
    ASSERT_TRUE(response) << each.accepted;
    EXPECT_EQ(response->get_header_value("Content-Encoding"), each.encoding)
        << each.accepted;
  }
}

TEST_F(HttpServerTest, KeepsAConnectionOverAScrapeInterval) {
  test::RawClient client(server_->addresses()[0].port);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.send("GET /-/healthy HTTP/1.1\r\n\r\n"));
    EXPECT_THAT(client.receive_until("healthy\n"),
                HasSubstr("Keep-Alive: timeout=120, max=1000\r\n"));
  }
}

// A rendering is used again only while the snapshot is the same.
TEST_F(HttpServerTest, ShowsANewSnapshotAtTheNextScrape) {
  EXPECT_THAT(get("/m")->body, testing::Not(HasSubstr("3f2a")));
  agent_.state.containers = {test::make_container("3f2a", "web")};
  EXPECT_THAT(get("/m")->body, HasSubstr("3f2a"));
}

TEST_F(HttpServerTest, NamesAPortThatIsTaken) {
  const ListenAddress taken = server_->addresses()[0];
  const auto second = start_on(agent_, taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_THAT(second.error().message, HasSubstr(to_string(taken)));
  EXPECT_THAT(second.error().message, HasSubstr("--web.listen-address"));
}

TEST_F(HttpServerTest, FreesItsPortWhenItStops) {
  const ListenAddress address = server_->addresses()[0];
  server_.reset();
  EXPECT_TRUE(start_on(agent_, address));
}

TEST(HttpServerAddresses, NamesOneThatIsNotOurs) {
  test::FakeAgent agent;
  const auto server = start_on(agent, {"192.0.2.1", 12015});
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("192.0.2.1:12015"));
}

TEST(HttpServerAddresses, ListensOnAllWithoutAHost) {
  test::FakeAgent agent;
  const auto server = start_on(agent, {"", 0});
  ASSERT_TRUE(server) << server.error().message;
  httplib::Client client("127.0.0.1", (*server)->addresses()[0].port);
  const auto response = client.Get("/metrics");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
}

}  // namespace
}  // namespace stillframe::metrics
