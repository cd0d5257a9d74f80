// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "exporters/http/exchange.h"
#include "exporters/http/front.h"
#include "exporters/http/listen.h"
#include "exporters/socket/address.h"
#include "exporters/socket/answers.h"
#include "exporters/socket/event_feed.h"

namespace stillframe::socket_api {
namespace {

constexpr std::size_t kMostConnections = 512;
constexpr std::size_t kPercentOfConnections = 25;
// A request that scans holds a thread until its scan is done, and its answer
// may have a line for each of a million changes.
constexpr std::size_t kWorkers = 64;
constexpr std::size_t kMostLengthy = 8;

bool is_lengthy(std::string_view request) {
  return request.starts_with("GET /v1/diff") ||
         request.starts_with("GET /v1/events") ||
         request.starts_with("GET /v1/policy/");
}

constexpr std::size_t kMostWaitingBytes = 64 << 20;

// Makes way for a new socket at `path`.
Result<> clear_the_way(const std::string& path) {
  const auto alive = probe(path);
  if (alive) {
    return fail("another agent is running (socket " + printable(path) +
                "). Stop it, or give this one its own --socket and "
                "--state-dir");
  }
  switch (alive.error().code) {
    case ENOENT:
      return {};
    case ECONNREFUSED:
      break;
    default:
      return fail(alive, "socket");
  }
  // connect(2) refuses on anything that is no listening socket, a plain file
  // included: remove only what is a socket.
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return fail(printable(path), errno);
  if (!S_ISSOCK(st.st_mode)) {
    return fail(printable(path) +
                " is not a socket: remove it or choose another --socket");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail("removing the stale socket " + printable(path), errno);
  }
  return {};
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::unique_ptr<http::BodyStream> send(httplib::Response& response,
                                       Answer answer) {
  response.status = answer.status;
  if (answer.state) {
    response.set_header("X-Stillframe-State",
                        std::string(to_string(*answer.state)));
  }
  if (!answer.notice.empty()) {
    response.set_header("X-Stillframe-Notice", answer.notice);
  }
  if (answer.stream == nullptr) {
    response.set_content(answer.body, answer.type);
  } else {
    response.set_header("Content-Type", answer.type);
  }
  return std::move(answer.stream);
}

std::string node_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

}  // namespace

struct Server::Impl {
  Impl(AgentApi& a, ServerOptions o) : agent(a), options(std::move(o)) {}
  ~Impl();

  Result<> bind();
  std::unique_ptr<http::BodyStream> answer(const httplib::Request& request,
                                           httplib::Response& response);
  Answer answer_query(const std::string& path, const Query& query);
  std::unique_ptr<http::BodyStream> stream_events(const Query& query,
                                                  httplib::Response& response);

  AgentApi& agent;
  ServerOptions options;
  std::size_t most_listeners = 0;
  // One reference each.
  std::shared_ptr<const void> listeners = std::make_shared<int>(0);
  std::unique_ptr<http::Front> front;
  struct stat bound{};
};

Server::Impl::~Impl() {
  if (front == nullptr) return;
  front.reset();
  // Ours only: another agent may have put its own socket there by now.
  struct stat st{};
  if (::lstat(options.path.c_str(), &st) == 0 && st.st_ino == bound.st_ino &&
      st.st_dev == bound.st_dev) {
    ::unlink(options.path.c_str());
  }
}

// Routes by comparing full paths: the library's own routes are regular
// expressions, matched recursively over what the client sent.
std::unique_ptr<http::BodyStream> Server::Impl::answer(
    const httplib::Request& request, httplib::Response& response) {
  if (request.method != "GET") {
    response.set_header("Allow", "GET");
    return send(response, error_answer(405, "only GET is answered here", ""));
  }
  const auto query = parse_query(request.params);
  if (!query) return send(response, bad_query(query.error()));
  if (request.path == "/v1/events") return stream_events(*query, response);
  return send(response, answer_query(request.path, *query));
}

Answer Server::Impl::answer_query(const std::string& path, const Query& query) {
  if (path == "/v1/ping") return ping_answer(agent, options.version);
  if (path == "/v1/ps") return ps_answer(agent, query);
  if (path == "/v1/diff") return diff_answer(agent, query);
  if (path == "/v1/names") return names_answer(agent, query);
  if (path == "/v1/doctor") return doctor_answer(options.doctor(), query);
  if (path == "/v1/policy/explain") return explain_answer(agent, query);
  if (path == "/v1/policy/suggest") return suggest_answer(agent, query);
  return error_answer(404, "no such endpoint", "try /v1/ping");
}

std::unique_ptr<http::BodyStream> Server::Impl::stream_events(
    const Query& query, httplib::Response& response) {
  if (!query.container.empty()) {
    const auto good = check_event_filter(agent, query, options.journal);
    if (!good) {
      return send(response, error_answer(400, good.error().message,
                                         "see 'stillframe ps'; older "
                                         "entries may have been pruned"));
    }
  }
  // Its own reference is not a listener. Connections are left for the rest.
  if (listeners.use_count() > static_cast<long>(most_listeners)) {
    return send(response, error_answer(503, "too many clients follow events",
                                       "end some of them"));
  }
  response.set_header("Content-Type", query.output == Output::json
                                          ? "application/jsonl"
                                          : "text/plain; charset=utf-8");
  if (query.wants_past()) {
    const std::string notice = pruned_notice(options.journal, query);
    if (!notice.empty()) response.set_header("X-Stillframe-Notice", notice);
  }
  std::optional<WallTime> since = query.events.since;
  if (query.wants_past() && !since) since = WallTime{INT64_MIN};
  return std::make_unique<EventFeed>(agent.subscribe(since, query.follow),
                                     query, node_name(), listeners,
                                     options.journal);
}

Result<> Server::Impl::bind() {
  const std::string& path = options.path;
  if (const auto made = make_directories(directory_of(path), 0755); !made) {
    return fail(made, "making the socket's directory");
  }
  if (const auto clear = clear_the_way(path); !clear) return clear;
  auto socket = http::listen_unix(path);
  if (!socket) return fail(socket, "cannot listen on " + printable(path));
  if (::chmod(path.c_str(), 0660) != 0 || ::lstat(path.c_str(), &bound) != 0) {
    return fail(printable(path), errno);
  }
  http::Settings settings;
  settings.most_connections = http::connection_bound(
      kMostConnections, kPercentOfConnections, http::descriptor_limit());
  settings.most_waiting_bytes = kMostWaitingBytes;
  settings.workers = kWorkers;
  settings.is_lengthy = is_lengthy;
  settings.most_lengthy = kMostLengthy;
  most_listeners = settings.most_connections / 2;
  std::vector<Fd> sockets;
  sockets.push_back(std::move(*socket));
  auto started =
      http::Front::start(std::move(sockets),
                         http::make_responder(
                             [this](const auto& request, auto& response) {
                               return answer(request, response);
                             },
                             {}),
                         settings);
  if (!started) return tl::unexpected<Error>(started.error());
  front = std::move(*started);
  return {};
}

Server::Server() = default;
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(AgentApi& agent,
                                              ServerOptions options) {
  std::unique_ptr<Server> server(new Server);
  server->impl_ = std::make_unique<Impl>(agent, std::move(options));
  if (const auto bound = server->impl_->bind(); !bound) {
    return tl::unexpected<Error>(bound.error());
  }
  return server;
}

}  // namespace stillframe::socket_api
