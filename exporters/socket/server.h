// SPDX-License-Identifier: Apache-2.0
//
// The agent's private API: HTTP over a Unix socket of mode 0660.
//
//   GET /v1/ping
//   GET /v1/ps       output=table|wide|name|json workloads=0|1 namespace=…
//   GET /v1/diff     output=table|json|docker container=…
//   GET /v1/events   output=compact|json follow=0|1 container=… since=TIME
//                    until=TIME after=SEQ last=COUNT glob=PATHS class=… kind=…
//                    verdict=… origin=… tool=…
//   GET /v1/doctor   output=table|json
//   GET /v1/policy/explain  container=C, path=P, output=table|json
//   GET /v1/policy/suggest  workload=W
//
// The agent renders (color=0|1, width=COLUMNS), the client prints the body's
// raw bytes. X-Stillframe-State is that of a diff's container,
// X-Stillframe-Notice is a line for stderr. Errors: {"error":…,"hint":…}.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "exporters/agent_api.h"

namespace stillframe::socket_api {

struct ServerOptions {
  std::string path;
  std::string version;
  std::string journal = {};              // its directory; empty: none
  std::function<DoctorReport()> doctor;  // called from any thread
};

// Serves until destroyed, then removes its socket.
class Server {
 public:
  // Makes the socket's directory where it is missing and replaces a socket that
  // nobody listens on any more. Fails when another agent listens on it.
  // `agent` must outlive the server.
  static Result<std::unique_ptr<Server>> start(AgentApi& agent,
                                               ServerOptions options);
  ~Server();

 private:
  Server();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::socket_api
