// SPDX-License-Identifier: Apache-2.0
//
// How a look at a file can fail. An error is not an absence: only means_gone()
// of the call that looks a name up says that nothing is there. Anything else
// leaves what was known, and is tried again with the next scan.
#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "agent/drift/entry.h"

namespace stillframe::drift {

struct CallFailed {
  const char* call = "";
  int code = 0;  // an errno value; 0: a limit of ours, named by `call`
};

template <typename T = void>
using Tried = tl::expected<T, CallFailed>;

inline tl::unexpected<CallFailed> failed(const char* call, int code = errno) {
  return tl::unexpected<CallFailed>(CallFailed{call, code});
}

template <typename T>
tl::unexpected<CallFailed> failed(const Tried<T>& result) {
  return tl::unexpected<CallFailed>(result.error());
}

// Of a call that looks up one name without following links.
inline bool means_gone(int error) {
  return error == ENOENT || error == ENOTDIR || error == ESTALE;
}

// What a scan could not do.
class Faults {
 public:
  void add(const std::string& path, const CallFailed& what);
  // That what is known there is to be kept, see Unread.
  void keep(const InodeId& directory, std::string name = "");

  std::size_t count() const { return count_; }
  // See ScanResult::exhausted.
  bool exhausted() const { return exhausted_; }
  std::vector<ScanError> take_errors() { return std::move(errors_); }
  std::vector<Unread> take_unread() { return std::move(unread_); }

 private:
  std::vector<ScanError> errors_;
  std::vector<Unread> unread_;
  std::size_t count_ = 0;
  bool exhausted_ = false;
};

}  // namespace stillframe::drift
