// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/http_server.h"

#include <fmt/format.h>

#include <array>
#include <mutex>

#include "exporters/http/activation.h"
#include "exporters/http/exchange.h"
#include "exporters/http/front.h"
#include "exporters/http/listen.h"
#include "exporters/prometheus/exposition.h"
#include "exporters/prometheus/metrics_text.h"
#include "exporters/prometheus/openmetrics.h"
#include "exporters/prometheus/pages.h"

namespace stillframe::metrics {
namespace {

constexpr std::size_t kMostConnections = 2048;
constexpr std::size_t kPercentOfConnections = 75;
constexpr std::size_t kRequestsPerConnection = 1000;
constexpr std::size_t kWorkers = 4;
// Of requests with passwords that have to be hashed. Each holds a request, and
// the last waits for all: some seconds at the usual cost.
constexpr std::size_t kPasswordsWaiting = 32;
// What so many connections may hold before any is answered.
constexpr http::RequestLimits kLimits{.header = 8 << 10, .body = 4 << 10};
// A rendering serves all who ask within this time and see the same snapshot.
constexpr std::uint64_t kReuseNs = 1'000'000'000;
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kAskForPassword[] =
    "WWW-Authenticate: Basic realm=\"stillframe\", charset=\"UTF-8\"\r\n";
constexpr char kHtmlType[] = "text/html; charset=utf-8";
constexpr char kTextType[] = "text/plain; charset=utf-8";

tl::unexpected<Error> cannot_listen(const ListenAddress& address,
                                    const Error& why) {
  std::string message = "cannot listen on " + to_string(address);
  if (why.code == EADDRINUSE) {
    message += fmt::format(
        ": the port is taken. See who has it with 'ss -ltnp sport = {}', or "
        "choose another with --web.listen-address",
        address.port);
    return tl::unexpected<Error>(Error{why.code, message});
  }
  if (why.code == EACCES) {
    return tl::unexpected<Error>(
        Error{why.code, message + ": not permitted. Choose a port above 1023 "
                                  "with --web.listen-address"});
  }
  message += ": no such address on this machine? Check --web.listen-address (";
  return tl::unexpected<Error>(Error{why.code, message + why.message + ')'});
}

}  // namespace

struct HttpServer::Impl {
  Impl(const AgentApi& a, WebOptions o)
      : agent(a),
        options(std::move(o)),
        collector({.snapshot = [this] { return agent.snapshot(); },
                   .phase = [this] { return agent.phase(); },
                   .journal = [this] { return agent.journal(); },
                   .journald = options.journald,
                   .web = [this] { return web_state(); }},
                  options.build, options.max_containers) {}

  Result<> listen(const ListenAddress& address);
  Result<> take_sockets();
  Result<> serve();
  void answer(const httplib::Request& request, httplib::Response& response);
  std::optional<web::State> web_state() const;
  void secure(http::Settings& settings, http::Responder& responder);
  void probe(httplib::Response& response, bool good, const char* yes,
             const std::string& no);
  void set_headers(httplib::Response& response) const;
  // In the format that the client asks for, of which the type is that.
  void metrics(const httplib::Request& request, httplib::Response& response);
  std::string rendered(bool openmetrics);

  const AgentApi& agent;
  WebOptions options;
  SnapshotCollector collector;
  std::vector<ListenAddress> addresses;
  std::vector<Fd> sockets;  // until it serves

  struct Rendering {
    SnapshotPtr snapshot;
    std::uint64_t ns = 0;
    std::string text;
  };
  std::mutex rendering;
  std::array<Rendering, 2> renderings;  // the older format, OpenMetrics

  std::unique_ptr<http::Front> front;  // last: stops before the rest goes
};

void HttpServer::Impl::metrics(const httplib::Request& request,
                               httplib::Response& response) {
  const bool openmetrics =
      prefers_openmetrics(request.get_header_value("Accept"));
  response.set_header("Vary", "Accept");
  response.set_content(
      rendered(openmetrics),
      openmetrics ? std::string(kOpenMetricsType) : kMetricsType);
}

std::string HttpServer::Impl::rendered(bool openmetrics) {
  const std::lock_guard lock(rendering);
  SnapshotPtr snapshot = agent.snapshot();
  const std::uint64_t now = system_clock().mono_ns();
  Rendering& last = renderings[openmetrics ? 1 : 0];
  if (snapshot == nullptr || snapshot != last.snapshot ||
      now - last.ns >= kReuseNs) {
    Exposition text(openmetrics ? Format::openmetrics : Format::text);
    collector.each([&](const auto& family) { text.add(family); });
    last.text = text.take();
    last.snapshot = std::move(snapshot);
    last.ns = now;
  }
  return last.text;
}

std::optional<web::State> HttpServer::Impl::web_state() const {
  if (options.configuration == nullptr) return std::nullopt;
  return options.configuration->state();
}

// Those of the configuration win; without a value they take one away.
void HttpServer::Impl::set_headers(httplib::Response& response) const {
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'");
  if (options.configuration == nullptr) return;
  for (const auto& [name, value] : *options.configuration->headers()) {
    response.headers.erase(name);
    if (!value.empty()) response.set_header(name, value);
  }
}

// Passwords are checked before the library sees a request: it may take for the
// header what the front did not.
void HttpServer::Impl::secure(http::Settings& settings,
                              http::Responder& responder) {
  const auto& configuration = options.configuration;
  if (configuration == nullptr) return;
  settings.transport = [configuration](Fd socket) {
    return configuration->transport(std::move(socket));
  };
  settings.is_lengthy = [configuration](std::string_view request) {
    return configuration->is_lengthy(request);
  };
  settings.most_lengthy = 1;
  settings.most_lengthy_waiting = kPasswordsWaiting;
  responder = [configuration, answer = std::move(responder)](
                  std::string_view request, bool last) {
    if (configuration->may_ask(request)) return answer(request, last);
    return http::Answer{.bytes = http::refusal(401, kAskForPassword),
                        .close = true,
                        .stream = nullptr};
  };
}

// Routes by comparing full paths: the library's own routes are regular
// expressions, matched recursively over what the client sent.
void HttpServer::Impl::answer(const httplib::Request& request,
                              httplib::Response& response) {
  set_headers(response);
  const std::string& path = request.path;
  if (request.method != "GET" && request.method != "HEAD") {
    response.status = 405;
    response.set_header("Allow", "GET, HEAD");
    response.set_content("Only GET and HEAD are answered here.\n", kTextType);
  } else if (path == options.telemetry_path) {
    metrics(request, response);
  } else if (path == "/") {
    response.set_content(landing_page({.telemetry_path = options.telemetry_path,
                                       .version = options.build.version,
                                       .revision = options.build.revision,
                                       .phase = agent.phase(),
                                       .snapshot = agent.snapshot()}),
                         kHtmlType);
  } else if (path == "/-/healthy" || path == "/healthz") {
    probe(response, agent.healthy(), "healthy\n", "the loop does not turn\n");
  } else if (path == "/-/ready" || path == "/readyz") {
    const SnapshotPtr snapshot = agent.snapshot();
    probe(response, snapshot != nullptr && snapshot->ready, "ready\n",
          "not ready: " + to_string(agent.phase()) + '\n');
  } else {
    response.status = 404;
    response.set_content(not_found_page(options.telemetry_path), kHtmlType);
  }
}

void HttpServer::Impl::probe(httplib::Response& response, bool good,
                             const char* yes, const std::string& no) {
  response.status = good ? 200 : 503;
  response.set_header("Cache-Control", "no-store");
  response.set_content(good ? yes : no, kTextType);
}

Result<> HttpServer::Impl::listen(const ListenAddress& address) {
  auto socket = http::listen_tcp(address.host, address.port);
  if (!socket) return cannot_listen(address, socket.error());
  addresses.push_back({address.host, http::port_of(*socket)});
  sockets.push_back(std::move(*socket));
  return {};
}

Result<> HttpServer::Impl::take_sockets() {
  auto taken = http::activated_sockets();
  if (!taken) return fail(taken, "--web.systemd-socket");
  sockets = std::move(*taken);
  for (const Fd& socket : sockets) {
    addresses.push_back({http::host_of(socket), http::port_of(socket)});
  }
  return {};
}

Result<> HttpServer::Impl::serve() {
  http::Settings settings;
  settings.limits = kLimits;
  settings.most_connections = http::connection_bound(
      kMostConnections, kPercentOfConnections, http::descriptor_limit());
  settings.workers = kWorkers;
  settings.requests_per_connection = kRequestsPerConnection;
  const auto idle =
      std::chrono::duration_cast<std::chrono::seconds>(settings.patience.idle);
  auto responder = http::make_responder(
      [this](const auto& request, auto& response) {
        answer(request, response);
        return nullptr;
      },
      {.compress = true,
       .idle_seconds = static_cast<int>(idle.count()),
       .requests = static_cast<int>(kRequestsPerConnection)});
  secure(settings, responder);
  auto started = http::Front::start(std::move(sockets), std::move(responder),
                                    std::move(settings));
  if (!started) return tl::unexpected<Error>(started.error());
  front = std::move(*started);
  return {};
}

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const AgentApi& agent,
                                                      WebOptions options) {
  std::unique_ptr<HttpServer> server(new HttpServer);
  const auto listen =
      options.systemd_socket ? std::vector<ListenAddress>() : options.listen;
  const bool systemd_socket = options.systemd_socket;
  server->impl_ = std::make_unique<Impl>(agent, std::move(options));
  if (systemd_socket) {
    if (const auto taken = server->impl_->take_sockets(); !taken) {
      return tl::unexpected<Error>(taken.error());
    }
  }
  for (const auto& address : listen) {
    if (const auto bound = server->impl_->listen(address); !bound) {
      return tl::unexpected<Error>(bound.error());
    }
  }
  if (const auto serving = server->impl_->serve(); !serving) {
    return tl::unexpected<Error>(serving.error());
  }
  return server;
}

std::vector<ListenAddress> HttpServer::addresses() const {
  return impl_->addresses;
}

}  // namespace stillframe::metrics
