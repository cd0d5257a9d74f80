// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace stillframe {

// A callable that is moved, never copied: it may own what must not be there
// twice (a Reply). std::move_only_function (C++23) takes its place one day.
template <typename Signature>
class Task;

template <typename... Args>
class Task<void(Args...)> {
 public:
  Task() = default;
  template <typename F>
    requires(!std::same_as<std::remove_cvref_t<F>, Task> &&
             std::invocable<F&, Args...>)
  Task(F&& callable)
      : held_(std::make_unique<Held<std::remove_cvref_t<F>>>(
            std::forward<F>(callable))) {}

  explicit operator bool() const { return held_ != nullptr; }
  void operator()(Args... args) { held_->call(std::forward<Args>(args)...); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void call(Args... args) = 0;
  };
  template <typename F>
  struct Held final : Base {
    explicit Held(F&& f) : callable(std::move(f)) {}
    explicit Held(const F& f) : callable(f) {}
    void call(Args... args) override { callable(std::forward<Args>(args)...); }
    F callable;
  };
  std::unique_ptr<Base> held_;
};

}  // namespace stillframe
