// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/configuration.h"

#include <fmt/format.h>

#include "agent/base/file.h"
#include "agent/base/log.h"
#include "agent/base/sha256.h"
#include "agent/base/text.h"
#include "exporters/http/framing.h"
#include "exporters/web/tls_transport.h"

namespace stillframe::web {
namespace {

constexpr std::size_t kLargestFile = 1u << 20;

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {};
  return path.substr(0, slash == 0 ? 1 : slash);
}

// Errors are one line each.
tl::unexpected<Error> bad(const std::string& path,
                          const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (problem.warning) continue;
    if (!text.empty()) text += "; ";
    text += fmt::format("{}:{}:{}: {}", printable(path), problem.line,
                        problem.column, problem.message);
    if (!problem.hint.empty()) text += " (" + problem.hint + ")";
  }
  return fail(std::move(text));
}

bool requires_one(ClientAuth auth) {
  return auth == ClientAuth::require_any ||
         auth == ClientAuth::require_and_verify;
}

bool verifies(ClientAuth auth) {
  return auth == ClientAuth::verify_if_given ||
         auth == ClientAuth::require_and_verify;
}

bool asks_for_less(ClientAuth now, ClientAuth before) {
  return (requires_one(before) && !requires_one(now)) ||
         (verifies(before) && !verifies(now));
}

}  // namespace

struct Configuration::Files {
  std::string digest;
  Config config;
  std::vector<Problem> warnings;
  TlsMaterial material;
};

// The error is that of a file that is not there or not understood.
Result<Configuration::Files> Configuration::read_files() {
  const auto text = read_file(path_, kLargestFile);
  if (!text) return tl::unexpected<Error>(text.error());
  auto reading = read_config(*text, directory_of(path_));
  if (!reading.config) return bad(path_, reading.problems);
  Files files{.digest = {},
              .config = std::move(*reading.config),
              .warnings = std::move(reading.problems),
              .material = {}};
  std::string all = *text;
  const auto read = [&](const Pem& pem, std::string& to) {
    if (pem.file.empty()) {
      to = pem.text;
      return;
    }
    auto content = read_file(pem.file, kLargestFile);
    if (!content) {
      files.warnings.push_back({pem.place.line, pem.place.column,
                                content.error().message, "", false});
      return;
    }
    to = std::move(*content);
    all += fmt::format("\n{}:", to.size()) + to;
  };
  if (const auto& tls = files.config.tls) {
    read(tls->certificate, files.material.certificate);
    read(tls->key, files.material.key);
    if (tls->client_ca.is_given()) {
      read(tls->client_ca, files.material.client_ca);
    }
  }
  for (const auto& problem : files.warnings) {
    if (!problem.warning) return bad(path_, files.warnings);
  }
  files.digest = sha256_hex(all);
  return files;
}

Result<Configuration::InForce> Configuration::make(
    const Files& files, const InForce* before) const {
  const Config& config = files.config;
  if (before != nullptr && config.tls.has_value() != (before->tls != nullptr)) {
    return fail(path_ +
                (config.tls ? " now has tls_server_config"
                            : " no longer has tls_server_config") +
                ": that takes a restart");
  }
  if (before != nullptr && !before->users->empty() && config.users.empty()) {
    return fail(path_ +
                " no longer has basic_auth_users: that takes a restart");
  }
  InForce made{.tls = nullptr,
               .headers = std::make_shared<const Headers>(config.headers),
               .users = std::make_shared<const Users>(config.users)};
  if (!config.tls) return made;
  std::vector<Problem> problems;
  made.tls = TlsContext::create(*config.tls, files.material, problems);
  if (made.tls == nullptr) return bad(path_, problems);
  made.client_auth = config.tls->client_auth;
  made.limits_sans = !config.tls->client_allowed_sans.empty();
  // A file of which only the beginning is there yet is a good one, too.
  if (before != nullptr &&
      (asks_for_less(made.client_auth, before->client_auth) ||
       (before->limits_sans && !made.limits_sans))) {
    return fail(path_ +
                " asks less of clients' certificates than before: that takes a "
                "restart");
  }
  return made;
}

Result<std::unique_ptr<Configuration>> Configuration::open(
    const std::string& path) {
  std::unique_ptr<Configuration> configuration(new Configuration(path));
  const auto files = configuration->read_files();
  if (!files) return tl::unexpected<Error>(files.error());
  auto made = configuration->make(*files, nullptr);
  if (!made) return tl::unexpected<Error>(made.error());
  if (!files->config.tls && files->config.users.empty()) {
    log_warn("the web configuration has neither TLS nor users",
             {{"file", path},
              {"hint",
               "metrics are open to everyone who reaches them: add "
               "tls_server_config or basic_auth_users"}});
  }
  for (const auto& problem : files->warnings) {
    log_warn("web configuration", {{"file", path},
                                   {"line", problem.line},
                                   {"problem", problem.message},
                                   {"hint", problem.hint}});
  }
  configuration->seen_ = files->digest;
  configuration->in_force_ = std::move(*made);
  configuration->state_.last_success = wall_now();
  return configuration;
}

Configuration::InForce Configuration::latest() const {
  const std::lock_guard lock(mutex_);
  return in_force_;
}

Configuration::InForce Configuration::current() {
  const std::lock_guard one(reading_);
  const auto files = read_files();
  const std::string digest = files ? files->digest : files.error().message;
  if (digest == seen_) return latest();
  seen_ = digest;
  const InForce before = latest();
  auto made = files ? make(*files, &before)
                    : Result<InForce>(tl::unexpected<Error>(files.error()));
  const std::lock_guard lock(mutex_);
  state_.load_success = made.has_value();
  if (!made) {
    ++state_.load_errors;
    log_error("the web configuration is bad, the last good one goes on",
              {{"file", path_}, {"error", made.error()}});
    return in_force_;
  }
  state_.last_success = wall_now();
  if (in_force_.tls != nullptr) in_force_.tls->replace();
  in_force_ = std::move(*made);
  log_info("the web configuration was loaded", {{"file", path_}});
  return in_force_;
}

bool Configuration::requires_client_certificates() const {
  return latest().client_auth == ClientAuth::require_and_verify;
}

std::shared_ptr<const Configuration::Headers> Configuration::headers() {
  return latest().headers;
}

std::unique_ptr<http::Transport> Configuration::transport(Fd socket) {
  auto tls = current().tls;
  if (tls == nullptr) return http::plain_transport(std::move(socket));
  return tls_transport(std::move(socket), std::move(tls),
                       [this](const std::string& why) {
                         ++handshakes_refused_;
                         log_debug("a TLS handshake failed", {{"why", why}});
                       });
}

bool Configuration::is_lengthy(std::string_view request) const {
  const auto users = latest().users;
  if (users->empty()) return false;
  const auto header = http::header_of(request, "Authorization");
  const auto given = header ? read_credentials(*header) : std::nullopt;
  return given && !passwords_.knows(*users, *given);
}

bool Configuration::may_ask(std::string_view request) {
  const auto users = current().users;
  if (users->empty()) return true;
  const auto header = http::header_of(request, "Authorization");
  const auto given = header ? read_credentials(*header) : std::nullopt;
  if (!given) {
    ++without_credentials_;
    return false;
  }
  if (passwords_.check(*users, *given)) return true;
  ++wrong_credentials_;
  return false;
}

State Configuration::state() const {
  const std::lock_guard lock(mutex_);
  State state = state_;
  state.handshakes_refused = handshakes_refused_;
  state.without_credentials = without_credentials_;
  state.wrong_credentials = wrong_credentials_;
  return state;
}

}  // namespace stillframe::web
