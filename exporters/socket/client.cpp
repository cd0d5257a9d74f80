// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/client.h"

#include <httplib.h>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "exporters/socket/address.h"

namespace stillframe::socket_api {
namespace {

// A quiet stream sends nothing for as long as nothing happens.
constexpr std::time_t kForeverSeconds = 10L * 365 * 24 * 3600;
constexpr int kUnusedPort = 80;
constexpr std::size_t kLongestError = 64 << 10;

httplib::Client connect_to(const std::string& path, std::time_t patience) {
  httplib::Client client(path, kUnusedPort);
  client.set_address_family(AF_UNIX);
  client.set_read_timeout(patience);
  return client;
}

std::string target(const std::string& endpoint, const Parameters& parameters) {
  const httplib::Params params(parameters.begin(), parameters.end());
  return params.empty() ? endpoint
                        : httplib::append_query_params(endpoint, params);
}

httplib::Headers headers() {
  return {{"Host", "stillframe"}, {"Accept-Encoding", "identity"}};
}

// The agent's {"error","hint"} as one line.
Error error_of(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto field = [&](const char* name) -> std::string {
    if (!json.is_object() || !json.contains(name)) return {};
    const auto& value = json[name];
    return value.is_string() ? printable(value.get<std::string>()) : "";
  };
  std::string message = field("error");
  if (message.empty()) {
    return {0, "the agent answered with HTTP status " + std::to_string(status)};
  }
  const std::string hint = field("hint");
  if (!hint.empty()) message += " (" + hint + ')';
  return {0, message};
}

Error broken(httplib::Error error) {
  if (error == httplib::Error::Read) {
    return {
        0, "the agent gave no answer: it is stopping, or has too many clients"};
  }
  return {0, "connection to the agent lost (" + httplib::to_string(error) +
                 "): was it stopped?"};
}

}  // namespace

Client::Client(std::string socket_path, std::chrono::seconds patience)
    : path_(std::move(socket_path)), patience_(patience) {}

Result<Reply> Client::get(const std::string& endpoint,
                          const Parameters& parameters) const {
  std::string body;
  auto reply = get(endpoint, parameters, [&body](std::string_view piece) {
    body.append(piece);
    return true;
  });
  if (reply) reply->body = std::move(body);
  return reply;
}

Result<Reply> Client::get(const std::string& endpoint,
                          const Parameters& parameters,
                          const Sink& sink) const {
  return receive(endpoint, parameters, patience_.count(), sink);
}

Result<> Client::stream(const std::string& endpoint,
                        const Parameters& parameters, const Sink& sink) const {
  const auto reply = receive(endpoint, parameters, kForeverSeconds, sink);
  if (!reply) return tl::unexpected<Error>(reply.error());
  return {};
}

Result<Reply> Client::receive(const std::string& endpoint,
                              const Parameters& parameters,
                              std::int64_t patience_seconds,
                              const Sink& sink) const {
  if (const auto there = probe(path_); !there) {
    return tl::unexpected<Error>(unreachable(path_, there.error()));
  }
  auto client = connect_to(path_, patience_seconds);
  int status = 0;
  Reply reply;
  std::string error_body;
  bool stopped = false;
  const auto response = client.Get(
      target(endpoint, parameters), headers(),
      [&](const httplib::Response& head) {
        status = head.status;
        reply.notice = printable(head.get_header_value("X-Stillframe-Notice"));
        reply.state = state_from(head.get_header_value("X-Stillframe-State"));
        return true;
      },
      [&](const char* data, std::size_t size) {
        if (status != 200) {
          error_body.append(data, size);
          return error_body.size() <= kLongestError;
        }
        stopped = !sink(std::string_view(data, size));
        return !stopped;
      });
  if (status != 0 && status != 200) {
    return tl::unexpected<Error>(error_of(status, error_body));
  }
  if (!response && !stopped) {
    return tl::unexpected<Error>(broken(response.error()));
  }
  return reply;
}

}  // namespace stillframe::socket_api
