// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/compress.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <memory>
#include <string_view>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/base/text.h"

namespace stillframe::journal {
namespace {

using Context = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;

constexpr int kLevel = 6;
constexpr std::size_t kPiece = 128 << 10;

// Hands on what `input` makes; true: nothing is left inside.
Result<bool> step(ZSTD_CCtx* context, ZSTD_inBuffer& input, bool last, int to,
                  std::uint64_t& size) {
  std::array<char, kPiece> made{};
  ZSTD_outBuffer output{made.data(), made.size(), 0};
  const std::size_t left = ZSTD_compressStream2(
      context, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
  if (ZSTD_isError(left) != 0) {
    return fail(std::string("zstd: ") + ZSTD_getErrorName(left));
  }
  const auto written = write_all(to, {made.data(), output.pos});
  if (!written) return tl::unexpected<Error>(written.error());
  size += output.pos;
  return last ? left == 0 : input.pos == input.size;
}

Result<std::uint64_t> compress(int from, int to) {
  const Context context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::array<char, kPiece> piece{};
  std::uint64_t size = 0;
  for (bool last = false; !last;) {
    const ssize_t n = ::read(from, piece.data(), piece.size());
    if (n < 0) return fail("read", errno);
    last = n == 0;
    ZSTD_inBuffer input{piece.data(), static_cast<std::size_t>(n), 0};
    for (;;) {
      const auto done = step(context.get(), input, last, to, size);
      if (!done) return tl::unexpected<Error>(done.error());
      if (*done) break;
    }
  }
  if (::fsync(to) != 0) return fail("fsync", errno);
  return size;
}

}  // namespace

Result<std::uint64_t> compress_file(const std::string& from,
                                    const std::string& to) {
  const Fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (source < 0) return fail(printable(from), errno);
  const Fd target(::open(
      to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (target < 0) return fail(printable(to), errno);
  auto size = compress(source, target);
  if (size) return size;
  ::unlink(to.c_str());
  return fail(size, printable(to));
}

}  // namespace stillframe::journal
