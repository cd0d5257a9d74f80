// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/contents.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/base/fd.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kChunk = 64u << 10;
// A store through a mapping moves ctime only at the first touch of a page since
// its last write-back, which comes some 35 s later at most by the kernel's
// defaults (dirty_expire_centisecs + dirty_writeback_centisecs).
constexpr std::int64_t kSettledNs = 120'000'000'000;

constexpr int kRead = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

Fd open_for_reading(const ReadableFile& file) {
  const int flags = kRead | (file.magic ? 0 : O_NOFOLLOW);
  Fd fd(::openat(file.dir, file.path.c_str(), flags | O_NOATIME));
  if (fd < 0 && errno == EPERM) {
    fd = ::openat(file.dir, file.path.c_str(), flags);
  }
  return fd;
}

// Reads until `size` bytes are there or the file ends; -1 on failure.
ssize_t read_full(int fd, char* into, std::size_t size, std::uint64_t at) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n =
        ::pread(fd, into + done, size - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

// Where the next bytes are that are in no hole.
std::uint64_t data_from(int fd, std::uint64_t at, std::uint64_t size) {
  const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
  if (data >= 0) return static_cast<std::uint64_t>(data);
  return errno == ENXIO ? size : at;
}

}  // namespace

WallTime wall(const struct timespec& time) {
  // Timestamps are the container's to choose; those out of range wrap around.
  const auto seconds = static_cast<std::uint64_t>(time.tv_sec);
  return {static_cast<std::int64_t>(seconds * 1'000'000'000u +
                                    static_cast<std::uint64_t>(time.tv_nsec))};
}

void Contents::begin(bool ctime_shows_stores, WallTime now,
                     std::stop_token stop) {
  ctime_shows_stores_ = ctime_shows_stores;
  now_ = now;
  stop_ = std::move(stop);
  left_ = limits_.max_step_bytes;
  for (auto& [inode, known] : known_) known.met = false;
}

void Contents::end(bool full) {
  buffer_.reset();
  if (full) std::erase_if(known_, [](const auto& k) { return !k.second.met; });
}

// Nothing can have been stored since the comparison without a new ctime.
bool Contents::settled(const Known& known) const {
  return ctime_shows_stores_ && known.begun.ns - known.changed.ns > kSettledNs;
}

// What is known of these two as they are now.
Contents::Known& Contents::known_of(const InodeId& inode, WallTime changed,
                                    const ReadableFile& one,
                                    const ReadableFile& other) {
  Known& known = known_[inode];
  const File a{one.st.st_ino, one.st.st_dev};
  const File b{other.st.st_ino, other.st.st_dev};
  if (known.changed != changed || known.one != a || known.other != b) {
    const std::uint64_t differs_at = known.differs_at;
    known = {};
    known.changed = changed;
    known.one = a;
    known.other = b;
    known.differs_at = differs_at;
  }
  known.met = true;
  return known;
}

// Compares the bytes at an offset, kChunk at most; *size is how many.
Tried<bool> Contents::chunk_differs(int one, int other, std::uint64_t at,
                                    std::uint64_t* size) {
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(2 * kChunk);
  char* const first = buffer_.get();
  char* const second = first + kChunk;
  const ssize_t n = read_full(one, first, kChunk, at);
  if (n < 0) return failed("read");
  const ssize_t m = read_full(other, second, kChunk, at);
  if (m < 0) return failed("read");
  *size = static_cast<std::uint64_t>(n);
  return n != m || std::memcmp(first, second, static_cast<std::size_t>(n)) != 0;
}

Tried<> Contents::read_on(const ReadableFile& one, const ReadableFile& other,
                          std::uint64_t most, Known* known) {
  const Fd first = open_for_reading(one);
  if (first < 0) return failed("openat");
  const Fd second = open_for_reading(other);
  if (second < 0) return failed("openat");
  const auto size = static_cast<std::uint64_t>(one.st.st_size);
  std::uint64_t got = 0;
  // Most likely they still differ where they did.
  Tried<bool> differs = false;
  if (known->at == 0 && known->differs_at != 0) {
    differs = chunk_differs(first, second, known->differs_at, &got);
  }
  std::uint64_t done = 0;
  while (differs && !*differs && known->at < size && done < most) {
    if (stop_.stop_requested()) return failed("stopped", ECANCELED);
    const std::uint64_t data = std::min(data_from(first, known->at, size),
                                        data_from(second, known->at, size));
    if (data > known->at) {
      known->at = data;
      continue;
    }
    differs = chunk_differs(first, second, known->at, &got);
    if (!differs) break;
    if (*differs) known->differs_at = known->at;
    if (got == 0) known->at = size;  // shorter by now: its ctime is another
    known->at += got;
    done += got;
  }
  if (!differs) return failed(differs);
  if (*differs) {
    known->answer = Answer::differ;
    known->reading = false;
  } else if (known->at >= size) {
    known->answer = Answer::same;
    known->reading = false;
  }
  left_ -= std::min(left_, done);
  return {};
}

Tried<Contents::Found> Contents::compare(const InodeId& inode, WallTime changed,
                                         const ReadableFile& one,
                                         const ReadableFile& other) {
  Known& known = known_of(inode, changed, one, other);
  const bool large =
      static_cast<std::uint64_t>(one.st.st_size) > limits_.max_compare_bytes;
  if (known.answer != Answer::unread && !known.reading) {
    const bool again =
        !settled(known) && (!large || now_.ns - known.begun.ns > kSettledNs);
    if (!again) return Found{known.answer, false};
  }
  if (!known.reading) {
    known.begun = now_;
    known.at = 0;
    known.reading = true;
  }
  if (!large || left_ > 0) {
    const std::uint64_t most = large ? left_ : UINT64_MAX;
    const auto read = read_on(one, other, most, &known);
    if (!read) {
      if (!large) known_.erase(inode);
      return failed(read);
    }
  }
  return Found{known.answer, known.reading};
}

}  // namespace stillframe::drift
