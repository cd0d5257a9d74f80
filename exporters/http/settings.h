// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>

#include "agent/base/clock.h"
#include "exporters/http/framing.h"
#include "exporters/http/transport.h"

namespace stillframe::http {

// How long a client may take; after that its connection ends.
struct Patience {
  // Also to shake hands, before.
  std::chrono::milliseconds header{10'000};
  std::chrono::milliseconds body{10'000};
  // Between two requests: a Prometheus that scrapes once a minute keeps its
  // connection.
  std::chrono::milliseconds idle{120'000};
  std::chrono::milliseconds answer{30'000};   // to take all of an answer
  std::chrono::milliseconds stalled{30'000};  // a stream's, to take anything
  // To hang up after the last answer. Closed before the client has read it, a
  // connection with unread input is reset and the answer lost.
  std::chrono::milliseconds hang_up{1'000};
  // All of them, when the server stops. There are two servers.
  std::chrono::milliseconds stop{500};
};

struct Settings {
  RequestLimits limits;
  Patience patience;
  std::size_t most_connections = 1024;
  // Of these, such as still shake hands, which takes more memory than a request
  // may. A further one ends the oldest.
  std::size_t most_setting_up = 128;
  // Bytes of answers that wait for slow readers, all connections together. Any
  // single answer may be larger.
  std::size_t most_waiting_bytes = 64 << 20;
  std::size_t workers = 4;
  // Which requests take long (null: none does), asked by the front's thread,
  // and how many are answered at a time. The rest wait, as long as their
  // clients do; what finds too many waiting is refused (503) at once.
  std::function<bool(std::string_view request)> is_lengthy;
  std::size_t most_lengthy = 4;
  std::size_t most_lengthy_waiting = 1024;
  std::size_t requests_per_connection = 1;
  MakeTransport transport = plain_transport;
  const Clock* clock = &system_clock();
};

}  // namespace stillframe::http
