// SPDX-License-Identifier: Apache-2.0
//
// Where a request ends in the bytes of a connection. The rest of HTTP is the
// library's (exchange.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace stillframe::http {

struct RequestLimits {
  std::size_t header = 16 << 10;
  std::size_t body = 16 << 10;
};

struct Frame {
  enum class State { header, body, complete, refused };
  State state = State::header;  // what is waited for, or how it ended
  std::size_t size = 0;         // complete: bytes of the request
  int status = 0;               // refused: the HTTP status
};

// Looks at the bytes from the first of a request on. A request without a length
// has no body; one of unknown length (Transfer-Encoding) is refused, since
// nothing here takes bodies.
Frame frame_request(std::string_view bytes, const RequestLimits& limits);

// The value of the header `name` of a complete request; nothing: it is not
// there, or more than once.
std::optional<std::string_view> header_of(std::string_view request,
                                          std::string_view name);

// A response without content that ends its connection, ready to be sent.
// `headers`: lines to put in, each with its end.
std::string refusal(int status, std::string_view headers = {});

}  // namespace stillframe::http
