// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/signature.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <utility>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/journal/format.h"

namespace stillframe::journal {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::size_t kMostKeyFile = 64 << 10;
constexpr std::size_t kSignature = 64;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

Bio reading(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
          BIO_free};
}

std::string content(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// Nobody is there to be asked for a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

std::string fingerprint_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  std::string fingerprint = sha256_hex(
      {reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return fingerprint;
}

// Null: there is none.
std::shared_ptr<EVP_PKEY> public_key_in(const std::string& text) {
  return {
      PEM_read_bio_PUBKEY(reading(text).get(), nullptr, no_passphrase, nullptr),
      EVP_PKEY_free};
}

}  // namespace

Key::Key(std::shared_ptr<evp_pkey_st> key)
    : key_(std::move(key)), fingerprint_(fingerprint_of(key_.get())) {}

Result<Key> Key::read_private(const std::string& path) {
  const auto text = read_file(path, kMostKeyFile);
  if (!text) return tl::unexpected<Error>(text.error());
  std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(reading(*text).get(), nullptr, no_passphrase,
                              nullptr),
      EVP_PKEY_free);
  if (key == nullptr && public_key_in(*text) != nullptr) {
    return fail(printable(path) +
                " is the public half of a key: name the private one, which "
                "'stillframe audit keygen' wrote beside it");
  }
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(printable(path) +
                " is not an Ed25519 private key in PEM without a passphrase: "
                "make one with 'stillframe audit keygen'");
  }
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return fail(printable(path), errno);
  if ((st.st_mode & S_IRWXO) != 0) {
    return fail(printable(path) +
                " holds a secret that everyone may read: chmod o= it, and make "
                "another key if others are on this machine");
  }
  return Key(std::move(key));
}

Result<Key> Key::read_public(const std::string& path) {
  const auto text = read_file(path, kMostKeyFile);
  if (!text) return tl::unexpected<Error>(text.error());
  auto key = public_key_in(*text);
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(printable(path) +
                " is not an Ed25519 public key in PEM: 'stillframe audit "
                "keygen' writes one beside the private key, as NAME.pub");
  }
  return Key(std::move(key));
}

Result<Key> Key::make() {
  std::shared_ptr<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
                                EVP_PKEY_free);
  if (key == nullptr) return fail("OpenSSL cannot make an Ed25519 key");
  return Key(std::move(key));
}

std::string Key::sign(std::string_view bytes) const {
  std::string signature(kSignature, '\0');
  std::size_t size = signature.size();
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const bool good = EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                                       key_.get()) == 1 &&
                    EVP_DigestSign(context.get(), bytes_of(signature), &size,
                                   bytes_of(bytes), bytes.size()) == 1;
  signature.resize(good ? size : 0);
  return signature;
}

bool Key::verify(std::string_view bytes, std::string_view signature) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                              key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                          bytes_of(bytes), bytes.size()) == 1;
}

std::string Key::private_pem() const {
  const Bio out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0,
                                nullptr, nullptr);
  return content(out);
}

std::string Key::public_pem() const {
  const Bio out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PUBKEY(out.get(), key_.get());
  return content(out);
}

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(bytes_of(text), bytes_of(bytes),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(bytes_of(bytes), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (text.size() % 4 != 0 || size < 0) return fail("it is not base64");
  // EVP_DecodeBlock() counts the padding as zeros.
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() &&
         text[text.size() - 1 - padding] == '=') {
    ++padding;
  }
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

}  // namespace stillframe::journal
