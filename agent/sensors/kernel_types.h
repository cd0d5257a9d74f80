// SPDX-License-Identifier: Apache-2.0
//
// What types and functions the running kernel has, by its BTF: that of the
// kernel itself and, where overlay is a module, that of overlay (module
// BTF: 5.11).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/result.h"

struct btf;

namespace stillframe::sensors {

class KernelTypes {
 public:
  // Fails where the kernel has no BTF. Overlay's is read if it is loaded by
  // now.
  static Result<KernelTypes> load();

  bool has_function(const std::string& name) const;
  // How many parameters it has; none: it has no such function.
  std::optional<unsigned> parameters(const std::string& function) const;
  // Of the kernel itself: the number of its type.
  std::optional<std::uint32_t> function_id(const std::string& name) const;
  bool has_tracepoint(const std::string& name) const;
  std::optional<std::uint32_t> enum_value(const std::string& type,
                                          const std::string& name) const;
  // Whether overlay's own functions are among those known.
  bool knows_overlay() const;

 private:
  struct Free {
    void operator()(btf* b) const;
  };
  using Btf = std::unique_ptr<btf, Free>;

  Btf kernel_;
  Btf overlay_;  // null: built in, not loaded, or without BTF
};

}  // namespace stillframe::sensors
