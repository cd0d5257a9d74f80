// SPDX-License-Identifier: Apache-2.0
//
// The last state of a container that is gone, which a crash of the machine may
// leave in any state: the file as it lies there, and the text in it. What is
// taken from it is written again and must then be the same.
#include <zstd.h>

#include "agent/archive/pack.h"
#include "exporters/jsonl/json.h"
#include "exporters/jsonl/last_state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch_directory.h"

using namespace stillframe;
using stillframe::fuzz::require;

namespace {

std::string frame_of(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(
      ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

std::string told(const DiffAnswer& answer) {
  std::string text = whole(jsonl::diff_listing(answer));
  for (const auto& line : answer.runtime_lines) text += '\n' + line.text();
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const fuzz::ScratchDirectory directory;
  static const archive::Format format{
      jsonl::last_state_lines, jsonl::last_state_head, jsonl::last_state_rest};
  const std::string_view text = fuzz::text_of(data, size);
  for (const std::string& file : {std::string(text), frame_of(text)}) {
    directory.file("/state", file);
    (void)archive::read_head(format, directory.path(), "state");
    const auto first = archive::read_all(format, directory.path(), "state");
    if (!first || first->gone->left_out != 0) continue;
    require(first->gone.has_value(), "it says how old it is");
    const auto packed = archive::pack(format, *first);
    require(packed.has_value(), "what was read is written");
    directory.file("/again", *packed);
    const auto second = archive::read_all(format, directory.path(), "again");
    require(second.has_value(), "what was written is read");
    require(told(*second) == told(*first), "nothing is lost");
  }
  return 0;
}
