// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/tail.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/journal/line_reader.h"

namespace stillframe::journal {
namespace {

constexpr std::uint64_t kLookedAt = 2 * kMostLine;

std::optional<Checkpoint> entry_of(std::string_view line) {
  const auto parsed = parse_line(line);
  if (!parsed) return std::nullopt;
  const auto json = parse_json(line);
  if (!json) return std::nullopt;
  const auto seq = json->find("seq");
  Checkpoint entry;
  entry.entry = parsed->entry;
  entry.head = sha256_hex(line);
  if (seq != json->end() && seq->is_number_unsigned()) {
    entry.seq = seq->get<std::uint64_t>();
  }
  const auto time = json->find("time");
  if (time != json->end() && time->is_string()) {
    entry.time = parse_rfc3339(time->get<std::string>()).value_or(WallTime{});
  }
  return entry;
}

Result<std::string> read_from(int fd, std::uint64_t offset,
                              std::uint64_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + have, bytes.size() - have,
                              static_cast<off_t>(offset + have));
    if (n < 0) return fail("read", errno);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

Result<Checkpoint> last_line(const std::string& directory,
                             const SegmentName& name) {
  auto reader = LineReader::open(directory, name);
  if (!reader) return tl::unexpected<Error>(reader.error());
  std::string last;
  for (;;) {
    auto line = reader->next();
    if (!line) return tl::unexpected<Error>(line.error());
    if (!*line) break;
    last = (*line)->text;
  }
  const auto entry = entry_of(last);
  if (!entry) return fail(to_string(name) + " does not end with an entry");
  return *entry;
}

Result<Checkpoint> before_first_line(const std::string& directory,
                                     const SegmentName& name) {
  auto reader = LineReader::open(directory, name);
  if (!reader) return tl::unexpected<Error>(reader.error());
  const auto line = reader->next();
  if (!line) return tl::unexpected<Error>(line.error());
  const auto first = *line ? parse_line((*line)->text) : std::nullopt;
  if (!first) return fail(to_string(name) + " does not begin with an entry");
  Checkpoint before;
  before.entry = first->entry - 1;
  before.head = first->prev;
  return before;
}

Result<End> cut_torn_end(int fd, const std::string& aside) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail("stat", errno);
  const auto size = static_cast<std::uint64_t>(st.st_size);
  const std::uint64_t begin = size > kLookedAt ? size - kLookedAt : 0;
  const auto bytes = read_from(fd, begin, size - begin);
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  std::string_view good = *bytes;
  End end;
  // From the end on, line by line, until one is an entry.
  while (!end.last) {
    const std::size_t newline = good.rfind('\n');
    if (newline == std::string_view::npos) {
      if (begin != 0) return fail("no entry in its last megabytes");
      good = {};
      break;
    }
    good = good.substr(0, newline);
    const std::size_t before = good.rfind('\n');
    end.last = entry_of(
        before == std::string_view::npos ? good : good.substr(before + 1));
    if (end.last) good = std::string_view(*bytes).substr(0, newline + 1);
  }
  end.bytes = begin + good.size();
  const std::string_view torn = std::string_view(*bytes).substr(good.size());
  if (torn.empty()) return end;
  if (auto kept = write_file_durably(aside, torn); !kept) {
    return tl::unexpected<Error>(kept.error());
  }
  if (::ftruncate(fd, static_cast<off_t>(end.bytes)) != 0) {
    return fail("ftruncate", errno);
  }
  end.torn = fmt::format("{} torn bytes at the end were set apart, SHA-256 {}",
                         torn.size(), sha256_hex(torn));
  return end;
}

}  // namespace stillframe::journal
