// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/front.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "agent/base/log.h"
#include "exporters/http/connection.h"
#include "exporters/http/framing.h"
#include "exporters/http/mailbox.h"
#include "exporters/http/workers.h"

namespace stillframe::http {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;
constexpr std::uint64_t kMailboxTag = 0;
constexpr std::uint64_t kFirstConnection = 1 << 16;  // below: listeners
constexpr std::size_t kAcceptAtOnce = 64;
// How long to leave new connections waiting when the system has no descriptor
// for them.
constexpr std::uint64_t kAcceptPauseNs = 100'000'000;
// What handshakes and new connections may take of a turn of the loop, for each
// handshake has a signature to make: whoever comes again and again to shake
// hands must not hinder those who have. What is left waits for the next turn.
constexpr std::uint64_t kNewcomersNs = 2'000'000;

}  // namespace

struct Front::Impl {
  Impl(std::vector<Fd> l, Responder r, Settings s)
      : listeners(std::move(l)),
        responder(std::move(r)),
        settings(std::move(s)) {}
  ~Impl();

  Result<> start();
  void loop();
  bool finished(std::uint64_t now) const;
  int wait_ms(std::uint64_t now) const;
  void turn(std::span<const epoll_event> events, std::uint64_t now);
  bool is_newcomer(const epoll_event& event) const;
  void handle(const epoll_event& event, std::uint64_t now);
  void take_mail(std::uint64_t now);
  void begin_stop(std::uint64_t now);
  void sweep(std::uint64_t now);

  void accept_from(int listener, std::uint64_t now, std::uint64_t until);
  void listen_for(std::uint32_t events);
  bool make_room();
  void bound_setting_up();
  void adopt(Fd socket, std::uint64_t now);
  void bound_waiting_bytes(std::uint64_t newest);
  struct Held;
  void submit(std::uint64_t id, const Held& held, std::string request);
  std::function<void()> wake_call(std::uint64_t id) const;

  struct Held {
    Connection connection;
    std::uint32_t events = 0;  // that epoll watches for
    // Ends with it: then nobody waits for an answer any more.
    std::shared_ptr<const bool> present = std::make_shared<const bool>(true);
  };
  using Connections = std::unordered_map<std::uint64_t, Held>;
  Connections::iterator settle(Connections::iterator at);

  std::vector<Fd> listeners;
  const Responder responder;
  const Settings settings;
  Fd epoll;
  std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
  std::atomic<bool> ended = false;

  // The thread's.
  Connections connections;
  std::uint64_t next_id = kFirstConnection;
  std::uint64_t next_sweep = kNever;
  std::uint64_t accept_again = kNever;
  std::uint64_t stop_at = kNever;

  std::unique_ptr<Workers> workers;
  std::thread thread;
};

Front::Impl::~Impl() {
  if (!thread.joinable()) return;
  mailbox->stop();
  thread.join();
  ended = true;
  workers.reset();
}

Result<> Front::Impl::start() {
  epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail("epoll_create1", errno);
  if (mailbox->descriptor() < 0) return fail("eventfd", EMFILE);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kMailboxTag}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, mailbox->descriptor(), &event) != 0) {
    return fail("epoll_ctl", errno);
  }
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    event.data.u64 = i + 1;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, listeners[i], &event) != 0) {
      return fail("epoll_ctl", errno);
    }
  }
  workers = std::make_unique<Workers>(settings.workers, settings.most_lengthy,
                                      settings.most_lengthy_waiting);
  thread = std::thread([this] { loop(); });
  return {};
}

void Front::Impl::loop() {
  std::array<epoll_event, 256> events{};
  std::uint64_t now = settings.clock->mono_ns();
  while (!finished(now)) {
    const int count = ::epoll_wait(
        epoll, events.data(), static_cast<int>(events.size()), wait_ms(now));
    now = settings.clock->mono_ns();
    turn({events.data(), static_cast<std::size_t>(std::max(count, 0))}, now);
    if (now >= std::min(next_sweep, accept_again)) sweep(now);
  }
  for (auto& [id, held] : connections) held.connection.cut();
  connections.clear();
}

bool Front::Impl::finished(std::uint64_t now) const {
  return stop_at != kNever && (connections.empty() || now >= stop_at);
}

int Front::Impl::wait_ms(std::uint64_t now) const {
  const std::uint64_t next = std::min({next_sweep, accept_again, stop_at});
  if (next == kNever) return -1;
  // Rounded up, not to turn in the last millisecond.
  constexpr std::uint64_t kMs = 1'000'000;
  return next <= now ? 0 : static_cast<int>((next - now) / kMs + 1);
}

// Connections are accepted when no handshake is left to do: those of before are
// not pushed out by those who come. What has no turn now comes again, as epoll
// reports what is, and those that waited come first.
void Front::Impl::turn(std::span<const epoll_event> events, std::uint64_t now) {
  const auto is_listener = [](const epoll_event& event) {
    return event.data.u64 != kMailboxTag && event.data.u64 < kFirstConnection;
  };
  std::vector<const epoll_event*> newcomers;
  for (const auto& event : events) {
    if (is_listener(event)) continue;
    if (is_newcomer(event)) {
      newcomers.push_back(&event);
    } else {
      handle(event, now);
    }
  }
  const std::uint64_t until = settings.clock->mono_ns() + kNewcomersNs;
  for (const auto* event : newcomers) {
    handle(*event, now);
    if (settings.clock->mono_ns() >= until) return;
  }
  for (const auto& event : events) {
    // None are left once the server stops.
    const std::uint64_t number = event.data.u64;
    if (is_listener(event) && number <= listeners.size()) {
      accept_from(listeners[number - 1], now, until);
    }
  }
}

bool Front::Impl::is_newcomer(const epoll_event& event) const {
  // By value: the kernel's struct is packed, every other one's tag misaligned.
  const std::uint64_t tag = event.data.u64;
  const auto at = connections.find(tag);
  return at != connections.end() &&
         at->second.connection.state() == Connection::State::setting_up;
}

void Front::Impl::handle(const epoll_event& event, std::uint64_t now) {
  const std::uint64_t tag = event.data.u64;
  if (tag == kMailboxTag) return take_mail(now);
  // It may have made way for another in this same turn.
  const auto at = connections.find(tag);
  if (at == connections.end()) return;
  at->second.connection.on_events(event.events, now);
  settle(at);
}

void Front::Impl::take_mail(std::uint64_t now) {
  auto mail = mailbox->take();
  for (auto& [id, answer] : mail.answered) {
    const auto at = connections.find(id);
    if (at == connections.end()) continue;
    at->second.connection.on_answer(std::move(answer), wake_call(id), now);
    settle(at);
    bound_waiting_bytes(id);
  }
  for (const std::uint64_t id : mail.ready) {
    const auto at = connections.find(id);
    if (at == connections.end()) continue;
    at->second.connection.on_stream_ready(now);
    settle(at);
  }
  if (mail.stop && stop_at == kNever) begin_stop(now);
}

void Front::Impl::begin_stop(std::uint64_t now) {
  stop_at = now + static_cast<std::uint64_t>(
                      std::chrono::nanoseconds(settings.patience.stop).count());
  listeners.clear();
  for (auto at = connections.begin(); at != connections.end();) {
    at->second.connection.on_stop(now);
    at = settle(at);
  }
}

// Ends connections whose time is up.
void Front::Impl::sweep(std::uint64_t now) {
  if (now >= accept_again) {
    accept_again = kNever;
    listen_for(EPOLLIN);
  }
  next_sweep = kNever;
  for (auto at = connections.begin(); at != connections.end();) {
    Connection& connection = at->second.connection;
    if (now >= connection.deadline()) connection.on_deadline(now);
    at = settle(at);
  }
}

// Brings the front in step with what has become of a connection.
Front::Impl::Connections::iterator Front::Impl::settle(
    Connections::iterator at) {
  auto& [id, held] = *at;
  Connection& connection = held.connection;
  if (connection.state() == Connection::State::closed) {
    return connections.erase(at);
  }
  if (auto request = connection.take_request()) {
    submit(id, held, std::move(*request));
  }
  next_sweep = std::min(next_sweep, connection.deadline());
  const std::uint32_t wanted = connection.wanted_events();
  if (wanted != held.events) {
    held.events = wanted;
    epoll_event event{.events = wanted, .data = {.u64 = id}};
    ::epoll_ctl(epoll, EPOLL_CTL_MOD, connection.descriptor(), &event);
  }
  return std::next(at);
}

void Front::Impl::submit(std::uint64_t id, const Held& held,
                         std::string request) {
  const auto length =
      settings.is_lengthy != nullptr && settings.is_lengthy(request)
          ? Workers::Length::lengthy
          : Workers::Length::brief;
  const bool taken = workers->run(
      [this, id, last = held.connection.is_last(),
       present = std::weak_ptr(held.present), request = std::move(request)] {
        if (ended || present.expired()) return;
        try {
          mailbox->answered(id, responder(request, last));
        } catch (const std::exception& error) {
          log_error("a request could not be answered",
                    {{"error", error.what()}});
          mailbox->answered(id, {refusal(500), true, nullptr});
        }
      },
      length);
  if (!taken) mailbox->answered(id, {refusal(503), true, nullptr});
}

std::function<void()> Front::Impl::wake_call(std::uint64_t id) const {
  return [mailbox = mailbox, id] { mailbox->ready(id); };
}

void Front::Impl::accept_from(int listener, std::uint64_t now,
                              std::uint64_t until) {
  for (std::size_t i = 0; i < kAcceptAtOnce; ++i) {
    if (settings.clock->mono_ns() >= until) return;
    Fd socket(
        ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      log_warn("cannot accept a connection",
               {{"error", std::strerror(errno)},
                {"hint", "raise the limit of open files (LimitNOFILE=)"}});
      if (make_room()) continue;
      accept_again = now + kAcceptPauseNs;
      return listen_for(0);
    }
    // Without room even so, all of them are being answered: this one goes.
    if (connections.size() >= settings.most_connections && !make_room()) {
      continue;
    }
    adopt(std::move(socket), now);
  }
}

void Front::Impl::listen_for(std::uint32_t events) {
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    epoll_event event{.events = events, .data = {.u64 = i + 1}};
    ::epoll_ctl(epoll, EPOLL_CTL_MOD, listeners[i], &event);
  }
}

// Ends the connection that has waited for its client longest; one whose answer
// is on its way only when no other does.
bool Front::Impl::make_room() {
  using State = Connection::State;
  const auto is_waiting = [](State state) {
    return state == State::setting_up || state == State::idle ||
           state == State::header || state == State::body ||
           state == State::hanging_up;
  };
  auto longest = connections.end();
  for (auto at = connections.begin(); at != connections.end(); ++at) {
    const Connection& each = at->second.connection;
    if (!is_waiting(each.state()) && each.state() != State::writing) continue;
    if (longest == connections.end()) {
      longest = at;
      continue;
    }
    const Connection& other = longest->second.connection;
    const bool waiting = is_waiting(each.state());
    if (waiting != is_waiting(other.state()) ? waiting
                                             : each.since() < other.since()) {
      longest = at;
    }
  }
  if (longest == connections.end()) return false;
  longest->second.connection.cut();
  connections.erase(longest);
  return true;
}

void Front::Impl::bound_setting_up() {
  std::size_t count = 0;
  auto oldest = connections.end();
  for (auto at = connections.begin(); at != connections.end(); ++at) {
    if (at->second.connection.state() != Connection::State::setting_up)
      continue;
    ++count;
    // Their ids are in the order in which they came.
    if (oldest == connections.end() || at->first < oldest->first) oldest = at;
  }
  if (count < settings.most_setting_up) return;
  oldest->second.connection.cut();
  connections.erase(oldest);
}

void Front::Impl::adopt(Fd socket, std::uint64_t now) {
  // Fails on a Unix socket, which does not wait for more to send anyway.
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int descriptor = socket;
  auto transport = settings.transport(std::move(socket));
  if (transport == nullptr) return;
  bound_setting_up();
  const std::uint64_t id = next_id++;
  const auto [at, added] = connections.try_emplace(
      id, Held{Connection(std::move(transport), settings, now), 0});
  Held& held = at->second;
  held.events = held.connection.wanted_events();
  epoll_event event{.events = held.events, .data = {.u64 = id}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    log_warn("cannot watch a connection", {{"error", std::strerror(errno)}});
    connections.erase(at);
    return;
  }
  next_sweep = std::min(next_sweep, held.connection.deadline());
}

// `newest` was answered just now and has had no time to read.
void Front::Impl::bound_waiting_bytes(std::uint64_t newest) {
  for (;;) {
    std::size_t sum = 0;
    auto slowest = connections.end();
    for (auto at = connections.begin(); at != connections.end(); ++at) {
      const Connection& each = at->second.connection;
      sum += each.held_bytes();
      if (each.held_bytes() == 0 || at->first == newest) continue;
      if (slowest == connections.end() ||
          each.since() < slowest->second.connection.since()) {
        slowest = at;
      }
    }
    if (sum <= settings.most_waiting_bytes || slowest == connections.end()) {
      return;
    }
    slowest->second.connection.cut();
    connections.erase(slowest);
  }
}

Front::Front() = default;
Front::~Front() = default;

Result<std::unique_ptr<Front>> Front::start(std::vector<Fd> listeners,
                                            Responder responder,
                                            Settings settings) {
  std::unique_ptr<Front> front(new Front);
  front->impl_ = std::make_unique<Impl>(
      std::move(listeners), std::move(responder), std::move(settings));
  if (const auto started = front->impl_->start(); !started) {
    return tl::unexpected<Error>(started.error());
  }
  return front;
}

}  // namespace stillframe::http
