// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/model/words.h"

namespace stillframe::socket_api {

// A request's; one may be there several times.
using Parameters = std::multimap<std::string, std::string>;

struct Reply {
  std::string body;                     // raw bytes
  std::string notice;                   // for stderr; may be empty
  std::optional<ContainerState> state;  // of a diff's container
};

// Asks the agent over its Unix socket. Errors are one printable line each, with
// what to do about it.
class Client {
 public:
  // `patience`: how long an answer may take; a scan of all containers may take
  // minutes.
  explicit Client(std::string socket_path,
                  std::chrono::seconds patience = std::chrono::minutes(5));

  Result<Reply> get(const std::string& endpoint,
                    const Parameters& parameters) const;

  // Hands each piece of the body to `sink` as it comes, until the agent ends
  // the stream or `sink` returns false. The reply's own body stays empty.
  using Sink = std::function<bool(std::string_view)>;
  Result<Reply> get(const std::string& endpoint, const Parameters& parameters,
                    const Sink& sink) const;
  // The same of what may be quiet for as long as nothing happens.
  Result<> stream(const std::string& endpoint, const Parameters& parameters,
                  const Sink& sink) const;

 private:
  Result<Reply> receive(const std::string& endpoint,
                        const Parameters& parameters,
                        std::int64_t patience_seconds, const Sink& sink) const;

  std::string path_;
  std::chrono::seconds patience_;
};

}  // namespace stillframe::socket_api
