// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/exchange.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <cstring>

#include "agent/base/log.h"
#include "agent/base/text.h"
#include "exporters/http/gzip.h"

namespace stillframe::http {
namespace {

// Less is in one packet anyway.
constexpr std::size_t kLeastToCompress = 1024;

// The library reads the request from here and writes the response to it.
class MemoryStream : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view request) : request_(request) {}

  bool is_readable() const override { return !request_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t count = std::min(size, request_.size());
    std::memcpy(to, request_.data(), count);
    request_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, std::size_t size) override {
    response_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return -1; }

  std::string take_response() { return std::move(response_); }

 private:
  std::string_view request_;
  std::string response_;
};

// One request. A server object of its own (it is small): the handler's stream
// has no other way past the library.
class Exchange : public httplib::Server {
 public:
  Exchange(const RequestHandler& handler, const ExchangeOptions& options)
      : compress_(options.compress) {
    set_keep_alive_timeout(options.idle_seconds);
    set_keep_alive_max_count(static_cast<std::size_t>(options.requests));
    set_exception_handler(
        [](const auto&, auto& response, const std::exception_ptr&) {
          log_error("a request could not be answered");
          response.status = 500;
        });
    // Before any body is read: no handler takes one.
    set_pre_routing_handler([&](const auto& request, auto& response) {
      handled_ = true;
      stream_ = handler(request, response);
      if (stream_ != nullptr) {
        headers_ = response.headers;
      } else if (gzip_) {
        compress(response);
      }
      return HandlerResponse::Handled;
    });
  }

  Answer answer(std::string_view request, bool last) {
    MemoryStream stream(request);
    bool closed = false;
    const bool written =
        process(*this, stream, last, closed,
                [this](httplib::Request& parsed) { prepare(parsed); });
    if (stream_ != nullptr) {
      return {.bytes = stream_head(), .close = true, .stream = take_stream()};
    }
    return {.bytes = stream.take_response(),
            .close = last || closed || !written || !handled_,
            .stream = nullptr};
  }

 private:
  // The library hands addresses in since 0.16.
  template <typename Self, typename Setup>
  static bool process(Self& self, httplib::Stream& stream, bool last,
                      bool& closed, const Setup& setup) {
    if constexpr (requires {
                    self.process_request(stream, std::string(), 0,
                                         std::string(), 0, last, closed, setup);
                  }) {
      return self.process_request(stream, std::string(), 0, std::string(), 0,
                                  last, closed, setup);
    } else {
      return self.process_request(stream, last, closed, setup);
    }
  }

  // Takes away what would make an answer expensive: compression by the library,
  // which prefers brotli, at sixty times what gzip costs, and ranges, of which
  // a client may ask for a thousand that overlap.
  void prepare(httplib::Request& request) {
    gzip_ =
        compress_ && accepts_gzip(request.get_header_value("Accept-Encoding"));
    for (const char* name : {"Accept-Encoding", "Range", "Expect"}) {
      request.headers.erase(name);
    }
    request.ranges.clear();
  }

  // All that is answered is text.
  static void compress(httplib::Response& response) {
    if (response.body.size() < kLeastToCompress) return;
    if (auto compressed = gzip(response.body)) {
      response.body = std::move(*compressed);
      response.set_header("Content-Encoding", "gzip");
    }
  }

  std::string stream_head() const {
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (const auto& [name, value] : headers_) {
      head += fmt::format("{}: {}\r\n", name, value);
    }
    return head + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  }

  std::unique_ptr<BodyStream> take_stream() { return std::move(stream_); }

  const bool compress_;
  bool gzip_ = false;  // wanted by the client, and allowed
  bool handled_ = false;
  httplib::Headers headers_;  // what the handler set, of a stream
  std::unique_ptr<BodyStream> stream_;
};

// Whether `parameters` (";q=0.5") do not refuse.
bool has_weight(std::string_view parameters) {
  const auto q = parameters.find("q=");
  if (q == std::string_view::npos) return true;
  return parameters.find_first_of("123456789", q) != std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  for (const auto& coding : split(accept_encoding, ',')) {
    std::string_view text = coding;
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    const auto name = text.substr(0, text.find_first_of("; \t"));
    if (name.size() == 4 && ::strncasecmp(name.data(), "gzip", 4) == 0) {
      return has_weight(text.substr(name.size()));
    }
  }
  return false;
}

// What the library makes at its first request is made before there are threads:
// ThreadSanitizer does not see that it is guarded, as Debian's build is not
// instrumented.
Responder make_responder(RequestHandler handler, ExchangeOptions options) {
  static_cast<void>(
      Exchange([](const auto&, auto&) { return nullptr; }, options)
          .answer("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", true));
  return [handler = std::move(handler), options](std::string_view request,
                                                 bool last) {
    return Exchange(handler, options).answer(request, last);
  };
}

}  // namespace stillframe::http
