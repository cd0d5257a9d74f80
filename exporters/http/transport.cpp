// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/transport.h"

#include <sys/socket.h>

namespace stillframe::http {
namespace {

class PlainTransport : public Transport {
 public:
  using Transport::Transport;

  Progress set_up() override { return Progress::done; }
  ssize_t receive(char* to, std::size_t size) override {
    return ::recv(descriptor(), to, size, MSG_DONTWAIT);
  }
  ssize_t send(std::string_view bytes) override {
    return ::send(descriptor(), bytes.data(), bytes.size(),
                  MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  bool has_more() const override { return false; }
  std::uint32_t wanted(std::uint32_t usual) const override { return usual; }
  void end_sending() override { ::shutdown(descriptor(), SHUT_WR); }
  bool is_current() const override { return true; }
};

}  // namespace

std::unique_ptr<Transport> plain_transport(Fd socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

}  // namespace stillframe::http
