// SPDX-License-Identifier: Apache-2.0
//
// The connection front of both servers. One thread holds all connections and
// never blocks on any of them: a client that sends or reads slowly, or not at
// all, costs a descriptor and a bounded buffer, no thread. Complete requests go
// to a few workers; their answers are written as the client takes them.
//
// When there is no room for a new connection, the one goes that has waited for
// its client longest. When too many bytes wait for slow readers, the reader
// that has taken nothing for longest goes.
#pragma once

#include <memory>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "exporters/http/answer.h"
#include "exporters/http/settings.h"

namespace stillframe::http {

class Front {
 public:
  // `listeners` are non-blocking. Serves until destroyed.
  static Result<std::unique_ptr<Front>> start(std::vector<Fd> listeners,
                                              Responder responder,
                                              Settings settings);
  // Ends what waits for clients at once, delivers answers that are ready or
  // come within Patience::stop, and waits for the responder to return.
  ~Front();

 private:
  Front();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::http
