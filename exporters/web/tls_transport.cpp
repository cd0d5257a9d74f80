// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/tls_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace stillframe::web {
namespace {

constexpr std::string_view kPlainAnswer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
    "Content-Length: 49\r\nConnection: close\r\n\r\n"
    "This is an HTTPS server: the address is https://\n";

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, FreeSsl>;

class TlsTransport : public http::Transport {
 public:
  TlsTransport(Fd socket, Ssl ssl, std::shared_ptr<const TlsContext> context,
               std::function<void(const std::string&)> refused)
      : Transport(std::move(socket)),
        context_(std::move(context)),
        refused_(std::move(refused)),
        ssl_(std::move(ssl)) {}

  Progress set_up() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
      waits_for_ = 0;
      return Progress::done;
    }
    if (note(result)) return Progress::waiting;
    if (const unsigned long error = ERR_peek_error(); error != 0) {
      if (ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST) answer_plain();
      const char* reason = ERR_reason_error_string(error);
      refused_(reason == nullptr ? "unknown" : reason);
    }
    return Progress::failed;
  }

  ssize_t receive(char* to, std::size_t size) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), to, size, &count);
    if (result == 1) return done(count);
    if (note(result)) return -1;
    errno = ECONNRESET;
    return ended_ ? 0 : -1;
  }

  ssize_t send(std::string_view bytes) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int result =
        SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
    if (result == 1) return done(count);
    if (!note(result)) errno = EPIPE;
    return -1;
  }

  bool has_more() const override { return SSL_pending(ssl_.get()) > 0; }

  std::uint32_t wanted(std::uint32_t usual) const override {
    return waits_for_ == 0 ? usual : waits_for_;
  }

  void end_sending() override {
    ERR_clear_error();
    // Its record is tiny: it fits after an answer that was taken in full.
    static_cast<void>(SSL_shutdown(ssl_.get()));
    ::shutdown(descriptor(), SHUT_WR);
  }

  bool is_current() const override { return context_->is_current(); }

 private:
  ssize_t done(std::size_t count) {
    waits_for_ = 0;
    return static_cast<ssize_t>(count);
  }

  // True: it has to wait; then errno is EAGAIN.
  bool note(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    ended_ = error == SSL_ERROR_ZERO_RETURN;
    waits_for_ = 0;
    if (error == SSL_ERROR_WANT_READ) waits_for_ = EPOLLIN;
    if (error == SSL_ERROR_WANT_WRITE) waits_for_ = EPOLLOUT;
    if (waits_for_ == 0) return false;
    errno = EAGAIN;
    return true;
  }

  void answer_plain() {
    static_cast<void>(::send(descriptor(), kPlainAnswer.data(),
                             kPlainAnswer.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }

  std::shared_ptr<const TlsContext> context_;
  std::function<void(const std::string&)> refused_;
  Ssl ssl_;
  std::uint32_t waits_for_ = 0;  // of epoll; 0: what is usual
  bool ended_ = false;           // by the client, as it should be
};

}  // namespace

std::unique_ptr<http::Transport> tls_transport(
    Fd socket, std::shared_ptr<const TlsContext> context,
    std::function<void(const std::string&)> refused) {
  Ssl ssl(SSL_new(context->get()));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsTransport>(std::move(socket), std::move(ssl),
                                        std::move(context), std::move(refused));
}

}  // namespace stillframe::web
