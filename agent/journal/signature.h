// SPDX-License-Identifier: Apache-2.0
//
// Ed25519 (RFC 8032) with keys in PEM, as `openssl pkeyutl` takes them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.h"

struct evp_pkey_st;

namespace stillframe::journal {

class Key {
 public:
  // A private key, PKCS #8. Refuses a file that others than its owner and its
  // group may read.
  static Result<Key> read_private(const std::string& path);
  // A public key (SubjectPublicKeyInfo).
  static Result<Key> read_public(const std::string& path);
  static Result<Key> make();

  // The raw 64 bytes. Only of a private key.
  std::string sign(std::string_view bytes) const;
  bool verify(std::string_view bytes, std::string_view signature) const;
  // SHA-256 of the public key (its SubjectPublicKeyInfo in DER), in hex.
  const std::string& fingerprint() const { return fingerprint_; }
  std::string private_pem() const;
  std::string public_pem() const;

 private:
  explicit Key(std::shared_ptr<evp_pkey_st> key);

  std::shared_ptr<evp_pkey_st> key_;
  std::string fingerprint_;
};

std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

}  // namespace stillframe::journal
