// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "agent/base/fd.h"

namespace stillframe::http {

// What a connection's bytes travel by: the socket itself, or TLS on it. Used by
// the front's thread only; never blocks.
class Transport {
 public:
  enum class Progress : std::uint8_t { done, waiting, failed };

  explicit Transport(Fd socket) : socket_(std::move(socket)) {}
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  int descriptor() const { return socket_; }

  // Until it is done nothing is sent or received. Called again whenever what
  // wanted() says has come. After a failure the client may still read why.
  virtual Progress set_up() = 0;
  // As recv(2) and send(2): -1 and EAGAIN when it has to wait. To be called
  // again with the same bytes, or more of them.
  virtual ssize_t receive(char* to, std::size_t size) = 0;
  virtual ssize_t send(std::string_view bytes) = 0;
  // Whether receive() has bytes that epoll(7) does not know of.
  virtual bool has_more() const = 0;
  // What to wait for, of epoll(7), before the last call is made again, where
  // `usual` is what it would be on the socket itself.
  virtual std::uint32_t wanted(std::uint32_t usual) const = 0;
  // The client sees an end that is not an accident.
  virtual void end_sending() = 0;
  // False: a new connection would be made otherwise, so this one is to end once
  // its request is answered.
  virtual bool is_current() const = 0;

 private:
  Fd socket_;
};

// For each connection that is accepted, by the front's thread. Null: it cannot
// be served and is closed.
using MakeTransport = std::function<std::unique_ptr<Transport>(Fd)>;

std::unique_ptr<Transport> plain_transport(Fd socket);

}  // namespace stillframe::http
