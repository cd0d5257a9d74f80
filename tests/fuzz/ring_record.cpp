// SPDX-License-Identifier: Apache-2.0
//
// Records of the ring buffer: our own programs fill them, from names that
// containers choose.
#include "agent/sensors/decode.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  constexpr std::int64_t kBoot = 1'795'348'800'000'000'000;
  (void)sensors::decode(data, size, kBoot);
  (void)sensors::origin_of_rename(data, size);
  (void)sensors::rearm_key(data, size);
  return 0;
}
