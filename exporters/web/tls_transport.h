// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "exporters/http/transport.h"
#include "exporters/web/tls_context.h"

namespace stillframe::web {

// `refused` is called when a handshake fails because of what the client said,
// with OpenSSL's reason; not of one that went or was silent. Null: there was no
// memory. OpenSSL writes with write(2): the program ignores SIGPIPE.
std::unique_ptr<http::Transport> tls_transport(
    Fd socket, std::shared_ptr<const TlsContext> context,
    std::function<void(const std::string&)> refused);

}  // namespace stillframe::web
