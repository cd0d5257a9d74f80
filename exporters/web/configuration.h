// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "exporters/http/transport.h"
#include "exporters/web/config.h"
#include "exporters/web/passwords.h"
#include "exporters/web/tls_context.h"

namespace stillframe::web {

// For metrics; totals since the start.
struct State {
  bool load_success = true;  // of the latest reading that said anything new
  WallTime last_success;     // when what holds now was read
  std::uint64_t load_errors = 0;
  std::uint64_t handshakes_refused = 0;
  std::uint64_t without_credentials = 0;
  std::uint64_t wrong_credentials = 0;
};

// The configuration in force. Its files are read again for each connection and
// each request, and what they say holds at once; while they are bad, what they
// said last when they were good goes on, and that is logged and counted once
// for each bad content. A file that would end TLS or the asking for passwords
// is bad, too: one that is being written is empty for a moment. Nor does TLS
// begin without a restart.
//
// May be used from several threads.
class Configuration {
 public:
  // Of a first reading; the error is one line, or describe()'s text.
  static Result<std::unique_ptr<Configuration>> open(const std::string& path);

  bool has_tls() const { return latest().tls != nullptr; }
  bool has_users() const { return !latest().users->empty(); }
  // Whether clients need a certificate that is verified.
  bool requires_client_certificates() const;

  using Headers = std::vector<std::pair<std::string, std::string>>;
  std::shared_ptr<const Headers> headers();

  // For http::Settings, by which it must not be outlived.
  std::unique_ptr<http::Transport> transport(Fd socket);
  // Whether to find out if its sender may ask takes long. Reads no files.
  bool is_lengthy(std::string_view request) const;
  // Counts those that may not.
  bool may_ask(std::string_view request);

  State state() const;

 private:
  struct InForce {
    std::shared_ptr<TlsContext> tls;  // null: plain HTTP
    std::shared_ptr<const Headers> headers;
    std::shared_ptr<const Users> users;
    ClientAuth client_auth = ClientAuth::none;
    bool limits_sans = false;
  };
  struct Files;

  explicit Configuration(std::string path) : path_(std::move(path)) {}
  Result<Files> read_files();
  // `before`: what held until now; null at the start.
  Result<InForce> make(const Files& files, const InForce* before) const;
  InForce current();
  InForce latest() const;  // without looking at the files

  const std::string path_;
  Passwords passwords_;

  std::mutex reading_;  // one reads, the others wait for it
  std::string seen_;    // digest of what the files held, or why they did not

  mutable std::mutex mutex_;
  InForce in_force_;
  State state_;
  std::atomic<std::uint64_t> handshakes_refused_ = 0;
  std::atomic<std::uint64_t> without_credentials_ = 0;
  std::atomic<std::uint64_t> wrong_credentials_ = 0;
};

}  // namespace stillframe::web
