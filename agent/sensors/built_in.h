// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "agent/base/result.h"

// Declares object NAME of the kernel side at namespace scope, for
// STILLFRAME_BUILT_IN.
#define STILLFRAME_DECLARE_BUILT_IN(name)          \
  extern "C" const std::byte bpf_##name##_begin[]; \
  extern "C" const std::byte bpf_##name##_end[];

#define STILLFRAME_BUILT_IN(name) \
  ::stillframe::sensors::BuiltIn { bpf_##name##_begin, bpf_##name##_end }

namespace stillframe::sensors {

// An object of the kernel side inside the program, packed as
// cmake/BpfObject.cmake does it: there are ten of them, and a machine loads
// half.
struct BuiltIn {
  const std::byte* begin;
  const std::byte* end;
};

// The ELF file; fails, with zstd's words, only if the program's own file is
// damaged.
Result<std::vector<std::byte>> unpacked(const BuiltIn& packed);

}  // namespace stillframe::sensors
