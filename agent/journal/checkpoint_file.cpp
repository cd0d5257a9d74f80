// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/checkpoint_file.h"

#include <algorithm>

#include "agent/base/file.h"
#include "agent/base/text.h"

namespace stillframe::journal {
namespace {

constexpr std::size_t kMostFile = 64 << 10;

}  // namespace

Result<CheckpointFile> parse_checkpoint_file(std::string_view content) {
  if (!ends_with(content, "\n")) return fail("it is cut short");
  const auto lines = split(content.substr(0, content.size() - 1), '\n');
  if (lines.size() > 2) return fail("it has more than two lines");
  CheckpointFile file;
  auto value = parse_checkpoint(lines[0]);
  if (!value) return tl::unexpected<Error>(value.error());
  file.value = std::move(*value);
  file.signed_text = lines[0];
  if (lines.size() == 2) {
    auto signature = from_base64(lines[1]);
    // There is one way to write it, so that no byte can be changed unseen.
    if (!signature || signature->empty() || to_base64(*signature) != lines[1]) {
      return fail("its second line is not a signature in base64");
    }
    file.signature = std::move(*signature);
  }
  return file;
}

Result<CheckpointFile> read_checkpoint(const std::string& path) {
  const auto content = read_file(path, kMostFile);
  if (!content) return tl::unexpected<Error>(content.error());
  auto file = parse_checkpoint_file(*content);
  const std::string name = path.substr(path.rfind('/') + 1);
  if (file && file->value.file != name) {
    return fail("it is not `" + name + "`, but another file's text");
  }
  return file;
}

Result<> check_signature(const CheckpointFile& file,
                         const std::vector<Key>& keys) {
  if (file.signature.empty()) return fail("it is not signed");
  const std::string& by = file.value.key;
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) {
    return k.fingerprint() == by;
  });
  if (key == keys.end()) {
    return fail(by.empty() ? "it does not name the key that signed it"
                           : "it is signed by another key: " + by);
  }
  if (key->verify(file.signed_text, file.signature)) return {};
  return fail(
      "its signature is not by the key that it names, or not of this "
      "text");
}

}  // namespace stillframe::journal
