// SPDX-License-Identifier: Apache-2.0
//
// A bolt database of libpod or containerd, read while its owner writes it.
#include "agent/containers/bolt_file.h"

#include <cstring>
#include <string>

#include "tests/fuzz/fuzz.h"

using namespace stillframe::containers;
using stillframe::fuzz::require;

namespace {

constexpr std::size_t kMetaAt = 16;
constexpr std::size_t kChecked = 56;

// What the meta page at `offset` should have as its checksum, so that the
// fuzzer does not end there.
void mend_checksum(std::string& bytes, std::size_t offset) {
  const std::size_t meta = offset + kMetaAt;
  if (bytes.size() < meta + kChecked + sizeof(std::uint64_t)) return;
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t at = meta; at < meta + kChecked; ++at) {
    hash = (hash ^ static_cast<unsigned char>(bytes[at])) * 0x100000001b3u;
  }
  std::memcpy(bytes.data() + meta + kChecked, &hash, sizeof hash);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string bytes(stillframe::fuzz::text_of(data, size));
  mend_checksum(bytes, 0);
  mend_checksum(bytes, 1024);
  auto file = BoltFile::parse(bytes);
  if (!file) return 0;
  (void)file->get({}, "ctr");
  (void)file->get({"ctr"}, "config");
  for (const auto& name : file->names({})) {
    for (const auto& [key, value] : file->values({name})) {
      require(key.size() + value.size() <= size, "an item lies in the file");
    }
  }
  if (const auto value = file->get({"ctr", "aaaa"}, "config")) {
    require(value->size() <= size, "a value lies in the file");
    // Reads all of it, for the sanitizer to see.
    (void)std::string(*value);
  }
  return 0;
}
