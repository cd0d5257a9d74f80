// SPDX-License-Identifier: Apache-2.0
//
// What the fuzz targets share. Each is a file of its own with
// LLVMFuzzerTestOneInput(): untrusted bytes in, and no crash, no sanitizer
// report, no endless loop and no broken promise of require() out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace stillframe::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A promise of the function under test; the fuzzer keeps what broke it.
inline void require(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// Cuts the next part off `rest`: up to a byte that text does not hold. For
// targets that take several texts.
inline std::string_view next_part(std::string_view& rest) {
  constexpr char kEnd = '\xff';
  const auto end = rest.find(kEnd);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace stillframe::fuzz
