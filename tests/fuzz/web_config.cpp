// SPDX-License-Identifier: Apache-2.0
//
// Web configurations, and what is asked of TLS by them. An administrator writes
// them: a mistake is to be named, and must never open the door.
#include "exporters/web/config.h"

#include "exporters/web/credentials.h"
#include "exporters/web/tls_context.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  (void)web::read_credentials(text);
  const auto reading = web::read_config(text, "/etc");
  bool refused = false;
  for (const auto& problem : reading.problems) {
    require(problem.line >= 1 && problem.column >= 1, "a problem has a place");
    require(!problem.message.empty(), "a problem has words");
    refused = refused || !problem.warning;
  }
  require(refused != reading.config.has_value(),
          "there is a configuration, or what is wrong with it");
  if (!reading.config) return 0;
  for (const auto& [user, hash] : reading.config->users) {
    require(!user.empty() && hash.size() == 60, "a user has a bcrypt hash");
  }
  for (const auto& [name, value] : reading.config->headers) {
    require(value.find_first_of("\r\n") == std::string::npos,
            "a header is one line");
  }
  const auto& tls = reading.config->tls;
  if (!tls) return 0;
  require(tls->certificate.is_given() && tls->key.is_given(),
          "TLS has a certificate and a key");
  require(tls->client_allowed_sans.empty() ||
              tls->client_auth == web::ClientAuth::require_and_verify,
          "names are asked of those who must have some");
  std::vector<Problem> problems;
  (void)web::TlsContext::create(
      *tls, {tls->certificate.text, tls->key.text, tls->client_ca.text},
      problems);
  return 0;
}
