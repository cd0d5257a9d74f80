// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/tls_context.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>

#include "agent/base/text.h"
#include "exporters/web/tls_names.h"

namespace stillframe::web {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "not usable" : reason;
}

// Else OpenSSL asks for it on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

// What a client may send as its chain before it is known: a few certificates.
constexpr long kLargestCertificates = 16 << 10;

std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> all;
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (X509* one =
             PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    all.emplace_back(one);
  }
  ERR_clear_error();  // it ends with "no start line"
  return all;
}

// What makes one context out of a configuration; notes what is wrong.
class Builder {
 public:
  Builder(SSL_CTX* context, const TlsConfig& config,
          std::vector<Problem>& problems)
      : context_(context), config_(config), problems_(problems) {}

  void use(const TlsMaterial& material) {
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                      SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context_, 0);
    // Buffers of a connection that rests would be 34 KiB.
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    // Else one read goes on for as long as a client sends what is no data, such
    // as key updates (RFC 8446, 4.6.3), and with it the thread of all.
    SSL_CTX_clear_mode(context_, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_max_cert_list(context_, kLargestCertificates);
    use_versions();
    use_suites();
    if (use_certificate(material.certificate)) use_key(material.key);
    if (config_.client_ca.is_given()) use_client_ca(material.client_ca);
  }

 private:
  void wrong(const Pem& pem, const std::string& what) {
    const std::string where =
        pem.file.empty() ? "" : printable(pem.file) + ": ";
    problems_.push_back(
        {pem.place.line, pem.place.column, where + what, "", false});
  }

  void use_versions() {
    const auto number = [](TlsVersion version) {
      return version == TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    };
    SSL_CTX_set_min_proto_version(context_, number(config_.min_version));
    SSL_CTX_set_max_proto_version(context_, number(config_.max_version));
    if (config_.prefer_server_cipher_suites) {
      SSL_CTX_set_options(context_, SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
  }

  // The names were checked as the configuration was read.
  void use_suites() {
    std::string old;
    std::string tls13;
    for (const auto& suite : config_.cipher_suites) {
      std::string& list = is_tls13(suite) ? tls13 : old;
      list += (list.empty() ? "" : ":") + openssl_cipher(suite);
    }
    if (!old.empty()) SSL_CTX_set_cipher_list(context_, old.c_str());
    if (!tls13.empty()) SSL_CTX_set_ciphersuites(context_, tls13.c_str());
    std::string groups;
    for (const auto& curve : config_.curves) {
      groups += (groups.empty() ? "" : ":") + curve;
    }
    if (!groups.empty()) SSL_CTX_set1_groups_list(context_, groups.c_str());
  }

  bool use_certificate(const std::string& pem) {
    const auto chain = read_certificates(pem);
    if (chain.empty()) {
      wrong(config_.certificate, "no certificate in PEM in it");
      return false;
    }
    if (SSL_CTX_use_certificate(context_, chain.front().get()) != 1) {
      wrong(config_.certificate, openssl_error());
      return false;
    }
    for (std::size_t i = 1; i < chain.size(); ++i) {
      SSL_CTX_add1_chain_cert(context_, chain[i].get());
    }
    return true;
  }

  void use_key(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const PrivateKey key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (key == nullptr) {
      ERR_clear_error();
      return wrong(config_.key,
                   "no private key in PEM in it, or one with a passphrase");
    }
    if (SSL_CTX_use_PrivateKey(context_, key.get()) != 1) {
      // Most often "key values mismatch".
      wrong(config_.key, "not the key of the certificate: " + openssl_error());
    }
  }

  void use_client_ca(const std::string& pem) {
    const auto authorities = read_certificates(pem);
    if (authorities.empty()) {
      return wrong(config_.client_ca, "no certificate in PEM in it");
    }
    X509_STORE* store = SSL_CTX_get_cert_store(context_);
    // Whatever is in the file is trusted, as Go has it; OpenSSL by itself wants
    // the self-signed root, too.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    for (const auto& authority : authorities) {
      X509_STORE_add_cert(store, authority.get());
      SSL_CTX_add_client_CA(context_, authority.get());
    }
  }

  SSL_CTX* context_;
  const TlsConfig& config_;
  std::vector<Problem>& problems_;
};

int verify_mode(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::none:
      return SSL_VERIFY_NONE;
    case ClientAuth::request:
    case ClientAuth::verify_if_given:
      return SSL_VERIFY_PEER;
    case ClientAuth::require_any:
    case ClientAuth::require_and_verify:
      break;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// As Go writes it: 192.0.2.1, 2001:db8::1.
std::string address_text(const ASN1_OCTET_STRING* bytes) {
  const int family = ASN1_STRING_length(bytes) == 4    ? AF_INET
                     : ASN1_STRING_length(bytes) == 16 ? AF_INET6
                                                       : AF_UNSPEC;
  char text[INET6_ADDRSTRLEN] = {};
  if (family == AF_UNSPEC || ::inet_ntop(family, ASN1_STRING_get0_data(bytes),
                                         text, sizeof text) == nullptr) {
    return {};
  }
  return text;
}

std::optional<std::string> san_text(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return text_of(name->d.dNSName);
    case GEN_EMAIL:
      return text_of(name->d.rfc822Name);
    case GEN_URI:
      return text_of(name->d.uniformResourceIdentifier);
    case GEN_IPADD:
      return address_text(name->d.iPAddress);
    default:
      return std::nullopt;
  }
}

bool has_one_of(const X509* certificate,
                const std::vector<std::string>& allowed) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto text = san_text(sk_GENERAL_NAME_value(names.get(), i));
    if (text && !text->empty() &&
        std::find(allowed.begin(), allowed.end(), *text) != allowed.end()) {
      return true;
    }
  }
  return false;
}

}  // namespace

TlsContext::TlsContext(SSL_CTX* context, const TlsConfig& config)
    : context_(context),
      client_auth_(config.client_auth),
      allowed_sans_(config.client_allowed_sans) {
  SSL_CTX_set_verify(context_, verify_mode(client_auth_), nullptr);
  SSL_CTX_set_cert_verify_callback(context_, verify, this);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

// Of a client that has shown a certificate.
int TlsContext::verify(X509_STORE_CTX* chain, void* self) {
  const auto& context = *static_cast<const TlsContext*>(self);
  const bool verifies = context.client_auth_ == ClientAuth::verify_if_given ||
                        context.client_auth_ == ClientAuth::require_and_verify;
  if (verifies && X509_verify_cert(chain) != 1) return 0;
  const auto& allowed = context.allowed_sans_;
  if (allowed.empty() || has_one_of(X509_STORE_CTX_get0_cert(chain), allowed)) {
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
  }
  X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

std::shared_ptr<TlsContext> TlsContext::create(const TlsConfig& config,
                                               const TlsMaterial& material,
                                               std::vector<Problem>& problems) {
  SSL_CTX* made = SSL_CTX_new(TLS_server_method());
  if (made == nullptr) {
    problems.push_back({1, 1, "no memory for TLS", "", false});
    return nullptr;
  }
  std::shared_ptr<TlsContext> context(new TlsContext(made, config));
  const std::size_t before = problems.size();
  Builder(made, config, problems).use(material);
  return problems.size() == before ? context : nullptr;
}

}  // namespace stillframe::web
