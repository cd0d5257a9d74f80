// SPDX-License-Identifier: Apache-2.0
//
// From a request's bytes to a response's by cpp-httplib: its parsing, its
// writing, none of its sockets and threads.
#pragma once

#include <httplib.h>

#include <functional>
#include <memory>
#include <string_view>

#include "exporters/http/answer.h"

namespace stillframe::http {

// Fills the response; or gives a stream, for which the response's status is 200
// and its Content-Type the stream's.
using RequestHandler = std::function<std::unique_ptr<BodyStream>(
    const httplib::Request&, httplib::Response&)>;

struct ExchangeOptions {
  bool compress = false;  // with gzip, where the client takes it
  int idle_seconds = 0;   // the client reads it in Keep-Alive
  int requests = 1;       // likewise
};

Responder make_responder(RequestHandler handler, ExchangeOptions options);

// Whether a client with this Accept-Encoding takes gzip.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace stillframe::http
