// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/server.h"

#include <httplib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "exporters/socket/address.h"
#include "exporters/socket/answers.h"
#include "exporters/socket/event_feed.h"
#include "exporters/socket/task_queue.h"

namespace stillframe::socket_api {
namespace {

constexpr std::size_t kMostConnections = 64;
constexpr std::time_t kTimeoutSeconds = 5;
constexpr std::size_t kLargestRequest = 16 << 10;
// How soon a quiet stream sees that its listener has gone or the agent stops.
constexpr std::chrono::milliseconds kStreamPulse{200};

// The library listens with a backlog of five, and a Unix socket turns away what
// does not fit: too little for a burst of requests from a script.
class UnixServer : public httplib::Server {
 public:
  bool widen_backlog() { return ::listen(svr_sock_, kBacklog) == 0; }

 private:
  static constexpr int kBacklog = 128;
};

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

void send(httplib::Response& response, const Answer& answer) {
  response.status = answer.status;
  if (answer.state) {
    response.set_header("X-Stillframe-State",
                        std::string(to_string(*answer.state)));
  }
  if (!answer.notice.empty()) {
    response.set_header("X-Stillframe-Notice", answer.notice);
  }
  response.set_content(answer.body, answer.type);
}

}  // namespace

struct Server::Impl {
  Impl(AgentApi& a, ServerOptions o) : agent(a), options(std::move(o)) {}
  ~Impl();

  Result<> bind();
  void run();
  void answer(const httplib::Request& request, httplib::Response& response);
  void stream_events(const Query& query, httplib::Response& response);

  AgentApi& agent;
  ServerOptions options;
  UnixServer server;
  std::thread thread;
  struct stat bound{};
};

Server::Impl::~Impl() {
  if (!thread.joinable()) return;
  server.stop();
  thread.join();
  // Ours only: another agent may have put its own socket there by now.
  struct stat st{};
  if (::lstat(options.path.c_str(), &st) == 0 && st.st_ino == bound.st_ino &&
      st.st_dev == bound.st_dev) {
    ::unlink(options.path.c_str());
  }
}

// Routes by comparing whole paths: the library's own routes are regular
// expressions, matched recursively over what the client sent.
void Server::Impl::answer(const httplib::Request& request,
                          httplib::Response& response) {
  if (request.method != "GET") {
    response.set_header("Allow", "GET");
    return send(response, error_answer(405, "only GET is answered here", ""));
  }
  const auto query = parse_query(request.params);
  if (!query) return send(response, bad_query(query.error()));
  if (request.path == "/v1/ping") {
    send(response, ping_answer(agent, options.version));
  } else if (request.path == "/v1/ps") {
    send(response, ps_answer(agent, *query));
  } else if (request.path == "/v1/diff") {
    send(response, diff_answer(agent, *query));
  } else if (request.path == "/v1/doctor") {
    send(response, doctor_answer(options.doctor(), *query));
  } else if (request.path == "/v1/policy/explain") {
    send(response, explain_answer(agent, *query));
  } else if (request.path == "/v1/policy/suggest") {
    send(response, suggest_answer(agent, *query));
  } else if (request.path == "/v1/events") {
    stream_events(*query, response);
  } else {
    send(response, error_answer(404, "no such endpoint", "try /v1/ping"));
  }
}

void Server::Impl::stream_events(const Query& query,
                                 httplib::Response& response) {
  if (const auto snapshot = agent.snapshot()) {
    const auto good = check_event_filter(*snapshot, query.container);
    if (!good) {
      return send(response, error_answer(400, good.error().message,
                                         "give more of the id, or the name"));
    }
  }
  const auto feed = std::make_shared<EventFeed>(
      agent.subscribe(query.since, query.follow), query);
  const bool json = query.output == Output::json;
  // Past events are there at once; only new ones are worth a wait.
  const auto wait = query.follow ? kStreamPulse : std::chrono::milliseconds(0);
  response.status = 200;
  response.set_chunked_content_provider(
      json ? "application/jsonl" : "text/plain; charset=utf-8",
      [feed, wait](std::size_t, httplib::DataSink& sink) {
        if (!sink.is_writable()) return false;
        const EventFeed::Step step = feed->step(wait);
        if (!step.text.empty() &&
            !sink.write(step.text.data(), step.text.size())) {
          return false;
        }
        if (step.state == EventFeed::State::ended) sink.done();
        return true;
      });
}

Result<> Server::Impl::bind() {
  const std::string& path = options.path;
  if (const auto made = make_directories(directory_of(path), 0755); !made) {
    return fail(made, "making the socket's directory");
  }
  if (const auto clear = clear_the_way(path); !clear) return clear;
  server.set_address_family(AF_UNIX);
  server.set_socket_options([](int) {});
  server.new_task_queue = [] {
    return new ThreadPerConnection(kMostConnections);
  };
  server.set_read_timeout(kTimeoutSeconds);
  server.set_write_timeout(kTimeoutSeconds);
  server.set_keep_alive_max_count(1);
  server.set_payload_max_length(kLargestRequest);
  server.set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        answer(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });
  // Nobody else may connect between bind and chmod.
  const mode_t before = ::umask(0177);
  constexpr int kUnusedPort = 80;
  const bool bound_there = server.bind_to_port(path, kUnusedPort);
  const int code = errno;
  ::umask(before);
  if (!bound_there) return fail("cannot listen on " + printable(path), code);
  if (!server.widen_backlog()) return fail("listen", errno);
  if (::chmod(path.c_str(), 0660) != 0 || ::lstat(path.c_str(), &bound) != 0) {
    return fail(printable(path), errno);
  }
  return {};
}

void Server::Impl::run() {
  thread = std::thread([this] { server.listen_after_bind(); });
  // stop() is lost on a server that does not run yet.
  while (!server.is_running()) std::this_thread::yield();
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
  server->impl_->run();
  return server;
}

}  // namespace stillframe::socket_api
