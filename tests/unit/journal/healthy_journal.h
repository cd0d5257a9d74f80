// SPDX-License-Identifier: Apache-2.0
//
// Journals as an agent leaves them, to be damaged by tests.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/journal/format.h"
#include "agent/journal/signature.h"
#include "tests/unit/journal/scratch_directory.h"

namespace stillframe::journal {

struct Shape {
  std::vector<int> segments;  // how many entries each has
  int pruned = 0;             // segments that were removed for their age
  bool pruned_segments_stay = false;  // a moment before they are removed
  int behind = 0;      // entries that the checkpoint does not cover
  bool closed = true;  // all but the last are compressed
  const Key* key = nullptr;
};

// The time of entry n is n seconds after 2026-01-01.
inline WallTime time_of_entry(std::uint64_t entry) {
  return WallTime{(1'767'225'600 + static_cast<std::int64_t>(entry)) *
                  1'000'000'000};
}

struct Journal {
  std::map<std::string, std::string> files;
  std::vector<std::string> lines;     // of entry 1 and so on, without newlines
  std::vector<std::uint64_t> firsts;  // of the segments that are there
  std::uint64_t covered = 0;

  std::string hash_of(std::uint64_t entry) const {
    return entry == 0 ? std::string(kNoHash) : sha256_hex(lines[entry - 1]);
  }
  std::string checkpoint(std::uint64_t entry, const Key* key = nullptr) const {
    return file_of(std::string(kCheckpointFile), entry, key);
  }
  std::string pruned(std::uint64_t entry, const Key* key = nullptr) const {
    return file_of(std::string(kPrunedFile), entry, key);
  }
  std::string file_of(const std::string& file, std::uint64_t entry,
                      const Key* key) const {
    const std::string text =
        to_text({.file = file,
                 .node = "n1",
                 .time = time_of_entry(entry + 1),
                 .entry = entry,
                 .seq = entry,
                 .head = hash_of(entry),
                 .key = key == nullptr ? "" : key->fingerprint()});
    if (key == nullptr) return text + '\n';
    return text + '\n' + to_base64(key->sign(text)) + '\n';
  }
  void write_to(const ScratchDirectory& directory) const {
    for (const auto& [name, content] : files) directory.write(name, content);
  }
};

inline Journal make_journal(const Shape& shape) {
  Journal journal;
  std::string prev(kNoHash);
  std::uint64_t pruned = 0;
  for (std::size_t i = 0; i < shape.segments.size(); ++i) {
    const std::uint64_t first = journal.lines.size() + 1;
    std::string content;
    for (int n = 0; n < shape.segments[i]; ++n) {
      const std::uint64_t entry = journal.lines.size() + 1;
      const std::string event =
          fmt::format(R"({{"v":1,"seq":{},"time":"{}","path":"/etc/{}"}})",
                      entry, rfc3339(time_of_entry(entry)), entry * 7919);
      journal.lines.push_back(make_line(prev, entry, event));
      prev = sha256_hex(journal.lines.back());
      content += journal.lines.back() + '\n';
    }
    const bool gone = static_cast<int>(i) < shape.pruned;
    if (gone) pruned = journal.lines.size();
    if (gone && !shape.pruned_segments_stay) continue;
    const bool closed = shape.closed && i + 1 < shape.segments.size();
    journal.files[to_string(SegmentName{first, closed})] =
        closed ? compressed(content) : content;
    journal.firsts.push_back(first);
  }
  journal.covered =
      journal.lines.size() - static_cast<std::uint64_t>(shape.behind);
  journal.files["checkpoint"] = journal.checkpoint(journal.covered, shape.key);
  if (shape.pruned > 0) {
    journal.files["pruned"] = journal.pruned(pruned, shape.key);
  }
  return journal;
}

inline std::string decompressed(const std::string& bytes) {
  std::string text(1 << 20, '\0');
  const std::size_t size =
      ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) return "not zstd";
  text.resize(size);
  return text;
}

}  // namespace stillframe::journal
