// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/built_in.h"

#include <zstd.h>

namespace stillframe::sensors {

Result<std::vector<std::byte>> unpacked(const BuiltIn& packed) {
  const auto size = static_cast<std::size_t>(packed.end - packed.begin);
  const auto length = ZSTD_getFrameContentSize(packed.begin, size);
  if (length == ZSTD_CONTENTSIZE_ERROR || length == ZSTD_CONTENTSIZE_UNKNOWN) {
    return fail("no zstd frame of a known size");
  }
  std::vector<std::byte> elf(length);
  const auto made = ZSTD_decompress(elf.data(), elf.size(), packed.begin, size);
  if (ZSTD_isError(made) != 0) return fail(ZSTD_getErrorName(made));
  return elf;
}

}  // namespace stillframe::sensors
