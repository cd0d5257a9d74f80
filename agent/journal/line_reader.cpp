// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "agent/base/text.h"

namespace stillframe::journal {
namespace {

constexpr std::size_t kPiece = 128 << 10;
// 8 MiB: what `zstd -19` uses, and far more than an agent does.
constexpr int kMostWindowLog = 23;

void free_decompressor(ZSTD_DCtx_s* context) { ZSTD_freeDCtx(context); }

}  // namespace

LineReader::LineReader(Fd fd, std::string name, Decompressor decompressor)
    : fd_(std::move(fd)),
      name_(std::move(name)),
      decompressor_(std::move(decompressor)) {}

Result<LineReader> LineReader::open(const std::string& directory,
                                    const SegmentName& name) {
  return open(directory, to_string(name), name.closed);
}

Result<LineReader> LineReader::open(const std::string& directory,
                                    const std::string& file, bool compressed) {
  // O_NONBLOCK so that a FIFO put in the place of a file cannot hang us.
  Fd fd(::open((directory + '/' + file).c_str(),
               O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd < 0) return fail(file, errno);
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail(file, errno);
  if (!S_ISREG(st.st_mode)) return fail(file + " is not a regular file");
  Decompressor decompressor(nullptr, free_decompressor);
  if (compressed) {
    decompressor.reset(ZSTD_createDCtx());
    if (decompressor == nullptr) return fail(file, ENOMEM);
    ZSTD_DCtx_setParameter(decompressor.get(), ZSTD_d_windowLogMax,
                           kMostWindowLog);
  }
  return LineReader(std::move(fd), file, std::move(decompressor));
}

tl::unexpected<Error> LineReader::damaged(const std::string& why) const {
  return fail(name_ + " cannot be decompressed: " + why);
}

// False: the end of the file.
Result<bool> LineReader::read_more() {
  std::string& into = decompressor_ ? input_ : text_;
  const std::size_t had = into.size();
  into.resize(had + kPiece);
  ssize_t n = 0;
  do {
    n = ::read(fd_, into.data() + had, kPiece);
  } while (n < 0 && errno == EINTR);
  const int error = errno;
  into.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0) return fail(name_, error);
  bytes_read_ += static_cast<std::uint64_t>(n);
  return n > 0;
}

// False: the end of the last frame, and of the file.
Result<bool> LineReader::decompress_more() {
  for (;;) {
    // Of what it has taken in there may be more than fitted.
    if (input_at_ == input_.size() && !full_) {
      input_.clear();
      input_at_ = 0;
      const auto more = read_more();
      if (!more) return tl::unexpected<Error>(more.error());
      if (!*more) {
        if (amid_frame_) return damaged("it is cut short");
        return false;
      }
    }
    const std::size_t had = text_.size();
    text_.resize(had + kPiece);
    ZSTD_inBuffer in{input_.data(), input_.size(), input_at_};
    ZSTD_outBuffer out{text_.data() + had, kPiece, 0};
    const std::size_t left =
        ZSTD_decompressStream(decompressor_.get(), &out, &in);
    text_.resize(had + out.pos);
    input_at_ = in.pos;
    if (ZSTD_isError(left) != 0) return damaged(ZSTD_getErrorName(left));
    amid_frame_ = left != 0;
    full_ = amid_frame_ && out.pos == out.size;
    if (out.pos > 0) return true;
  }
}

Result<bool> LineReader::fill() {
  text_.erase(0, std::exchange(text_at_, 0));
  return decompressor_ ? decompress_more() : read_more();
}

TextLine LineReader::take(std::size_t size, bool has_newline) {
  const std::string_view text(text_.data() + text_at_, size);
  text_at_ += size + (has_newline ? 1 : 0);
  return {.text = text.substr(0, kMostLine),
          .has_newline = has_newline,
          .too_long = std::exchange(too_long_, false) || size > kMostLine};
}

Result<std::optional<TextLine>> LineReader::next() {
  if (ended_) return std::nullopt;
  std::size_t seen = 0;
  for (;;) {
    const std::size_t end = text_.find('\n', text_at_ + seen);
    if (end != std::string::npos) return take(end - text_at_, true);
    seen = text_.size() - text_at_;
    if (seen > kMostLine) {
      too_long_ = true;
      text_.resize(text_at_ + kMostLine);
      seen = kMostLine;
    }
    const auto more = fill();
    if (!more || !*more) {
      // What is written from now on may begin amid a line.
      ended_ = true;
      if (!more) return tl::unexpected<Error>(more.error());
      if (text_.empty()) return std::nullopt;
      return take(text_.size(), false);
    }
  }
}

}  // namespace stillframe::journal
