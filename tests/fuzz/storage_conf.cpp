// SPDX-License-Identifier: Apache-2.0
//
// containers-storage.conf(5), which a rootless user may write.
#include "agent/containers/storage_conf.h"

#include "tests/fuzz/fuzz.h"

using namespace stillframe;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto conf =
      containers::parse_storage_conf(fuzz::text_of(data, size), "storage.conf");
  if (!conf) {
    fuzz::require(conf.error().message.rfind("storage.conf:", 0) == 0,
                  "an error names the file and the line");
  }
  return 0;
}
