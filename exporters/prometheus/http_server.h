// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "exporters/agent_api.h"
#include "exporters/journald/state.h"
#include "exporters/prometheus/listen_address.h"
#include "exporters/prometheus/metric_table.h"
#include "exporters/web/configuration.h"

namespace stillframe::metrics {

struct WebOptions {
  std::vector<ListenAddress> listen;
  bool systemd_socket = false;  // on what systemd hands over, instead
  std::string telemetry_path = "/metrics";
  std::size_t max_containers = 1000;
  BuildInfo build;
  // Nothing: no events are sent there.
  std::function<std::optional<journald::State>()> journald = [] {
    return std::nullopt;
  };
  // TLS and who may ask; null: plain HTTP, and everyone may.
  std::shared_ptr<web::Configuration> configuration = nullptr;
};

// Serves the metrics, a landing page and the health probes over TCP until
// destroyed. Knows nothing of paths, commands and users: those are only to be
// had over the Unix socket.
class HttpServer {
 public:
  // Listens on every address or on none; `systemd_socket` can be done once. The
  // error names the address and says what to do. `agent` must outlive the
  // server.
  static Result<std::unique_ptr<HttpServer>> start(const AgentApi& agent,
                                                   WebOptions options);
  ~HttpServer();  // stops

  // Where it listens, with the ports that were chosen where 0 was asked for.
  std::vector<ListenAddress> addresses() const;

 private:
  HttpServer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::metrics
