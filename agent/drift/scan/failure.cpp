// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/failure.h"

#include <cstring>

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxErrors = 100;

}  // namespace

std::string text_of(const ScanError& error) {
  std::string text = error.path + ": " + error.call;
  if (error.code != 0) text += std::string(": ") + std::strerror(error.code);
  return text;
}

void Faults::add(const std::string& path, const CallFailed& what) {
  ++count_;
  exhausted_ |=
      what.code == EMFILE || what.code == ENFILE || what.code == ENOMEM;
  if (errors_.size() >= kMaxErrors) return;
  errors_.push_back({path.empty() ? "/" : path, what.call, what.code});
}

void Faults::keep(const InodeId& directory, std::string name) {
  unread_.push_back({directory, std::move(name)});
}

}  // namespace stillframe::drift
