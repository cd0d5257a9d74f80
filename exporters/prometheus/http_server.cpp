// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/http_server.h"

#include <fmt/format.h>
#include <httplib.h>

#include <thread>

#include "exporters/prometheus/metrics_text.h"
#include "exporters/prometheus/pages.h"

namespace stillframe::metrics {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::time_t kTimeoutSeconds = 5;
// A connection holds a thread while it is kept alive.
constexpr std::time_t kKeepAliveSeconds = 1;
constexpr std::size_t kLargestRequest = 16 << 10;
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kHtmlType[] = "text/html; charset=utf-8";
constexpr char kTextType[] = "text/plain; charset=utf-8";

// The library's own default adds SO_REUSEPORT, with which a second agent would
// take half of the requests instead of failing.
void socket_options(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

tl::unexpected<Error> cannot_listen(const ListenAddress& address, int code) {
  std::string message = "cannot listen on " + to_string(address);
  if (code == EADDRINUSE) {
    message += fmt::format(
        ": the port is taken. See who has it with 'ss -ltnp sport = {}', or "
        "choose another with --web.listen-address",
        address.port);
    return tl::unexpected<Error>(Error{code, message});
  }
  if (code == EACCES) {
    return tl::unexpected<Error>(
        Error{code, message + ": not permitted. Choose a port above 1023 with "
                              "--web.listen-address"});
  }
  message += ": no such address on this machine? Check --web.listen-address";
  return fail(message, code);
}

}  // namespace

struct HttpServer::Impl {
  struct Listener {
    ListenAddress address;
    httplib::Server server;
    std::thread thread;
  };

  Impl(const AgentApi& a, WebOptions o)
      : agent(a),
        options(std::move(o)),
        collector([this] { return agent.snapshot(); }, options.build,
                  options.max_containers) {}

  ~Impl() {
    for (auto& listener : listeners) listener->server.stop();
    for (auto& listener : listeners) {
      if (listener->thread.joinable()) listener->thread.join();
    }
  }

  Result<> bind(const ListenAddress& address);
  void run(Listener& listener);
  void answer(const httplib::Request& request, httplib::Response& response);
  void probe(httplib::Response& response, bool good, const char* yes,
             const char* no);

  const AgentApi& agent;
  WebOptions options;
  SnapshotCollector collector;
  std::vector<std::unique_ptr<Listener>> listeners;
};

// Routes by comparing whole paths: the library's own routes are regular
// expressions, matched recursively over what the client sent.
void HttpServer::Impl::answer(const httplib::Request& request,
                              httplib::Response& response) {
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'");
  const std::string& path = request.path;
  if (request.method != "GET" && request.method != "HEAD") {
    response.status = 405;
    response.set_header("Allow", "GET, HEAD");
    response.set_content("Only GET and HEAD are answered here.\n", kTextType);
  } else if (path == options.telemetry_path) {
    response.set_content(metrics_text(collector), kMetricsType);
  } else if (path == "/") {
    response.set_content(
        landing_page(options.telemetry_path, options.build.version), kHtmlType);
  } else if (path == "/-/healthy" || path == "/healthz") {
    probe(response, agent.healthy(), "healthy\n", "the loop does not turn\n");
  } else if (path == "/-/ready" || path == "/readyz") {
    const SnapshotPtr snapshot = agent.snapshot();
    probe(response, snapshot != nullptr && snapshot->ready, "ready\n",
          "not ready: sensors or the first scan are still to come\n");
  } else {
    response.status = 404;
    response.set_content(not_found_page(options.telemetry_path), kHtmlType);
  }
}

void HttpServer::Impl::probe(httplib::Response& response, bool good,
                             const char* yes, const char* no) {
  response.status = good ? 200 : 503;
  response.set_header("Cache-Control", "no-store");
  response.set_content(good ? yes : no, kTextType);
}

Result<> HttpServer::Impl::bind(const ListenAddress& address) {
  auto listener = std::make_unique<Listener>();
  httplib::Server& server = listener->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_socket_options(socket_options);
  server.set_read_timeout(kTimeoutSeconds);
  server.set_write_timeout(kTimeoutSeconds);
  server.set_keep_alive_timeout(kKeepAliveSeconds);
  server.set_payload_max_length(kLargestRequest);
  server.set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        answer(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });
  // An IPv6 socket takes IPv4 too; without IPv6 there is only 0.0.0.0.
  std::vector<std::string> hosts = {address.host};
  if (address.host.empty()) hosts = {"::", "0.0.0.0"};
  int code = 0;
  for (const auto& host : hosts) {
    errno = 0;
    int port = address.port;
    if (port == 0) {
      port = server.bind_to_any_port(host);
    } else if (!server.bind_to_port(host, port)) {
      port = -1;
    }
    if (port > 0) {
      listener->address = {address.host, static_cast<std::uint16_t>(port)};
      listeners.push_back(std::move(listener));
      return {};
    }
    code = errno;
    if (code == EADDRINUSE || code == EACCES) break;
  }
  return cannot_listen(address, code);
}

void HttpServer::Impl::run(Listener& listener) {
  listener.thread =
      std::thread([&server = listener.server] { server.listen_after_bind(); });
  // stop() is lost on a server that does not run yet.
  while (!listener.server.is_running()) std::this_thread::yield();
}

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const AgentApi& agent,
                                                      WebOptions options) {
  std::unique_ptr<HttpServer> server(new HttpServer);
  const auto listen = options.listen;
  server->impl_ = std::make_unique<Impl>(agent, std::move(options));
  for (const auto& address : listen) {
    if (const auto bound = server->impl_->bind(address); !bound) {
      return tl::unexpected<Error>(bound.error());
    }
  }
  for (auto& listener : server->impl_->listeners) server->impl_->run(*listener);
  return server;
}

std::vector<ListenAddress> HttpServer::addresses() const {
  std::vector<ListenAddress> addresses;
  for (const auto& listener : impl_->listeners) {
    addresses.push_back(listener->address);
  }
  return addresses;
}

}  // namespace stillframe::metrics
