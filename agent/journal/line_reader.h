// SPDX-License-Identifier: Apache-2.0
//
// The lines of one segment, or of another file of lines, from its beginning,
// whether it is compressed or not:
//
//   auto reader = LineReader::open(directory, name);
//   for (;;) {
//     const auto line = reader->next();
//     if (!line) return fail(line, "…");  // what came before it is good
//     if (!*line) break;                  // the end
//     …(*line)->text…
//   }
//
// Memory is bounded, whatever is in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/journal/format.h"

struct ZSTD_DCtx_s;

namespace stillframe::journal {

struct TextLine {
  // Without its newline; until the next call.
  std::string_view text;
  // Only the last one can be without: it is being written, or the machine went
  // down amid it.
  bool has_newline = true;
  // `text` is the first kMostLine bytes of it.
  bool too_long = false;
};

class LineReader {
 public:
  // Fails with ENOENT when the segment was closed or removed meanwhile.
  static Result<LineReader> open(const std::string& directory,
                                 const SegmentName& name);
  // `file` is in that directory; compressed: zstd frames, one after the other.
  static Result<LineReader> open(const std::string& directory,
                                 const std::string& file, bool compressed);

  // Nothing: the end. After an error there is no more.
  Result<std::optional<TextLine>> next();
  // How much of the file was read, as it lies on disk.
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  using Decompressor = std::unique_ptr<ZSTD_DCtx_s, void (*)(ZSTD_DCtx_s*)>;

  LineReader(Fd fd, std::string name, Decompressor decompressor);
  Result<bool> fill();
  Result<bool> read_more();
  Result<bool> decompress_more();
  tl::unexpected<Error> damaged(const std::string& why) const;
  TextLine take(std::size_t size, bool has_newline);

  Fd fd_;
  std::string name_;
  std::uint64_t bytes_read_ = 0;
  // Null for a file that is not compressed.
  Decompressor decompressor_;
  std::string input_;  // compressed
  std::size_t input_at_ = 0;
  bool full_ = false;
  bool amid_frame_ = true;  // a file of no bytes is not a frame either
  std::string text_;
  std::size_t text_at_ = 0;  // of what was not handed out yet
  bool ended_ = false;
  bool too_long_ = false;  // the rest of the line is passed over
};

}  // namespace stillframe::journal
