// SPDX-License-Identifier: Apache-2.0
//
// How errors travel in Stillframe. Functions that can fail return Result<T>;
// exceptions do not cross module borders (libraries that throw are wrapped
// where they are called). Three ways to handle one:
//
//   auto text = read_file(path);                 // propagate, saying what
//   if (!text) return fail(text, "reading " + path);   // we were doing
//
//   if (!text && text.error().code == ENOENT) …  // handle one case
//
//   std::string value = read_file(path).value_or("");  // a default will do
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace stillframe {

struct Error {
  int code = 0;         // an errno value; 0 where none applies
  std::string message;  // one line, outermost context first
};

template <typename T = void>
using Result = tl::expected<T, Error>;

// Whether an error means that what was asked for is not there. Any other, such
// as EMFILE or EACCES, says nothing of it. Only of the call that names the
// thing itself: ENOENT of a list does not mean that an item was removed.
constexpr bool is_absence(int code) {
  return code == ENOENT || code == ENOTDIR || code == ESTALE || code == ESRCH;
}

// A fresh error. `code` is an errno value whose text is appended.
inline tl::unexpected<Error> fail(std::string message, int code = 0) {
  if (code != 0) message += std::string(": ") + std::strerror(code);
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

// Passes the error of `result` on, putting `context` in front of it.
template <typename T>
tl::unexpected<Error> fail(const Result<T>& result,
                           const std::string& context) {
  return tl::unexpected<Error>(
      Error{result.error().code, context + ": " + result.error().message});
}

}  // namespace stillframe
