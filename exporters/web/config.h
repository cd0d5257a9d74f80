// SPDX-License-Identifier: Apache-2.0
//
// The file of --web.config.file: TLS, client certificates, passwords and
// response headers, in the format that Prometheus' exporters share (docs/
// web-configuration.md of prometheus/exporter-toolkit). docs/web.md says what
// is read otherwise here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/yaml/problem.h"

namespace stillframe::web {

// PEM, in a file or in the configuration itself.
struct Pem {
  Place place;
  std::string file;  // absolute, or as relative as the configuration's own path
  std::string text;
  bool is_given() const { return !file.empty() || !text.empty(); }
};

enum class ClientAuth : std::uint8_t {
  none,                // no certificate is asked for
  request,             // asked for, taken as it is
  require_any,         // needed, taken as it is
  verify_if_given,     // of a known authority, if there is one
  require_and_verify,  // needed, of a known authority
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };

struct TlsConfig {
  Pem certificate;
  Pem key;
  Pem client_ca;
  ClientAuth client_auth = ClientAuth::none;
  // One of them has to be a name of the client's certificate; none: any does.
  std::vector<std::string> client_allowed_sans;
  TlsVersion min_version = TlsVersion::tls12;
  TlsVersion max_version = TlsVersion::tls13;
  // By their names at IANA; empty: OpenSSL's own choice.
  std::vector<std::string> cipher_suites;
  bool prefer_server_cipher_suites = true;
  std::vector<std::string> curves;  // by OpenSSL's names; likewise
};

// Bcrypt hashes by user.
using Users = std::map<std::string, std::string, std::less<>>;

struct Config {
  std::optional<TlsConfig> tls;  // none: plain HTTP
  std::vector<std::pair<std::string, std::string>> headers;
  Users users;  // empty: everyone may ask
};

// `config` is there unless a problem is more than a warning.
struct Reading {
  std::optional<Config> config;
  std::vector<Problem> problems;  // by place
};

// `directory`: what relative paths are relative to. Opens no files.
Reading read_config(std::string_view text, const std::string& directory);

}  // namespace stillframe::web
