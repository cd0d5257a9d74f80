// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/connection.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace stillframe::http {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;
// One connection's share of a turn of the loop.
constexpr std::size_t kReadAtOnce = 16 << 10;
constexpr std::size_t kWriteAtOnce = 1 << 20;

std::uint64_t after(std::uint64_t now, std::chrono::milliseconds wait) {
  return now +
         static_cast<std::uint64_t>(std::chrono::nanoseconds(wait).count());
}

bool is_transient(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

Connection::Connection(std::unique_ptr<Transport> transport,
                       const Settings& settings, std::uint64_t now)
    : transport_(std::move(transport)), settings_(&settings) {
  enter(State::setting_up, now);
  set_up(now);
}

void Connection::set_up(std::uint64_t now) {
  switch (transport_->set_up()) {
    case Transport::Progress::waiting:
      return;
    case Transport::Progress::failed:
      // Closed with unread input, the client would not learn why.
      ::shutdown(descriptor(), SHUT_WR);
      return enter(State::hanging_up, now);
    case Transport::Progress::done:
      enter(State::header, now);
      if (transport_->has_more()) receive(now);
  }
}

void Connection::enter(State state, std::uint64_t now) {
  const Patience& patience = settings_->patience;
  state_ = state;
  since_ = now;
  switch (state) {
    case State::idle:
      deadline_ = after(now, patience.idle);
      break;
    case State::setting_up:
    case State::header:
      deadline_ = after(now, patience.header);
      break;
    case State::body:
      deadline_ = after(now, patience.body);
      break;
    case State::writing:
      deadline_ = after(now, patience.answer);
      break;
    case State::hanging_up:
      deadline_ = after(now, patience.hang_up);
      break;
    case State::processing:
    case State::streaming:
    case State::closed:
      deadline_ = kNever;
      break;
  }
}

void Connection::close() {
  state_ = State::closed;
  deadline_ = kNever;
  stream_.reset();
}

void Connection::cut() {
  // Else the kernel keeps, for a client that does not read, what it was given
  // to send.
  const linger now{.l_onoff = 1, .l_linger = 0};
  if (state_ == State::writing || state_ == State::streaming) {
    ::setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  close();
}

std::uint32_t Connection::wanted_events() const {
  switch (state_) {
    case State::writing:
      return transport_->wanted(EPOLLOUT);
    case State::streaming:
      return waiting_bytes() > 0 || stream_has_more_ ? EPOLLIN | EPOLLOUT
                                                     : EPOLLIN;
    case State::processing:
    case State::closed:
      return 0;
    case State::hanging_up:
      return EPOLLIN;
    default:
      return transport_->wanted(EPOLLIN);
  }
}

std::optional<std::string> Connection::take_request() {
  return std::exchange(request_, std::nullopt);
}

void Connection::on_events(std::uint32_t events, std::uint64_t now) {
  switch (state_) {
    case State::setting_up:
      return set_up(now);
    case State::idle:
    case State::header:
    case State::body:
      return receive(now);
    case State::processing:
      // Only what cannot be masked: the client has gone.
      return close();
    case State::writing:
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close();
      return send(now);
    case State::streaming:
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close();
      if ((events & EPOLLIN) != 0) discard();
      if (state_ == State::streaming && (events & EPOLLOUT) != 0) pump(now);
      return;
    case State::hanging_up:
      return discard();
    case State::closed:
      return;
  }
}

void Connection::receive(std::uint64_t now) {
  const auto& limits = settings_->limits;
  const std::size_t room = limits.header + limits.body - input_.size();
  char bytes[kReadAtOnce];
  const ssize_t count =
      transport_->receive(bytes, std::min(room, sizeof bytes));
  if (count == 0 || (count < 0 && !is_transient(errno))) return close();
  if (count < 0) return;
  // As much memory as was sent, for however long it waits for the rest.
  input_.append(bytes, static_cast<std::size_t>(count));
  next_request(now);
}

// Whatever comes now is not a request any more; no need to decrypt it.
void Connection::discard() {
  char bytes[4096];
  const ssize_t count = ::recv(descriptor(), bytes, sizeof bytes, 0);
  if (count == 0 || (count < 0 && !is_transient(errno))) close();
}

// From what was received: may be a part, or more than one request. A transport
// may hold back bytes for which there was no room before.
void Connection::next_request(std::uint64_t now) {
  frame_next(now);
  const bool receiving =
      state_ == State::idle || state_ == State::header || state_ == State::body;
  if (receiving && transport_->has_more()) receive(now);
}

void Connection::frame_next(std::uint64_t now) {
  // Some clients end a body with an empty line that is not a part of it.
  while (input_.starts_with("\r\n")) input_.erase(0, 2);
  if (input_.empty()) {
    if (state_ != State::header && state_ != State::idle) {
      enter(State::idle, now);
    }
    return;
  }
  const Frame frame = frame_request(input_, settings_->limits);
  switch (frame.state) {
    case Frame::State::header:
      if (state_ != State::header) enter(State::header, now);
      return;
    case Frame::State::body:
      if (state_ != State::body) enter(State::body, now);
      return;
    case Frame::State::refused:
      return refuse(frame.status, now);
    case Frame::State::complete:
      request_ = input_.substr(0, frame.size);
      input_.erase(0, frame.size);
      last_ = stopping_ || !transport_->is_current() ||
              ++requests_ >= settings_->requests_per_connection;
      return enter(State::processing, now);
  }
}

void Connection::refuse(int status, std::uint64_t now) {
  input_ = {};
  last_ = true;
  output_ = refusal(status);
  sent_ = 0;
  enter(State::writing, now);
  send(now);
}

void Connection::on_answer(Answer answer, std::function<void()> wake,
                           std::uint64_t now) {
  if (state_ != State::processing) return;
  last_ = last_ || answer.close || !transport_->is_current();
  output_ = std::move(answer.bytes);
  sent_ = 0;
  stream_ = std::move(answer.stream);
  if (stream_ == nullptr) {
    enter(State::writing, now);
    return send(now);
  }
  enter(State::streaming, now);
  stream_has_more_ = true;  // as long as a pull has not shown otherwise
  stream_->when_ready(std::move(wake));
  pump(now);
}

void Connection::send(std::uint64_t now) {
  const std::size_t until = std::min(output_.size(), sent_ + kWriteAtOnce);
  while (sent_ < until) {
    const ssize_t count = transport_->send(
        std::string_view(output_).substr(sent_, until - sent_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      if (!is_transient(errno)) close();
      return;
    }
    sent_ += static_cast<std::size_t>(count);
    since_ = now;
  }
  if (sent_ == output_.size()) sent_all(now);
}

void Connection::sent_all(std::uint64_t now) {
  output_ = {};  // with its memory
  sent_ = 0;
  if (state_ != State::writing) return;
  if (!last_ && !stopping_) return next_request(now);
  // The client sees the end; what it still sends must not reset the connection
  // before it has read the answer.
  transport_->end_sending();
  if (stopping_) return hang_up_now();
  enter(State::hanging_up, now);
}

// A stopping server does not wait for clients to close. What they sent
// meanwhile is read first, or the kernel resets the connection.
void Connection::hang_up_now() {
  char bytes[kReadAtOnce];
  static_cast<void>(::recv(descriptor(), bytes, sizeof bytes, 0));
  close();
}

void Connection::on_stream_ready(std::uint64_t now) {
  if (state_ == State::streaming && waiting_bytes() == 0) pump(now);
}

// Sends what waits; when that is gone, one more piece of the stream.
void Connection::pump(std::uint64_t now) {
  if (waiting_bytes() == 0) {
    auto piece = stream_->pull();
    stream_has_more_ = !piece.bytes.empty();
    if (stream_has_more_) {
      output_ += fmt::format("{:x}\r\n", piece.bytes.size());
      output_ += piece.bytes;
      output_ += "\r\n";
    }
    if (piece.ended || (stopping_ && piece.bytes.empty())) {
      output_ += "0\r\n\r\n";
      stream_.reset();
      last_ = true;
      enter(State::writing, now);
    }
  }
  send(now);
  if (state_ != State::streaming) return;
  // The piece may just have filled the kernel's buffer.
  const bool all_read = waiting_bytes() == 0 && !stream_has_more_;
  deadline_ = all_read ? kNever : after(since_, settings_->patience.stalled);
}

void Connection::on_deadline(std::uint64_t now) {
  const bool receiving = state_ == State::header || state_ == State::body;
  // Where nothing of a request came there is nobody to answer.
  if (receiving && !input_.empty()) return refuse(408, now);
  cut();
}

void Connection::on_stop(std::uint64_t now) {
  stopping_ = true;
  switch (state_) {
    case State::setting_up:
    case State::idle:
    case State::header:
    case State::body:
      return close();
    case State::hanging_up:
      return hang_up_now();
    case State::streaming:
      return on_stream_ready(now);
    case State::processing:
    case State::writing:
    case State::closed:
      return;
  }
}

}  // namespace stillframe::http
