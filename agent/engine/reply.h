// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <utility>

#include "agent/base/result.h"
#include "agent/base/task.h"

namespace stillframe::engine {

inline Error agent_is_stopping() {
  return {ESHUTDOWN, "the agent is stopping"};
}
inline Error container_is_gone() {
  return {ENOENT, "the container is gone: it was removed meanwhile"};
}

// The right and the duty to answer one request, exactly once. Move-only; who
// holds it owes the answer. One that is dropped unanswered answers by itself
// that the agent is stopping: nothing else drops a request.
template <typename T>
class Reply {
 public:
  using Taker = Task<void(Result<T>)>;

  Reply() = default;  // owes nothing
  explicit Reply(Taker taker) : taker_(std::move(taker)) {}
  Reply(Reply&& other) noexcept
      : taker_(std::exchange(other.taker_, Taker())) {}
  Reply& operator=(Reply&& other) noexcept {
    if (this != &other) {
      drop();
      taker_ = std::exchange(other.taker_, Taker());
    }
    return *this;
  }
  ~Reply() { drop(); }

  // Answers; the reply owes nothing any more. A second answer is ignored.
  void answer(Result<T> result) {
    // Taken out first: the taker may destroy the reply.
    Taker taker = std::exchange(taker_, Taker());
    if (taker) taker(std::move(result));
  }
  void fail(Error error) { answer(tl::unexpected<Error>(std::move(error))); }

  // Whether an answer is still owed.
  explicit operator bool() const { return static_cast<bool>(taker_); }

 private:
  void drop() {
    if (taker_) fail(agent_is_stopping());
  }
  Taker taker_;
};

}  // namespace stillframe::engine
