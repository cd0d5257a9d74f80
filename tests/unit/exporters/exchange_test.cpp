// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <stdexcept>

namespace stillframe::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr ExchangeOptions kOptions{
    .compress = true, .idle_seconds = 120, .requests = 7};

Answer ask(const RequestHandler& handler, const std::string& request,
           bool last = false) {
  return make_responder(handler, kOptions)(request, last);
}

std::unique_ptr<BodyStream> large_text(const httplib::Request&,
                                       httplib::Response& response) {
  response.set_content(std::string(1 << 20, 'x'), "text/plain");
  return nullptr;
}

// By zlib's own reader of gzip.
std::string gunzipped(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return "";
  std::string out(1 << 20, '\0');
  std::string in(bytes);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return done == Z_STREAM_END ? out : "";
}

class OnePiece : public BodyStream {
 public:
  void when_ready(std::function<void()>) override {}
  Piece pull() override { return {.bytes = "x", .ended = true}; }
};

TEST(Exchange, TakesGzipOnlyWhereItIsNotRefused) {
  struct {
    const char* text;
    bool gzip;
  } const cases[] = {
      {"", false},           {"identity", false},   {"br", false},
      {"gzip", true},        {"br, gzip", true},    {"deflate,GZIP", true},
      {"gzip;q=0", false},   {"gzip;q=0.0", false}, {"gzip; q=0.5, br", true},
      {"br;q=1.0", false},   {"gzip , br", true},   {"notgzip", false},
      {"gzip-ng, x", false}, {",, ,gzip;q=1", true}};
  for (const auto& each : cases) {
    EXPECT_EQ(accepts_gzip(each.text), each.gzip) << each.text;
  }
}

TEST(Exchange, CompressesOpenMetricsToo) {
  const std::string text(100'000, 'x');
  const auto answer = ask(
      [&](const auto&, auto& response) {
        response.set_content(text, "application/openmetrics-text");
        return nullptr;
      },
      "GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_THAT(answer.bytes, HasSubstr("Content-Encoding: gzip\r\n"));
  const auto body = answer.bytes.substr(answer.bytes.find("\r\n\r\n") + 4);
  EXPECT_LT(body.size(), text.size() / 10);
  EXPECT_EQ(gunzipped(body), text);
}

TEST(Exchange, LeavesWhatFitsInAPacketAsItIs) {
  const auto answer = ask(
      [](const auto&, auto& response) {
        response.set_content("ready", "text/plain");
        return nullptr;
      },
      "GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_THAT(answer.bytes, Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(answer.bytes, testing::EndsWith("\r\n\r\nready"));
}

TEST(Exchange, NeverAnswersInAnExpensiveEncoding) {
  struct {
    const char* accepted;
    const char* encoding;
  } const cases[] = {{"br", nullptr},
                     {"identity", nullptr},
                     {"gzip", "Content-Encoding: gzip\r\n"},
                     {"gzip, deflate, br", "Content-Encoding: gzip\r\n"}};
  for (const auto& each : cases) {
    const auto answer =
        ask(large_text, std::string("GET / HTTP/1.1\r\nAccept-Encoding: ") +
                            each.accepted + "\r\n\r\n");
    if (each.encoding == nullptr) {
      EXPECT_THAT(answer.bytes, Not(HasSubstr("Content-Encoding")));
      EXPECT_GT(answer.bytes.size(), 1u << 20);
    } else {
      EXPECT_THAT(answer.bytes, HasSubstr(each.encoding));
      EXPECT_LT(answer.bytes.size(), 1u << 16);
    }
  }
}

TEST(Exchange, AnswersARequestForRangesWithAllOfIt) {
  const auto answer =
      ask(large_text, "GET / HTTP/1.1\r\nRange: bytes=0-,0-,0-,0-\r\n\r\n");
  EXPECT_THAT(answer.bytes, StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(answer.bytes.size(), (1u << 20) + 1000);
}

TEST(Exchange, AnswersHeadWithoutABody) {
  const auto answer = ask(large_text, "HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer.bytes, HasSubstr("Content-Length: 1048576\r\n"));
  EXPECT_TRUE(answer.bytes.ends_with("\r\n\r\n"));
}

TEST(Exchange, KeepsAConnectionWhereBothSidesWant) {
  struct {
    const char* request;
    bool last;
    bool close;
  } const cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", false, false},
      {"GET / HTTP/1.1\r\n\r\n", true, true},
      {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false, true},
      {"GET / HTTP/1.0\r\n\r\n", false, true},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false, false},
      {"NONSENSE\r\n\r\n", false, true},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(ask(large_text, each.request, each.last).close, each.close)
        << each.request << each.last;
  }
  EXPECT_THAT(ask(large_text, cases[0].request).bytes,
              HasSubstr("Keep-Alive: timeout=120, max=7\r\n"));
}

TEST(Exchange, RefusesWhatIsNotARequest) {
  for (const char* request :
       {"NONSENSE\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"}) {
    EXPECT_THAT(ask(large_text, request).bytes, StartsWith("HTTP/1.1 400 "))
        << request;
  }
}

TEST(Exchange, AnswersWhenTheHandlerThrows) {
  const auto answer = ask(
      [](const auto&, auto&) -> std::unique_ptr<BodyStream> {
        throw std::runtime_error("a secret");
      },
      "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer.bytes, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer.bytes, Not(HasSubstr("secret")));
}

TEST(Exchange, HandsAStreamOut) {
  const auto answer = ask(
      [](const auto&, auto& response) {
        response.set_header("Content-Type", "application/jsonl");
        return std::make_unique<OnePiece>();
      },
      "GET / HTTP/1.1\r\n\r\n");
  ASSERT_NE(answer.stream, nullptr);
  EXPECT_EQ(answer.bytes,
            "HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace stillframe::http
