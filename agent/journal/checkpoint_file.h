// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/journal/format.h"
#include "agent/journal/signature.h"

namespace stillframe::journal {

// `checkpoint` or `pruned`, as it is on disk.
struct CheckpointFile {
  Checkpoint value;
  std::string signed_text;  // its first line
  std::string signature;    // raw; empty: there is none
  bool operator==(const CheckpointFile&) const = default;
};

// Fails with ENOENT where there is none.
Result<CheckpointFile> read_checkpoint(const std::string& path);
// The file's content.
Result<CheckpointFile> parse_checkpoint_file(std::string_view content);

// That one of the keys has signed it.
Result<> check_signature(const CheckpointFile& file,
                         const std::vector<Key>& keys);

}  // namespace stillframe::journal
