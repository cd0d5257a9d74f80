// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "exporters/http/answer.h"
#include "exporters/http/settings.h"
#include "exporters/http/transport.h"

namespace stillframe::http {

// One client. Never blocks: after each call the front asks for its request, for
// what it waits for and until when.
class Connection {
 public:
  enum class State : std::uint8_t {
    setting_up,  // shakes hands, where its transport does
    idle,        // kept alive
    header,      // receives
    body,        // receives
    processing,  // a worker has its request
    writing,     // its answer
    streaming,   // events as they come
    hanging_up,  // all is sent, waits for the client to close
    closed,
  };

  // Times are nanoseconds of the settings' clock.
  Connection(std::unique_ptr<Transport> transport, const Settings& settings,
             std::uint64_t now);

  State state() const { return state_; }
  std::uint64_t deadline() const { return deadline_; }
  // When its state began or, where it is written to, moved on last.
  std::uint64_t since() const { return since_; }
  std::size_t waiting_bytes() const { return output_.size() - sent_; }
  // With what the stream holds of the rest.
  std::size_t held_bytes() const {
    return waiting_bytes() + (stream_ == nullptr ? 0 : stream_->held_bytes());
  }
  int descriptor() const { return transport_->descriptor(); }
  std::uint32_t wanted_events() const;  // of epoll(7)

  // A complete request that nobody has taken yet.
  std::optional<std::string> take_request();
  // Its connection ends after the answer to the request taken last.
  bool is_last() const { return last_; }

  void on_events(std::uint32_t events, std::uint64_t now);
  void on_answer(Answer answer, std::function<void()> wake, std::uint64_t now);
  void on_stream_ready(std::uint64_t now);
  void on_deadline(std::uint64_t now);
  // The server stops: ends at once what waits for the client's next bytes, the
  // rest after its answer.
  void on_stop(std::uint64_t now);
  // Ends it now, whatever has not been read.
  void cut();

 private:
  void enter(State state, std::uint64_t now);
  void set_up(std::uint64_t now);
  void close();
  void receive(std::uint64_t now);
  void discard();
  void hang_up_now();
  void next_request(std::uint64_t now);
  void frame_next(std::uint64_t now);
  void refuse(int status, std::uint64_t now);
  void send(std::uint64_t now);
  void sent_all(std::uint64_t now);
  void pump(std::uint64_t now);

  std::unique_ptr<Transport> transport_;
  const Settings* settings_;
  State state_ = State::setting_up;
  std::uint64_t since_ = 0;
  std::uint64_t deadline_ = 0;
  std::string input_;
  std::string output_;
  std::size_t sent_ = 0;
  std::optional<std::string> request_;
  std::size_t requests_ = 0;
  bool last_ = false;
  bool stopping_ = false;
  bool stream_has_more_ = false;
  std::unique_ptr<BodyStream> stream_;
};

}  // namespace stillframe::http
