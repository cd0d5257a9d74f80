// SPDX-License-Identifier: Apache-2.0
//
// Where a request ends in what a client sends, however it is cut.
#include "exporters/http/framing.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;
using stillframe::fuzz::require;
using State = http::Frame::State;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  // Small, so that inputs reach them.
  const http::RequestLimits limits{.header = 256, .body = 64};
  const auto frame = http::frame_request(bytes, limits);
  if (frame.state == State::complete) {
    require(frame.size > 0 && frame.size <= bytes.size(),
            "a request lies in the bytes that came");
    const auto alone = http::frame_request(bytes.substr(0, frame.size), limits);
    require(alone.state == State::complete && alone.size == frame.size,
            "a request ends where it ends, whatever follows");
  } else if (frame.state == State::refused) {
    require(frame.status >= 400, "a refusal has a status");
    require(!http::refusal(frame.status).empty(), "a refusal has words");
  } else {
    require(bytes.size() <= limits.header + limits.body + 8,
            "no more is waited for than the limits allow");
  }
  return 0;
}
