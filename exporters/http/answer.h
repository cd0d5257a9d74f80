// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace stillframe::http {

// A body that comes in pieces over time: an event stream. Used by the front's
// thread only; it must not block.
class BodyStream {
 public:
  struct Piece {
    std::string bytes;  // may be empty: nothing yet
    bool ended = false;
  };

  virtual ~BodyStream() = default;
  // `wake` is called, from any thread, when pull() has something again after it
  // gave nothing. Set once, before the first pull().
  virtual void when_ready(std::function<void()> wake) = 0;
  // What there is, up to some tens of KiB.
  virtual Piece pull() = 0;
  // What it keeps in memory of what has not been pulled: counts with what waits
  // for readers.
  virtual std::size_t held_bytes() const { return 0; }
};

// What one request is answered with.
struct Answer {
  std::string bytes;                   // of the response, head included
  bool close = false;                  // end the connection afterwards
  std::unique_ptr<BodyStream> stream;  // sent in chunks after `bytes`
};

// Answers one complete request. Called from a worker thread; may block. With
// `last`, the connection ends after this answer, and the response says so.
using Responder = std::function<Answer(std::string_view request, bool last)>;

}  // namespace stillframe::http
