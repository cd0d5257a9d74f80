// SPDX-License-Identifier: Apache-2.0
//
// The server of metrics with a configuration, spoken to by another library's
// client where there is one.
#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <csignal>
#include <future>
#include <list>

#include "agent/base/file.h"
#include "exporters/prometheus/http_server.h"
#include "tests/unit/exporters/fake_agent.h"
#include "tests/unit/exporters/raw_client.h"
#include "tests/unit/journal/scratch_directory.h"
#include "tests/unit/web/certificates.h"

namespace stillframe::web {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kTls[] =
    "tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n";

class WebServerTest : public testing::Test {
 protected:
  // OpenSSL writes to clients that have gone.
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    const auto identity = test::make_identity("server", "DNS:localhost");
    write("c.pem", identity.certificate_pem());
    write("k.pem", identity.key_pem());
  }
  std::string path(const std::string& name) {
    return directory_.path() + '/' + name;
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(path(name), text));
  }
  void start(const std::string& config) {
    write("web.yml", config);
    auto opened = Configuration::open(path("web.yml"));
    ASSERT_TRUE(opened) << opened.error().message;
    metrics::WebOptions options;
    options.listen = {{"127.0.0.1", 0}};
    options.configuration = std::move(*opened);
    configuration_ = options.configuration;
    auto started = metrics::HttpServer::start(agent_, options);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
    port_ = server_->addresses()[0].port;
  }
  std::unique_ptr<httplib::SSLClient> client(const std::string& identity = "") {
    auto made = identity.empty()
                    ? std::make_unique<httplib::SSLClient>("127.0.0.1", port_)
                    : std::make_unique<httplib::SSLClient>(
                          "127.0.0.1", port_, path(identity + "-c.pem"),
                          path(identity + "-k.pem"));
    made->enable_server_certificate_verification(false);
    return made;
  }
  void add_identity(const std::string& name, const test::Identity& identity) {
    write(name + "-c.pem", identity.certificate_pem());
    write(name + "-k.pem", identity.key_pem());
  }
  bool is_served(const std::string& identity) {
    const auto response = client(identity)->Get("/-/healthy");
    return response && response->status == 200;
  }

  journal::ScratchDirectory directory_;
  test::FakeAgent agent_;
  std::shared_ptr<Configuration> configuration_;
  std::unique_ptr<metrics::HttpServer> server_;
  int port_ = 0;
};

TEST_F(WebServerTest, ServesOverTlsAgainAndAgain) {
  start(kTls);
  for (int i = 0; i < 300; ++i) {
    agent_.state.containers.push_back(
        test::make_container("id" + std::to_string(i), std::string(400, 'n')));
  }
  const auto connection = client();
  connection->set_keep_alive(true);
  for (int i = 0; i < 3; ++i) {
    const auto response = connection->Get("/metrics");
    ASSERT_TRUE(response) << to_string(response.error());
    EXPECT_EQ(response->status, 200);
    EXPECT_THAT(response->body, HasSubstr("id299"));
    EXPECT_GT(response->body.size(), 200'000u);
  }
}

// More than the server takes in of a connection at once, in one TLS record.
TEST_F(WebServerTest, AnswersAllRequestsOfOneRecord) {
  start(kTls);
  std::string requests;
  constexpr int kRequests = 200;
  for (int i = 0; i < kRequests; ++i) {
    requests +=
        "GET /-/healthy HTTP/1.1\r\nX: " + std::string(40, 'x') + "\r\n\r\n";
  }
  ASSERT_GT(requests.size(), 13u << 10);
  ASSERT_LT(requests.size(), 16u << 10);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> to(
      BIO_new_ssl_connect(context.get()), BIO_free_all);
  BIO_set_conn_hostname(to.get(),
                        ("127.0.0.1:" + std::to_string(port_)).c_str());
  ASSERT_EQ(
      BIO_write(to.get(), requests.data(), static_cast<int>(requests.size())),
      static_cast<int>(requests.size()));
  std::string answers;
  int found = 0;
  while (found < kRequests) {
    char bytes[4096];
    const int count = BIO_read(to.get(), bytes, sizeof bytes);
    ASSERT_GT(count, 0) << "after " << found << " answers";
    answers.append(bytes, static_cast<std::size_t>(count));
    found = 0;
    for (auto at = answers.find("\nhealthy\n"); at != std::string::npos;
         at = answers.find("\nhealthy\n", at + 1)) {
      ++found;
    }
  }
}

TEST_F(WebServerTest, ManyHalfDoneHandshakesHinderNobody) {
  start(kTls);
  std::list<test::RawClient> silent;
  for (int i = 0; i < 100; ++i) {
    silent.emplace_back(static_cast<std::uint16_t>(port_));
    // A record that says it is longer than what comes: half of a ClientHello.
    if (i % 2 == 0) {
      ASSERT_TRUE(silent.back().send({"\x16\x03\x01\x02\x00\x01", 6}));
    }
  }
  for (int i = 0; i < 10; ++i) {
    const auto response = client()->Get("/metrics");
    ASSERT_TRUE(response) << to_string(response.error());
    EXPECT_EQ(response->status, 200);
  }
  for (auto& each : silent) EXPECT_FALSE(each.has_ended_already());
}

TEST_F(WebServerTest, TellsWhoSpeaksPlainHttp) {
  start(kTls);
  test::RawClient plain(static_cast<std::uint16_t>(port_));
  ASSERT_TRUE(plain.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto answer = plain.receive_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("https://"));
  EXPECT_EQ(configuration_->state().handshakes_refused, 1u);
}

TEST_F(WebServerTest, TakesTheClientsThatThePolicySays) {
  const auto authority = test::make_identity("authority", "");
  const auto other = test::make_identity("other", "");
  write("ca.pem", authority.certificate_pem());
  add_identity("known",
               test::make_identity("known", "DNS:a.example", &authority));
  add_identity("strange",
               test::make_identity("strange", "DNS:a.example", &other));
  struct {
    const char* policy;
    bool nobody, known, strange;
  } const cases[] = {
      {"NoClientCert", true, true, true},
      {"RequestClientCert", true, true, true},
      {"RequireAnyClientCert", false, true, true},
      {"VerifyClientCertIfGiven", true, true, false},
      {"RequireAndVerifyClientCert", false, true, false},
  };
  for (const auto& each : cases) {
    const bool asks = std::string(each.policy) != "NoClientCert";
    start(kTls + std::string("  client_auth_type: ") + each.policy +
          (asks ? "\n  client_ca_file: ca.pem\n" : "\n"));
    EXPECT_EQ(is_served(""), each.nobody) << each.policy;
    EXPECT_EQ(is_served("known"), each.known) << each.policy;
    EXPECT_EQ(is_served("strange"), each.strange) << each.policy;
  }
}

TEST_F(WebServerTest, TakesOnlyNamesThatAreAllowed) {
  const auto authority = test::make_identity("authority", "");
  write("ca.pem", authority.certificate_pem());
  const std::pair<const char*, bool> cases[] = {
      {"DNS:scraper.example", true},
      {"DNS:other.example,DNS:scraper.example", true},
      {"IP:192.0.2.7", true},
      {"IP:2001:db8:0:0:0:0:0:1", true},
      {"email:a@b.example", true},
      {"URI:spiffe://a/b", true},
      {"", false},
      {"DNS:scraper.example.org", false},
      {"DNS:Scraper.example", false},
      {"IP:192.0.2.8", false},
      {"email:scraper.example", true},  // names of all sorts, as in the format
  };
  start(kTls + std::string(R"(  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans:
    [scraper.example, 192.0.2.7, '2001:db8::1', a@b.example, 'spiffe://a/b']
)"));
  for (const auto& [san, allowed] : cases) {
    add_identity("client",
                 test::make_identity("scraper.example", san, &authority));
    EXPECT_EQ(is_served("client"), allowed) << san;
  }
}

// Whoever connects and says nothing gives way to who does.
TEST_F(WebServerTest, BoundsThoseThatShakeHands) {
  start(kTls);
  std::list<test::RawClient> silent;
  for (int i = 0; i < 200; ++i) silent.emplace_back(port_);
  EXPECT_TRUE(is_served(""));
  // The oldest have gone, and the newest may still speak.
  EXPECT_TRUE(silent.front().has_ended_already());
  EXPECT_FALSE(silent.back().has_ended_already());
}

class WebUsersTest : public WebServerTest {
 protected:
  // A hash of cost 4 is computed in a millisecond, one of 14 in seconds.
  static std::string user(const char* cost) {
    crypt_data work{};
    const std::string setting =
        std::string("$2y$") + cost + "$abcdefghijklmnopqrstuu";
    return std::string("basic_auth_users:\n  alice: ") +
           ::crypt_r("right", setting.c_str(), &work) + '\n';
  }
};

TEST_F(WebUsersTest, AnswersThoseWhoKnowAPassword) {
  start(kTls + user("04"));
  for (const char* path : {"/metrics", "/", "/-/healthy", "/nothing"}) {
    const auto connection = client();
    auto response = connection->Get(path);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 401) << path;
    EXPECT_THAT(response->get_header_value("WWW-Authenticate"),
                StartsWith("Basic realm="));
    connection->set_basic_auth("alice", "wrong");
    EXPECT_EQ(connection->Get(path)->status, 401) << path;
    connection->set_basic_auth("alice", "right");
    EXPECT_NE(connection->Get(path)->status, 401) << path;
  }
  EXPECT_EQ(configuration_->state().without_credentials, 4u);
  EXPECT_EQ(configuration_->state().wrong_credentials, 4u);
}

// However many try: a hash that takes long is computed by one thread, and who
// is known already waits for none.
TEST_F(WebUsersTest, GuessingBlocksNobodyWhoIsKnown) {
  start(user("12"));
  httplib::Client known("127.0.0.1", port_);
  known.set_basic_auth("alice", "right");
  ASSERT_EQ(known.Get("/-/healthy")->status, 200);
  std::list<test::RawClient> guessing;
  for (int i = 0; i < 20; ++i) {
    guessing.emplace_back(static_cast<std::uint16_t>(port_));
    ASSERT_TRUE(guessing.back().send(
        "GET / HTTP/1.1\r\nAuthorization: Basic YWxpY2U6bm8=\r\n\r\n"));
  }
  for (int i = 0; i < 20; ++i) {
    const auto response = known.Get("/metrics");
    ASSERT_TRUE(response);
    ASSERT_EQ(response->status, 200);
  }
  // Else it was not shown that anybody would have had to wait.
  EXPECT_LT(configuration_->state().wrong_credentials, 20u);
}

TEST_F(WebServerTest, SendsTheHeadersOfTheConfiguration) {
  const std::string config =
      "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
  start(config +
        "    Content-Security-Policy: default-src 'self'\n"
        "    X-Content-Type-Options:\n");
  httplib::Client plain("127.0.0.1", port_);
  auto response = plain.Get("/metrics");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->get_header_value("X-Frame-Options"), "deny");
  EXPECT_EQ(response->get_header_value("Content-Security-Policy"),
            "default-src 'self'");
  EXPECT_FALSE(response->has_header("X-Content-Type-Options"));
  write("web.yml", config);
  response = plain.Get("/metrics");
  EXPECT_EQ(response->get_header_value("X-Content-Type-Options"), "nosniff");
}

}  // namespace
}  // namespace stillframe::web
