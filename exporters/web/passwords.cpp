// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/passwords.h"

#include <crypt.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstring>
#include <memory>
#include <new>

#include "agent/base/sha256.h"

namespace stillframe::web {
namespace {

constexpr std::size_t kSecretBytes = 32;

// crypt(3) ends a password at its first zero byte: "right\0wrong" would be
// right.
bool matches(const std::string& password, const std::string& hash) {
  const auto work = std::make_unique<crypt_data>();  // 32 KiB
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), work.get());
  const bool equal = made != nullptr && std::strlen(made) == hash.size() &&
                     CRYPTO_memcmp(made, hash.data(), hash.size()) == 0;
  const bool whole = password.find('\0') == std::string::npos;
  OPENSSL_cleanse(work.get(), sizeof *work);
  return equal && whole;
}

}  // namespace

Passwords::Passwords() : secret_(kSecretBytes, '\0') {
  // Without randomness there is no TLS and no agent either.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(secret_.data()),
                 static_cast<int>(secret_.size())) != 1) {
    throw std::bad_alloc();
  }
}

std::string Passwords::key_of(const std::string& hash,
                              const Credentials& given) const {
  // Each with its length: no two ways to put them together give the same.
  return sha256_hex(fmt::format("{}{}:{}{}:{}{}", secret_, given.user.size(),
                                given.user, hash.size(), hash, given.password));
}

bool Passwords::knows(const Users& users, const Credentials& given) const {
  const auto user = users.find(given.user);
  if (user == users.end()) return false;
  const std::string key = key_of(user->second, given);
  const std::lock_guard lock(mutex_);
  return right_.contains(key);
}

bool Passwords::check(const Users& users, const Credentials& given) {
  if (knows(users, given)) return true;
  const auto user = users.find(given.user);
  const bool exists = user != users.end();
  const std::string& hash = exists ? user->second : users.begin()->second;
  if (!matches(given.password, hash) || !exists) return false;
  std::string key = key_of(hash, given);
  const std::lock_guard lock(mutex_);
  if (right_.size() >= kMostRemembered) right_.clear();
  right_.insert(std::move(key));
  return true;
}

}  // namespace stillframe::web
