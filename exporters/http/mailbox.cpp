// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/mailbox.h"

#include <sys/eventfd.h>

#include <utility>

namespace stillframe::http {

Mailbox::Mailbox() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Mailbox::answered(std::uint64_t connection, Answer answer) {
  {
    const std::lock_guard lock(mutex_);
    mail_.answered.push_back({connection, std::move(answer)});
  }
  notify();
}

void Mailbox::ready(std::uint64_t connection) {
  {
    const std::lock_guard lock(mutex_);
    mail_.ready.push_back(connection);
  }
  notify();
}

void Mailbox::stop() {
  {
    const std::lock_guard lock(mutex_);
    mail_.stop = true;
  }
  notify();
}

// Fails only when the counter is full, and then the descriptor is readable.
void Mailbox::notify() { static_cast<void>(::eventfd_write(event_, 1)); }

Mailbox::Mail Mailbox::take() {
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(event_, &count));
  const std::lock_guard lock(mutex_);
  Mail mail = std::exchange(mail_, {});
  mail_.stop = mail.stop;
  return mail;
}

}  // namespace stillframe::http
