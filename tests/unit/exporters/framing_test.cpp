// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/framing.h"

#include <gtest/gtest.h>

namespace stillframe::http {
namespace {

constexpr RequestLimits kLimits{.header = 64, .body = 8};

struct Case {
  std::string bytes;
  Frame::State state;
  std::size_t size = 0;
  int status = 0;
};

TEST(Framing, FindsTheEndOfARequest) {
  using State = Frame::State;
  const std::string line = "GET / HTTP/1.1\r\n";
  const Case cases[] = {
      {"", State::header},
      {"G", State::header},
      {line, State::header},
      {line + "A: b\r\n", State::header},
      {line + "\r\n", State::complete, 18},
      {line + "A: b\r\n\r\nGET", State::complete, 24},
      {line + "Content-Length: 3\r\n\r\nab", State::body},
      {line + "Content-Length: 3\r\n\r\nabc", State::complete, 40},
      {line + "content-length:\t3 \r\n\r\nabcd", State::complete, 41},
      {line + "Content-Length: 8\r\n\r\n", State::body},
      {line + "Content-Length: 9\r\n\r\n", State::refused, 0, 413},
      {line + "Content-Length: 99999999999999999999\r\n\r\n", State::refused, 0,
       413},
      {line + "Content-Length: -1\r\n\r\n", State::refused, 0, 400},
      {line + "Content-Length: 3x\r\n\r\n", State::refused, 0, 400},
      {line + "Content-Length:\r\n\r\n", State::refused, 0, 400},
      {line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", State::refused,
       0, 400},
      {line + "Transfer-Encoding: chunked\r\n\r\n", State::refused, 0, 411},
      {line + "no colon\r\n\r\n", State::refused, 0, 400},
      {line + ": no name\r\n\r\n", State::refused, 0, 400},
      {"GET / HTTP/1.1\n", State::refused, 0, 400},
      {line + "A: b\nC: d\r\n\r\n", State::refused, 0, 400},
      {line + std::string("A: \0b\r\n", 7), State::refused, 0, 400},
      {"\x16\x03\x01", State::refused, 0, 400},
      {"get / HTTP/1.1\r\n\r\n", State::refused, 0, 400},
      {line + "A: " + std::string(60, 'x'), State::refused, 0, 431},
      {line + "A: " + std::string(60, 'x') + "\r\n\r\n", State::refused, 0,
       431},
  };
  for (const auto& each : cases) {
    const Frame frame = frame_request(each.bytes, kLimits);
    EXPECT_EQ(frame.state, each.state) << each.bytes;
    EXPECT_EQ(frame.size, each.size) << each.bytes;
    EXPECT_EQ(frame.status, each.status) << each.bytes;
  }
}

TEST(Framing, NamesWhyItRefuses) {
  EXPECT_EQ(refusal(431),
            "HTTP/1.1 431 Request Header Fields Too Large\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace stillframe::http
