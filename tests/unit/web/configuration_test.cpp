// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/configuration.h"

#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "agent/base/file.h"
#include "tests/unit/journal/scratch_directory.h"
#include "tests/unit/web/certificates.h"

namespace stillframe::web {
namespace {

using testing::HasSubstr;

constexpr char kTls[] =
    "tls_server_config: {cert_file: c.pem, key_file: k.pem}\n";
// alice:right and alice:new, in base64.
constexpr char kRight[] =
    "GET / HTTP/1.1\r\nAuthorization: Basic YWxpY2U6cmlnaHQ=\r\n\r\n";
constexpr char kNew[] =
    "GET / HTTP/1.1\r\nauthorization:Basic YWxpY2U6bmV3\r\n\r\n";
constexpr char kNone[] = "GET / HTTP/1.1\r\n\r\n";

std::string user(const std::string& password) {
  crypt_data work{};
  return std::string("basic_auth_users:\n  alice: ") +
         ::crypt_r(password.c_str(), "$2y$04$abcdefghijklmnopqrstuu", &work) +
         '\n';
}

class ConfigurationTest : public testing::Test {
 protected:
  std::string path(const std::string& name) {
    return directory_.path() + '/' + name;
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(path(name), text));
  }
  void write_identity(const test::Identity& identity) {
    write("c.pem", identity.certificate_pem());
    write("k.pem", identity.key_pem());
  }
  std::unique_ptr<Configuration> open() {
    auto opened = Configuration::open(path("web.yml"));
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  std::string error() {
    const auto opened = Configuration::open(path("web.yml"));
    EXPECT_FALSE(opened);
    return opened ? "" : opened.error().message;
  }
  // What a connection that is made now gets.
  static std::unique_ptr<http::Transport> connect(Configuration& to) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    const Fd other(ends[1]);
    return to.transport(Fd(ends[0]));
  }

  journal::ScratchDirectory directory_;
};

TEST_F(ConfigurationTest, SaysWhatIsWrongByFileAndLine) {
  EXPECT_THAT(error(), HasSubstr("web.yml: No such file"));
  write("web.yml", "http_server_config:\n  heders: {}\n");
  EXPECT_THAT(error(), HasSubstr("web.yml:2:3: unknown key 'heders'"));
  EXPECT_THAT(error(), HasSubstr("did you mean 'headers'?"));
}

TEST_F(ConfigurationTest, NamesTheKeyOfAFileThatIsBad) {
  const auto one = test::make_identity("one", "");
  const auto two = test::make_identity("two", "");
  const std::string tls =
      "tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n";
  const std::string clients =
      "  client_auth_type: RequireAndVerifyClientCert\n"
      "  client_ca_file: ca.pem\n";
  struct {
    std::string certificate;
    std::string key;
    std::string authority;
    std::string said;
  } const cases[] = {
      {"", one.key_pem(), one.certificate_pem(), "web.yml:2:14: "},
      {one.certificate_pem(), "", one.certificate_pem(), "web.yml:3:13: "},
      {one.certificate_pem(), two.key_pem(), one.certificate_pem(),
       "web.yml:3:13: "},
      {one.certificate_pem(), one.certificate_pem(), one.certificate_pem(),
       "web.yml:3:13: "},
      {one.certificate_pem(), one.key_pem(), "no pem", "web.yml:5:19: "},
  };
  write("web.yml", tls + clients);
  for (const auto& each : cases) {
    write("c.pem", each.certificate);
    write("k.pem", each.key);
    write("ca.pem", each.authority);
    EXPECT_THAT(error(), HasSubstr(each.said));
  }
  write_identity(one);
  ASSERT_EQ(::unlink(path("ca.pem").c_str()), 0);
  EXPECT_THAT(error(), HasSubstr("web.yml:5:19: "));
  EXPECT_THAT(error(), HasSubstr("ca.pem: No such file"));
}

// Each of these is the beginning of the file, or what a careless hand leaves.
TEST_F(ConfigurationTest, AsksNoLessOfClientsWhileItRuns) {
  const auto identity = test::make_identity("one", "");
  write_identity(identity);
  write("ca.pem", identity.certificate_pem());
  const std::string tls =
      "tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n";
  const std::string verified =
      tls +
      "  client_auth_type: RequireAndVerifyClientCert\n"
      "  client_ca_file: ca.pem\n";
  const std::string named = verified + "  client_allowed_sans: [a]\n";
  write("web.yml", named);
  const auto configuration = open();
  std::uint64_t errors = 0;
  for (const auto& less :
       {tls, tls + "  client_auth_type: RequireAnyClientCert\n", verified}) {
    write("web.yml", less);
    connect(*configuration);
    EXPECT_EQ(configuration->state().load_errors, ++errors) << less;
    EXPECT_TRUE(configuration->requires_client_certificates());
  }
  write("web.yml", named);
  connect(*configuration);
  EXPECT_TRUE(configuration->state().load_success);
}

TEST_F(ConfigurationTest, AsksForPasswordsAsTheFileSaysNow) {
  write("web.yml", user("right"));
  const auto configuration = open();
  EXPECT_TRUE(configuration->may_ask(kRight));
  EXPECT_FALSE(configuration->may_ask(kNew));
  write("web.yml", user("new"));
  EXPECT_TRUE(configuration->may_ask(kNew));
  EXPECT_FALSE(configuration->may_ask(kRight));
  EXPECT_FALSE(configuration->may_ask(kNone));
  EXPECT_EQ(configuration->state().wrong_credentials, 2u);
  EXPECT_EQ(configuration->state().without_credentials, 1u);
  EXPECT_EQ(configuration->state().load_errors, 0u);
}

TEST_F(ConfigurationTest, TwoPasswordsAreNone) {
  write("web.yml", user("right"));
  const auto configuration = open();
  const std::string header = "Authorization: Basic YWxpY2U6cmlnaHQ=\r\n";
  EXPECT_TRUE(configuration->may_ask("GET / HTTP/1.1\r\n" + header + "\r\n"));
  EXPECT_FALSE(
      configuration->may_ask("GET / HTTP/1.1\r\n" + header + header + "\r\n"));
}

// Hashes are computed one at a time, apart from all that needs none.
TEST_F(ConfigurationTest, OnlyAnUnknownPasswordTakesLong) {
  write("web.yml", user("right"));
  const auto configuration = open();
  EXPECT_FALSE(configuration->is_lengthy(kNone));
  EXPECT_TRUE(configuration->is_lengthy(kRight));
  EXPECT_TRUE(configuration->may_ask(kRight));
  EXPECT_FALSE(configuration->is_lengthy(kRight));
  EXPECT_FALSE(configuration->may_ask(kNew));
  EXPECT_TRUE(configuration->is_lengthy(kNew));
}

TEST_F(ConfigurationTest, ABadFileKeepsTheLastGoodOne) {
  write("web.yml", user("right"));
  const auto configuration = open();
  const WallTime loaded = configuration->state().last_success;
  // Empty, it would let everyone in.
  for (const std::string& bad : {std::string("x: y\n"), std::string()}) {
    write("web.yml", bad);
    const auto before = configuration->state().load_errors;
    EXPECT_TRUE(configuration->may_ask(kRight));
    EXPECT_FALSE(configuration->may_ask(kNone));
    EXPECT_FALSE(configuration->state().load_success);
    EXPECT_EQ(configuration->state().last_success, loaded);
    // Once, however many ask.
    EXPECT_EQ(configuration->state().load_errors, before + 1);
  }
  ASSERT_EQ(::unlink(path("web.yml").c_str()), 0);
  EXPECT_FALSE(configuration->may_ask(kNone));
  EXPECT_EQ(configuration->state().load_errors, 3u);
  write("web.yml", user("new"));
  EXPECT_TRUE(configuration->may_ask(kNew));
  EXPECT_TRUE(configuration->state().load_success);
}

TEST_F(ConfigurationTest, ANewCertificateEndsConnectionsOfTheOldOne) {
  write_identity(test::make_identity("one", ""));
  write("web.yml", kTls);
  const auto configuration = open();
  const auto first = connect(*configuration);
  EXPECT_TRUE(connect(*configuration)->is_current());
  EXPECT_TRUE(first->is_current());
  write_identity(test::make_identity("two", ""));
  EXPECT_TRUE(connect(*configuration)->is_current());
  EXPECT_FALSE(first->is_current());
}

TEST_F(ConfigurationTest, AKeyOfAnotherCertificateIsNotTaken) {
  write_identity(test::make_identity("one", ""));
  write("web.yml", kTls);
  const auto configuration = open();
  const auto first = connect(*configuration);
  const auto next = test::make_identity("two", "");
  write("c.pem", next.certificate_pem());
  EXPECT_TRUE(connect(*configuration)->is_current());
  EXPECT_TRUE(first->is_current());
  EXPECT_EQ(configuration->state().load_errors, 1u);
  write("k.pem", next.key_pem());
  EXPECT_TRUE(connect(*configuration)->is_current());
  EXPECT_FALSE(first->is_current());
  EXPECT_TRUE(configuration->state().load_success);
}

TEST_F(ConfigurationTest, TlsNeitherEndsNorBeginsWhileItRuns) {
  write_identity(test::make_identity("one", ""));
  write("web.yml", kTls);
  const auto with = open();
  write("web.yml", "http_server_config: {}\n");
  static_cast<void>(connect(*with));
  EXPECT_TRUE(with->has_tls());
  EXPECT_EQ(with->state().load_errors, 1u);
  const auto without = open();
  write("web.yml", kTls);
  static_cast<void>(connect(*without));
  EXPECT_FALSE(without->has_tls());
  EXPECT_EQ(without->state().load_errors, 1u);
}

}  // namespace
}  // namespace stillframe::web
