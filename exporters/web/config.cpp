// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/base/number.h"
#include "agent/base/suggestion.h"
#include "agent/base/text.h"
#include "agent/yaml/reader.h"
#include "exporters/web/tls_names.h"

namespace stillframe::web {
namespace {

using Names = YamlReader::Names;
using Sort = YamlNode::Sort;

constexpr std::array<std::string_view, 3> kTopKeys = {
    "tls_server_config", "http_server_config", "basic_auth_users"};
constexpr std::array<YamlReader::KeyHint, 1> kTopHints = {
    {{"rate_limit",
      "there is none: what clients can cost is bounded without it"}}};
constexpr std::array<std::string_view, 13> kTlsKeys = {
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences"};
constexpr std::array<std::string_view, 2> kHttpKeys = {"http2", "headers"};
constexpr std::array<std::string_view, 5> kHeaders = {
    "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options",
    "X-XSS-Protection", "Strict-Transport-Security"};
constexpr std::array<std::string_view, 2> kFrameOptions = {"deny",
                                                           "sameorigin"};
constexpr std::array<std::string_view, 1> kTypeOptions = {"nosniff"};
constexpr std::array<std::string_view, 2> kBooleans = {"true", "false"};

struct AuthName {
  std::string_view name;
  ClientAuth auth;
};
constexpr std::array<AuthName, 6> kAuthNames = {
    {{"NoClientCert", ClientAuth::none},
     {"RequestClientCert", ClientAuth::request},
     {"RequireAnyClientCert", ClientAuth::require_any},
     {"RequireClientCert", ClientAuth::require_any},  // its name in the past
     {"VerifyClientCertIfGiven", ClientAuth::verify_if_given},
     {"RequireAndVerifyClientCert", ClientAuth::require_and_verify}}};

// bcrypt: "$2y$", two digits, "$", and 53 characters of salt and hash.
constexpr std::size_t kHashLength = 60;
constexpr unsigned kLowestCost = 4;
// Each one more doubles the time: 14 takes one to two seconds, in which the
// agent cannot end.
constexpr unsigned kHighestCost = 14;

bool is_bcrypt(std::string_view hash) {
  constexpr std::string_view kAlphabet =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return hash.size() == kHashLength &&
         (hash.starts_with("$2y$") || hash.starts_with("$2b$") ||
          hash.starts_with("$2a$")) &&
         hash[6] == '$' &&
         hash.substr(7).find_first_not_of(kAlphabet) == std::string_view::npos;
}

class Reader : private YamlReader {
 public:
  Reader(std::vector<Problem>& problems, const std::string& directory)
      : YamlReader(problems), directory_(directory) {}
  Config read(const YamlNode& root);

 private:
  TlsConfig read_tls(const YamlNode& node);
  void read_pem(Pem& pem, const YamlNode& node, std::string_view key);
  ClientAuth read_client_auth(const YamlNode& node);
  TlsVersion read_tls_version(const YamlNode& node, std::string_view key);
  std::vector<std::string> read_suites(const YamlNode& node);
  std::vector<std::string> read_curves(const YamlNode& node);
  bool read_boolean(const YamlNode& node, std::string_view what);
  void check_tls(const TlsConfig& tls, const YamlNode& node,
                 const YamlNode* sans);
  void read_http(const YamlNode& node, Config& config);
  void read_header(std::string_view name, const YamlNode& node, Config& config);
  void read_users(const YamlNode& node, Users& users);
  void read_hash(const YamlNode& node, const std::string& user, Users& users);

  const std::string& directory_;
};

Config Reader::read(const YamlNode& root) {
  Config config;
  if (root.sort == Sort::null || !is_map(root, "the file")) return config;
  for (const auto& [key, value] :
       fields(root, kTopKeys, "the file", kTopHints)) {
    if (key == "tls_server_config") {
      config.tls = read_tls(*value);
    } else if (key == "http_server_config") {
      read_http(*value, config);
    } else {
      read_users(*value, config.users);
    }
  }
  return config;
}

TlsConfig Reader::read_tls(const YamlNode& node) {
  TlsConfig tls;
  const YamlNode* sans = nullptr;
  if (!is_map(node, "tls_server_config")) return tls;
  for (const auto& [key, value] : fields(node, kTlsKeys, "tls_server_config")) {
    if (key == "cert" || key == "cert_file") {
      read_pem(tls.certificate, *value, key);
    } else if (key == "key" || key == "key_file") {
      read_pem(tls.key, *value, key);
    } else if (key == "client_ca" || key == "client_ca_file") {
      read_pem(tls.client_ca, *value, key);
    } else if (key == "client_auth_type") {
      tls.client_auth = read_client_auth(*value);
    } else if (key == "client_allowed_sans") {
      sans = value;
      for (const auto* san : texts(*value, key)) {
        tls.client_allowed_sans.push_back(san->text);
      }
    } else if (key == "min_version") {
      tls.min_version = read_tls_version(*value, key);
    } else if (key == "max_version") {
      tls.max_version = read_tls_version(*value, key);
    } else if (key == "cipher_suites") {
      tls.cipher_suites = read_suites(*value);
    } else if (key == "prefer_server_cipher_suites") {
      tls.prefer_server_cipher_suites = read_boolean(*value, key);
    } else {
      tls.curves = read_curves(*value);
    }
  }
  check_tls(tls, node, sans);
  return tls;
}

void Reader::read_pem(Pem& pem, const YamlNode& node, std::string_view key) {
  const auto* value = text(node, key);
  if (value == nullptr) return;
  if (value->empty()) {
    wrong(node.place, fmt::format("{} is empty", key), "leave it out");
    return;
  }
  if (pem.is_given()) {
    wrong(node.place, fmt::format("{} beside the same in another form", key),
          "keep one of them: the file, or what is in it");
    return;
  }
  pem.place = node.place;
  if (!ends_with(key, "_file")) {
    pem.text = *value;
  } else if (starts_with(*value, "/") || directory_.empty()) {
    pem.file = *value;
  } else {
    pem.file = directory_ + '/' + *value;
  }
}

ClientAuth Reader::read_client_auth(const YamlNode& node) {
  const auto* value = text(node, "client_auth_type");
  if (value == nullptr) return ClientAuth::none;
  std::vector<std::string_view> names;
  for (const auto& [name, auth] : kAuthNames) {
    if (name == *value) return auth;
    names.push_back(name);
  }
  wrong(node.place,
        fmt::format("unknown client_auth_type {}", in_quotes(*value)),
        suggestion(*value, names));
  return ClientAuth::none;
}

TlsVersion Reader::read_tls_version(const YamlNode& node,
                                    std::string_view key) {
  const auto* value = text(node, key);
  if (value == nullptr || *value == "TLS12") return TlsVersion::tls12;
  if (*value == "TLS13") return TlsVersion::tls13;
  const bool old = *value == "TLS10" || *value == "TLS11";
  wrong(node.place,
        old ? fmt::format("{} {} is no longer spoken", key, *value)
            : fmt::format("unknown {} {}", key, in_quotes(*value)),
        old ? "RFC 8996 has withdrawn it: TLS12 or TLS13" : "TLS12 or TLS13");
  return TlsVersion::tls12;
}

std::vector<std::string> Reader::read_suites(const YamlNode& node) {
  std::vector<std::string> names;
  for (const auto* item : texts(node, "cipher_suites", true)) {
    const auto all = cipher_suites();
    if (std::find(all.begin(), all.end(), item->text) != all.end()) {
      names.push_back(item->text);
      continue;
    }
    const std::vector<std::string_view> known(all.begin(), all.end());
    wrong(item->place,
          fmt::format("unknown cipher suite {}", in_quotes(item->text)),
          suggestion(item->text, known));
  }
  return names;
}

std::vector<std::string> Reader::read_curves(const YamlNode& node) {
  std::vector<std::string> names;
  for (const auto* item : texts(node, "curve_preferences", true)) {
    const auto at = std::find_if(
        curves().begin(), curves().end(),
        [&](const auto& curve) { return curve.name == item->text; });
    if (at != curves().end()) {
      names.emplace_back(at->openssl);
      continue;
    }
    std::vector<std::string_view> known;
    for (const auto& curve : curves()) known.push_back(curve.name);
    wrong(item->place, fmt::format("unknown curve {}", in_quotes(item->text)),
          suggestion(item->text, known));
  }
  return names;
}

bool Reader::read_boolean(const YamlNode& node, std::string_view what) {
  const auto* value = text(node, what);
  if (value == nullptr || *value == "true") return true;
  if (*value != "false") {
    wrong(node.place, fmt::format("{} is {}", what, in_quotes(*value)),
          suggestion(*value, kBooleans));
  }
  return false;
}

// What fits together. What is asked of clients must not be left undone because
// another key is missing.
void Reader::check_tls(const TlsConfig& tls, const YamlNode& node,
                       const YamlNode* sans) {
  if (!tls.certificate.is_given()) {
    wrong(node.place, "tls_server_config without a certificate",
          "add cert_file");
  }
  if (!tls.key.is_given()) {
    wrong(node.place, "tls_server_config without a key", "add key_file");
  }
  if (tls.min_version > tls.max_version) {
    wrong(node.place, "min_version is above max_version",
          "take one of them out");
  }
  const bool verifies = tls.client_auth == ClientAuth::verify_if_given ||
                        tls.client_auth == ClientAuth::require_and_verify;
  if (verifies && !tls.client_ca.is_given()) {
    wrong(node.place, "clients' certificates are to be verified, by nothing",
          "add client_ca_file");
  }
  if (tls.client_auth == ClientAuth::none && tls.client_ca.is_given()) {
    wrong(tls.client_ca.place, "clients are not asked for certificates",
          "add 'client_auth_type: RequireAndVerifyClientCert'");
  }
  if (sans != nullptr && tls.client_auth != ClientAuth::require_and_verify) {
    wrong(sans->place,
          "client_allowed_sans while nobody verifies each client's certificate",
          "add 'client_auth_type: RequireAndVerifyClientCert'");
  }
}

void Reader::read_http(const YamlNode& node, Config& config) {
  if (!is_map(node, "http_server_config")) return;
  for (const auto& [key, value] :
       fields(node, kHttpKeys, "http_server_config")) {
    if (key == "http2") {
      if (!read_boolean(*value, key)) continue;
      problems().push_back(
          {value->place.line, value->place.column, "HTTP/2 is not spoken here",
           "clients use HTTP/1.1; 'http2: false' says so", true});
    } else if (is_map(*value, "headers")) {
      for (const auto& [name, header] : fields(*value, kHeaders, "headers")) {
        read_header(name, *header, config);
      }
    }
  }
}

void Reader::read_header(std::string_view name, const YamlNode& node,
                         Config& config) {
  if (node.sort == Sort::null) {
    config.headers.emplace_back(name, "");
    return;
  }
  const auto* value = text(node, name);
  if (value == nullptr) return;
  const bool printable_ascii =
      std::all_of(value->begin(), value->end(),
                  [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable_ascii) {
    wrong(node.place, fmt::format("{} holds what no header may", name),
          "printable ASCII, on one line");
    return;
  }
  const Names choices = name == "X-Frame-Options" ? Names(kFrameOptions)
                        : name == "X-Content-Type-Options" ? Names(kTypeOptions)
                                                           : Names();
  if (!value->empty() && !choices.empty() &&
      std::find(choices.begin(), choices.end(), *value) == choices.end()) {
    wrong(node.place, fmt::format("{} is {}", name, in_quotes(*value)),
          suggestion(*value, choices));
    return;
  }
  config.headers.emplace_back(name, *value);
}

void Reader::read_users(const YamlNode& node, Users& users) {
  if (!is_map(node, "basic_auth_users")) return;
  if (node.entries.empty()) {
    wrong(node.place, "basic_auth_users is empty: everyone could ask",
          "leave it out, or put a user in");
  }
  for (const auto& [key, value] : node.entries) {
    const auto* user = text(key, "a user");
    if (user == nullptr) continue;
    // RFC 7617: the first colon ends the user's name.
    if (user->empty() || user->find(':') != std::string::npos) {
      wrong(key.place, fmt::format("{} is no user's name", in_quotes(*user)),
            "it cannot be empty or hold a colon");
    } else if (users.contains(*user)) {
      wrong(key.place, fmt::format("user {} is given twice", in_quotes(*user)),
            "keep one of them");
    } else {
      read_hash(value, *user, users);
    }
  }
}

// The hash itself is not shown: what is wrong with it may be that it is the
// password.
void Reader::read_hash(const YamlNode& node, const std::string& user,
                       Users& users) {
  const std::string what = "the password of " + in_quotes(user);
  const auto* hash = text(node, what);
  if (hash == nullptr) return;
  if (!is_bcrypt(*hash)) {
    wrong(node.place, what + " is not a bcrypt hash",
          "make one with: htpasswd -nBC 10 ''");
    return;
  }
  const auto cost = parse_number<unsigned>(hash->substr(4, 2));
  if (!cost || *cost < kLowestCost || *cost > kHighestCost) {
    wrong(node.place,
          fmt::format("{} has a cost below {} or above {}", what, kLowestCost,
                      kHighestCost),
          "10 takes a tenth of a second, and each one more twice as long");
    return;
  }
  users.emplace(user, *hash);
}

}  // namespace

Reading read_config(std::string_view text, const std::string& directory) {
  Reading reading;
  const YamlNode root = read_yaml(text, reading.problems);
  const bool readable = reading.problems.empty();
  Reader reader(reading.problems, directory);
  Config config;
  if (readable) config = reader.read(root);
  std::stable_sort(reading.problems.begin(), reading.problems.end(),
                   [](const Problem& a, const Problem& b) {
                     return std::tie(a.line, a.column) <
                            std::tie(b.line, b.column);
                   });
  const bool good =
      std::all_of(reading.problems.begin(), reading.problems.end(),
                  [](const Problem& p) { return p.warning; });
  if (good) reading.config = std::move(config);
  return reading;
}

}  // namespace stillframe::web
