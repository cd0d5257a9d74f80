// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>

namespace stillframe::web {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr char kHash[] =
    "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

Config good(const std::string& text, const std::string& directory = "/etc/x") {
  auto reading = read_config(text, directory);
  EXPECT_THAT(describe("web.yml", reading.problems), IsEmpty());
  return reading.config.value_or(Config());
}

TEST(WebConfig, TakesAllThatIsSupported) {
  const Config config = good(std::string(R"(tls_server_config:
  cert_file: server.crt
  key_file: /keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca/clients.crt
  client_allowed_sans: [prometheus.example, 192.0.2.7]
  min_version: TLS12
  max_version: TLS13
  cipher_suites:
    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    - TLS_AES_128_GCM_SHA256
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
    Content-Security-Policy:
basic_auth_users:
  alice: )") + kHash + "\n  bob: '" +
                             kHash + "'\n");
  ASSERT_TRUE(config.tls);
  const TlsConfig& tls = *config.tls;
  EXPECT_EQ(tls.certificate.file, "/etc/x/server.crt");
  EXPECT_EQ(tls.key.file, "/keys/server.key");
  EXPECT_EQ(tls.client_ca.file, "/etc/x/ca/clients.crt");
  EXPECT_EQ(tls.client_auth, ClientAuth::require_and_verify);
  EXPECT_THAT(tls.client_allowed_sans,
              ElementsAre("prometheus.example", "192.0.2.7"));
  EXPECT_EQ(tls.min_version, TlsVersion::tls12);
  EXPECT_EQ(tls.max_version, TlsVersion::tls13);
  EXPECT_THAT(tls.cipher_suites,
              ElementsAre("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                          "TLS_AES_128_GCM_SHA256"));
  EXPECT_FALSE(tls.prefer_server_cipher_suites);
  EXPECT_THAT(tls.curves, ElementsAre("X25519", "P-256"));
  EXPECT_THAT(config.headers,
              ElementsAre(Pair("X-Frame-Options", "deny"),
                          Pair("Strict-Transport-Security", "max-age=31536000"),
                          Pair("Content-Security-Policy", "")));
  EXPECT_THAT(config.users,
              ElementsAre(Pair("alice", kHash), Pair("bob", kHash)));
}

TEST(WebConfig, AnEmptyFileAsksForNothing) {
  for (const char* text : {"", "# nothing\n", "---\n", "{}\n"}) {
    const Config config = good(text);
    EXPECT_FALSE(config.tls) << text;
    EXPECT_THAT(config.users, IsEmpty()) << text;
  }
}

TEST(WebConfig, DefaultsAreThoseOfTheFormat) {
  const Config config =
      good("tls_server_config: {cert_file: c, key_file: k}\n", "");
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->certificate.file, "c");
  EXPECT_EQ(config.tls->client_auth, ClientAuth::none);
  EXPECT_EQ(config.tls->min_version, TlsVersion::tls12);
  EXPECT_EQ(config.tls->max_version, TlsVersion::tls13);
  EXPECT_TRUE(config.tls->prefer_server_cipher_suites);
}

TEST(WebConfig, TakesPemInTheFileItself) {
  const Config config = good(
      "tls_server_config:\n  cert: |\n    A\n    B\n  key: K\n  client_ca: C\n"
      "  client_auth_type: VerifyClientCertIfGiven\n");
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->certificate.text, "A\nB\n");
  EXPECT_EQ(config.tls->certificate.file, "");
  EXPECT_EQ(config.tls->key.text, "K");
  EXPECT_EQ(config.tls->client_ca.text, "C");
}

TEST(WebConfig, EachPolicyForClientsHasItsName) {
  const std::pair<const char*, ClientAuth> cases[] = {
      {"NoClientCert", ClientAuth::none},
      {"RequestClientCert", ClientAuth::request},
      {"RequireAnyClientCert", ClientAuth::require_any},
      {"RequireClientCert", ClientAuth::require_any},
  };
  for (const auto& [name, auth] : cases) {
    const Config config =
        good(std::string("tls_server_config: {cert_file: c, key_file: k, "
                         "client_auth_type: ") +
             name + "}\n");
    ASSERT_TRUE(config.tls) << name;
    EXPECT_EQ(config.tls->client_auth, auth) << name;
  }
}

TEST(WebConfig, WarnsThatHttp2IsNotSpoken) {
  const auto reading = read_config("http_server_config: {http2: true}\n", "");
  EXPECT_TRUE(reading.config);
  EXPECT_THAT(describe("w", reading.problems),
              HasSubstr("w:1:29: warning: HTTP/2 is not spoken here"));
}

struct Bad {
  const char* name;
  std::string text;
  std::size_t line;
  std::size_t column;
  const char* message;
};

class BadWebConfig : public testing::TestWithParam<Bad> {};

TEST_P(BadWebConfig, IsNamedWithItsPlace) {
  const Bad& bad = GetParam();
  const auto reading = read_config(bad.text, "");
  EXPECT_FALSE(reading.config);
  ASSERT_EQ(reading.problems.size(), 1u) << describe("w", reading.problems);
  const Problem& problem = reading.problems.front();
  EXPECT_EQ(problem.line, bad.line);
  EXPECT_EQ(problem.column, bad.column);
  EXPECT_THAT(problem.message, HasSubstr(bad.message));
  EXPECT_FALSE(problem.hint.empty());
  EXPECT_FALSE(problem.warning);
}

std::string tls(const std::string& more) {
  return "tls_server_config:\n  cert_file: c\n  key_file: k\n  " + more + '\n';
}

std::string user(const std::string& name, const std::string& hash) {
  return "basic_auth_users:\n  " + name + ": " + hash + '\n';
}

INSTANTIATE_TEST_SUITE_P(
    All, BadWebConfig,
    testing::Values(
        Bad{"not_yaml", "tls_server_config: {", 1, 20, "end of map"},
        Bad{"not_a_map", "- x\n", 1, 1, "the file is a list"},
        Bad{"unknown_key", "tls_config: {}\n", 1, 1,
            "unknown key 'tls_config' in the file"},
        Bad{"rate_limit", "rate_limit: {burst: 1}\n", 1, 1,
            "unknown key 'rate_limit'"},
        Bad{"twice", "http_server_config: {}\nhttp_server_config: {}\n", 2, 1,
            "is given twice"},
        Bad{"tls_is_nothing", "tls_server_config:\n", 1, 1,
            "tls_server_config is nothing"},
        Bad{"no_certificate", "tls_server_config: {key_file: k}\n", 1, 20,
            "without a certificate"},
        Bad{"no_key", "tls_server_config:\n  cert_file: c\n", 2, 3,
            "without a key"},
        Bad{"empty_file_name",
            "tls_server_config: {cert_file: c, key_file: k, "
            "client_ca_file: ''}\n",
            1, 64, "client_ca_file is empty"},
        Bad{"file_and_text", tls("cert: X"), 4, 9, "in another form"},
        Bad{"unknown_tls_key", tls("tls_min_version: TLS12"), 4, 3,
            "unknown key 'tls_min_version'"},
        Bad{"client_auth", tls("client_auth_type: Require"), 4, 21,
            "unknown client_auth_type 'Require'"},
        Bad{"nothing_to_verify_by",
            tls("client_auth_type: RequireAndVerifyClientCert"), 2, 3,
            "to be verified, by nothing"},
        Bad{"not_asked_for", tls("client_ca_file: ca"), 4, 19,
            "not asked for certificates"},
        Bad{"sans_of_nobody", tls("client_allowed_sans: [a]"), 4, 24,
            "nobody verifies each client"},
        Bad{"sans_of_some",
            tls("client_auth_type: RequestClientCert\n  client_allowed_sans: "
                "[a]"),
            5, 24, "nobody verifies each client"},
        Bad{"no_sans",
            tls("client_auth_type: RequireAndVerifyClientCert\n  "
                "client_ca_file: ca\n  client_allowed_sans: []"),
            6, 24, "is an empty list"},
        Bad{"old_tls", tls("min_version: TLS10"), 4, 16,
            "TLS10 is no longer spoken"},
        Bad{"tls_version", tls("max_version: '1.3'"), 4, 16,
            "unknown max_version '1.3'"},
        Bad{"versions", tls("min_version: TLS13\n  max_version: TLS12"), 2, 3,
            "min_version is above max_version"},
        Bad{"suite", tls("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]"), 4, 19,
            "unknown cipher suite"},
        Bad{"curve", tls("curve_preferences: [P256]"), 4, 23,
            "unknown curve 'P256'"},
        Bad{"boolean", tls("prefer_server_cipher_suites: yes"), 4, 32,
            "is 'yes'"},
        Bad{"header", "http_server_config: {headers: {Server: x}}\n", 1, 32,
            "unknown key 'Server' in headers"},
        Bad{"header_value",
            "http_server_config: {headers: {X-Frame-Options: allow}}\n", 1, 49,
            "X-Frame-Options is 'allow'"},
        Bad{"split_response",
            "http_server_config: {headers: {X-XSS-Protection: \"1\\r\\nA: "
            "b\"}}\n",
            1, 50, "what no header may"},
        Bad{"no_users", "basic_auth_users: {}\n", 1, 19, "everyone could ask"},
        Bad{"user_with_colon", user("\"a:b\"", kHash), 2, 3,
            "'a:b' is no user's name"},
        Bad{"user_twice", user("a", kHash) + "  a: " + kHash + "\n", 3, 3,
            "is given twice"},
        Bad{"plain_password", user("a", "secret"), 2, 6,
            "the password of 'a' is not a bcrypt hash"},
        Bad{"another_hash",
            user("a", "$5$rounds=5000$abc$" + std::string(43, 'x')), 2, 6,
            "is not a bcrypt hash"},
        Bad{"short_hash", user("a", std::string(kHash).substr(0, 59)), 2, 6,
            "is not a bcrypt hash"},
        Bad{"dear_hash", user("a", "$2y$15" + std::string(kHash).substr(6)), 2,
            6, "a cost below 4 or above 14"},
        Bad{"cheap_hash", user("a", "$2y$03" + std::string(kHash).substr(6)), 2,
            6, "a cost below 4 or above 14"},
        Bad{"no_cost", user("a", "$2y$xx" + std::string(kHash).substr(6)), 2, 6,
            "a cost below 4 or above 14"}),
    [](const auto& info) { return info.param.name; });

// Who reads an error in a log must not learn a password from it.
TEST(WebConfig, ErrorsDoNotShowPasswords) {
  const auto reading = read_config(user("a", "hunter2"), "");
  EXPECT_THAT(describe("w", reading.problems),
              testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace stillframe::web
