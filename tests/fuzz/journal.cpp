// SPDX-License-Identifier: Apache-2.0
//
// A journal on whose disk anything may be: its checkpoint, what was pruned, and
// a segment, compressed or not.
#include "agent/journal/checkpoint_file.h"
#include "agent/journal/verify.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch_directory.h"

using namespace stillframe;
using namespace stillframe::journal;
using stillframe::fuzz::require;

namespace {

void read_again(std::string_view content) {
  const auto file = parse_checkpoint_file(content);
  if (!file) return;
  const auto again = parse_checkpoint(to_text(file->value));
  require(again.has_value(), "what was read is written");
  require(*again == file->value, "what was written is read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const fuzz::ScratchDirectory directory;
  std::string_view rest = fuzz::text_of(data, size);
  const auto checkpoint = fuzz::next_part(rest);
  const auto pruned = fuzz::next_part(rest);
  if (rest.empty()) return 0;
  const SegmentName name{.first = 1, .closed = rest.front() == 'z'};
  rest.remove_prefix(1);
  read_again(checkpoint);
  directory.file("/checkpoint", checkpoint);
  directory.file("/pruned", pruned);
  if (pruned.empty()) directory.remove("/pruned");
  directory.file('/' + to_string(name), rest);
  std::uint64_t entries = 0;
  VerifyOptions options{.keys = {}, .most_faults = 3};
  options.on_entry = [&](std::uint64_t, std::string_view, std::string_view) {
    ++entries;
  };
  const auto found = verify(directory.path(), options);
  directory.remove('/' + to_string(name));
  require(found.has_value(), "what is there can be judged");
  require(found->entries == entries, "each entry is counted");
  require(found->faults.size() <= 3, "so many faults are kept");
  require(found->faults.size() <= found->fault_count, "each fault is counted");
  for (const auto& fault : found->faults) {
    require(!to_text(fault).empty(), "a fault has words");
  }
  return 0;
}
