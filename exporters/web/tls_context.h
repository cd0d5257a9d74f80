// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "agent/yaml/problem.h"
#include "exporters/web/config.h"

namespace stillframe::web {

// What the configuration's PEM is, read.
struct TlsMaterial {
  std::string certificate;  // with those between it and its authority
  std::string key;
  std::string client_ca;
};

// What connections are made with, from one reading of the files until the next
// that says something else. Sessions are never resumed: each connection shows
// its certificate, and a client is verified by what holds then.
class TlsContext {
 public:
  // Null: `problems` has what is wrong, by the place in the configuration.
  static std::shared_ptr<TlsContext> create(const TlsConfig& config,
                                            const TlsMaterial& material,
                                            std::vector<Problem>& problems);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* get() const { return context_; }
  bool is_current() const { return current_; }
  void replace() { current_ = false; }

 private:
  TlsContext(SSL_CTX* context, const TlsConfig& config);
  static int verify(X509_STORE_CTX* chain, void* self);

  SSL_CTX* context_;
  ClientAuth client_auth_;
  std::vector<std::string> allowed_sans_;
  std::atomic<bool> current_ = true;
};

}  // namespace stillframe::web
