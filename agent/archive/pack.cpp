// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/pack.h"

#include <fmt/format.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/base/text.h"
#include "agent/journal/line_reader.h"

namespace stillframe::archive {
namespace {

using journal::LineReader;

constexpr int kLevel = 3;
constexpr std::size_t kPiece = 32 << 10;
// What is read of one file at most, whatever is in it.
constexpr std::size_t kMostText = 64 << 20;
constexpr std::string_view kEnd = "end";

class Packer {
 public:
  Packer() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  Result<> add(std::string_view text) { return take(text, ZSTD_e_continue); }
  Result<> end_frame() { return take({}, ZSTD_e_end); }
  // Without what is still inside.
  std::size_t size() const { return packed_.size(); }
  std::string packed() && { return std::move(packed_); }

 private:
  Result<> take(std::string_view text, ZSTD_EndDirective how) {
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    for (;;) {
      std::array<char, kPiece> piece{};
      ZSTD_outBuffer out{piece.data(), piece.size(), 0};
      const std::size_t left =
          ZSTD_compressStream2(context_.get(), &out, &in, how);
      if (ZSTD_isError(left) != 0) {
        return fail(std::string("zstd: ") + ZSTD_getErrorName(left));
      }
      packed_.append(piece.data(), out.pos);
      if (how == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }

  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::string packed_;
};

std::string end_line(std::size_t kept, std::size_t all) {
  return dump_json(nlohmann::json::array({kEnd, kept, all})) + '\n';
}

// How many were left out; nothing: it is another line.
std::optional<std::uint64_t> left_out_by(std::string_view line,
                                         std::size_t kept) {
  const auto value = parse_json(line);
  if (!value || !value->is_array() || value->size() != 3 ||
      (*value)[0] != kEnd || !(*value)[1].is_number_unsigned() ||
      !(*value)[2].is_number_unsigned()) {
    return std::nullopt;
  }
  const auto all = (*value)[2].get<std::uint64_t>();
  if ((*value)[1].get<std::uint64_t>() != kept || all < kept) {
    return std::nullopt;
  }
  return all - kept;
}

tl::unexpected<Error> damaged(const std::string& file, const char* how) {
  return tl::unexpected<Error>(
      Error{EBADMSG, fmt::format("{} {}", printable(file), how)});
}

// Errors of the disk pass, what is wrong with the bytes does not.
tl::unexpected<Error> as_damage(const Error& error) {
  return tl::unexpected<Error>(
      Error{error.code == 0 ? EBADMSG : error.code, error.message});
}

Result<DiffAnswer> read_first(const Format& format, LineReader& reader,
                              const std::string& file) {
  const auto line = reader.next();
  if (!line) return as_damage(line.error());
  if (!*line || !(*line)->has_newline || (*line)->too_long) {
    return damaged(file, "has no first line");
  }
  auto head = format.read_head((*line)->text);
  if (!head) return as_damage(head.error());
  return head;
}

}  // namespace

Result<std::string> pack(const Format& format, const DiffAnswer& answer,
                         const std::function<bool()>& cancelled) {
  const Listing listing = format.write(answer);
  if (listing.head.size() > journal::kMostLine) {
    return fail("what it is called is too long", EMSGSIZE);
  }
  Packer packer;
  auto done = packer.add(listing.head);
  if (done) done = packer.end_frame();
  std::size_t kept = 0;
  std::size_t text = 0;
  for (std::size_t i = 0; done && i < listing.rows; ++i) {
    if (cancelled()) return fail("given up", ECANCELED);
    const std::string row = listing.row(i);
    text += row.size();
    if (packer.size() >= kMostPacked || text > kMostText / 2) break;
    if (row.size() > journal::kMostLine) continue;
    done = packer.add(row);
    ++kept;
  }
  if (done) done = packer.add(end_line(kept, listing.rows));
  if (done) done = packer.end_frame();
  if (!done) return tl::unexpected<Error>(done.error());
  return std::move(packer).packed();
}

Result<DiffAnswer> read_head(const Format& format, const std::string& directory,
                             const std::string& file) {
  auto reader = LineReader::open(directory, file, true);
  if (!reader) return as_damage(reader.error());
  return read_first(format, *reader, file);
}

Result<DiffAnswer> read_all(const Format& format, const std::string& directory,
                            const std::string& file) {
  auto reader = LineReader::open(directory, file, true);
  if (!reader) return as_damage(reader.error());
  auto answer = read_first(format, *reader, file);
  if (!answer) return answer;
  std::size_t kept = 0;
  std::size_t text = 0;
  std::optional<std::uint64_t> left_out;
  const auto next = [&]() -> Result<std::optional<std::string_view>> {
    const auto line = reader->next();
    if (!line) return as_damage(line.error());
    if (!*line || !(*line)->has_newline || (*line)->too_long) {
      return damaged(file, "was cut off");
    }
    text += (*line)->text.size();
    if (text > kMostText) return damaged(file, "is larger than any of ours");
    left_out = left_out_by((*line)->text, kept);
    if (left_out) return std::nullopt;
    ++kept;
    return (*line)->text;
  };
  if (auto rest = format.read_rest(*answer, next); !rest) {
    return as_damage(rest.error());
  }
  // Also says that the last checksum was right.
  const auto after = reader->next();
  if (!after) return as_damage(after.error());
  if (*after) return damaged(file, "goes on behind its end");
  answer->gone->left_out = *left_out;
  if (*left_out != 0) answer->complete = false;
  return answer;
}

}  // namespace stillframe::archive
