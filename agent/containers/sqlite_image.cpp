// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/sqlite_image.h"

#include <array>
#include <cstdint>
#include <map>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/directory.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxDatabase = 64u << 20;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::size_t kHeader = 100;
constexpr std::size_t kPageSizeAt = 16;
constexpr std::size_t kWriteVersionAt = 18;  // 2: there may be a log
constexpr std::size_t kReadVersionAt = 19;
constexpr std::size_t kPagesAt = 28;
// magic, version, page size, checkpoint, two salts, two sums: u32 each.
constexpr std::size_t kLogHeader = 32;
// page, pages after the commit or 0, the log's salts, two sums: u32 each.
constexpr std::size_t kFrameHeader = 24;
constexpr std::uint32_t kLogMagic = 0x377f0682;  // |1: sums are big endian
constexpr std::string_view kJournalMagic{"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8};
// magic: 8; records, nonce, pages before, sector size, page size: u32 each.
constexpr std::size_t kJournalHeader = 28;
constexpr int kTries = 10;

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  return __builtin_bswap32(big_endian(bytes, at));
}

struct Sums {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  void add(std::string_view bytes, bool big) {
    const auto word = big ? big_endian : little_endian;
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      first += word(bytes, at) + second;
      second += word(bytes, at + 4) + first;
    }
  }
  bool stand_at(std::string_view bytes, std::size_t at) const {
    return big_endian(bytes, at) == first &&
           big_endian(bytes, at + 4) == second;
  }
};

std::size_t page_size_of(std::string_view image) {
  const auto high = static_cast<unsigned char>(image[kPageSizeAt]);
  const auto low = static_cast<unsigned char>(image[kPageSizeAt + 1]);
  const std::size_t size = high << 8u | low;
  return size == 1 ? 65'536 : size;
}

void put_big_endian(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + i] = static_cast<char>(value >> (24 - 8 * i));
  }
}

// All that shows a write of the database: its own file's, its log's, its
// rollback journal's.
Result<std::string> stamps_of(const std::string& path) {
  std::string stamps;
  for (const char* tail : {"", "-wal", "-journal"}) {
    const auto stamp = file_stamp(path + tail);
    if (!stamp) return stamp;
    stamps += *stamp + "|";
  }
  return stamps;
}

// Empty where there is none.
Result<std::string> read_beside(const std::string& path) {
  auto text = read_file(path, kMaxDatabase);
  if (!text && text.error().code == ENOENT) return std::string();
  return text;
}

}  // namespace

Result<std::string> apply_sqlite_log(std::string image, std::string_view log) {
  if (image.size() < kHeader || !starts_with(image, kMagic)) {
    return fail("not an SQLite database", EBADMSG);
  }
  const std::size_t page_size = page_size_of(image);
  if (page_size < 512 || (page_size & (page_size - 1)) != 0) {
    return fail("not an SQLite database", EBADMSG);
  }
  const auto finished = [&] {
    // There is no log beside an image.
    image[kWriteVersionAt] = image[kReadVersionAt] = 1;
    return std::move(image);
  };
  if (log.size() < kLogHeader) return finished();
  const std::uint32_t magic = big_endian(log, 0);
  if ((magic & ~1u) != kLogMagic || big_endian(log, 8) != page_size) {
    return finished();
  }
  const bool big = (magic & 1u) != 0;
  const std::string_view salts = log.substr(16, 8);
  Sums sums;
  sums.add(log.substr(0, 24), big);
  if (!sums.stand_at(log, 24)) return finished();
  std::map<std::uint32_t, std::string_view> open;  // of a transaction
  // Applied in the end: a log can commit as often as it has pages.
  std::map<std::uint32_t, std::string_view> committed;
  std::uint32_t in_all = 0;  // pages; 0: nothing was committed
  for (std::size_t at = kLogHeader; at + kFrameHeader + page_size <= log.size();
       at += kFrameHeader + page_size) {
    const auto page = log.substr(at + kFrameHeader, page_size);
    sums.add(log.substr(at, 8), big);
    sums.add(page, big);
    if (log.substr(at + 8, 8) != salts || !sums.stand_at(log, at + 16)) break;
    const std::uint32_t number = big_endian(log, at);
    if (number == 0 || number > kMaxDatabase / page_size) break;
    open[number] = page;
    const std::uint32_t pages = big_endian(log, at + 4);
    if (pages == 0) continue;
    if (pages > kMaxDatabase / page_size) break;
    for (const auto& [one, bytes] : open) committed[one] = bytes;
    committed.erase(committed.upper_bound(pages), committed.end());
    open.clear();
    in_all = pages;
  }
  if (in_all == 0) return finished();
  image.resize(std::size_t{in_all} * page_size);
  for (const auto& [one, bytes] : committed) {
    image.replace((one - 1) * page_size, page_size, bytes);
  }
  put_big_endian(image, kPagesAt, in_all);
  return finished();
}

std::string roll_back_sqlite(std::string image, std::string_view journal) {
  // A header with its records for each time that the journal reached the disk;
  // only pages that it held by then are written over.
  std::size_t at = 0;
  std::size_t pages = 0;
  std::size_t page_size = 0;
  while (at + kJournalHeader <= journal.size() &&
         journal.substr(at, 8) == kJournalMagic) {
    const std::uint32_t records = big_endian(journal, at + 8);
    const std::uint32_t nonce = big_endian(journal, at + 12);
    const std::size_t sector = big_endian(journal, at + 20);
    if (at == 0) {
      page_size = big_endian(journal, 24);
      if (page_size < 512 || page_size > 65'536) return image;
      const std::size_t before = big_endian(journal, 16);
      if (before > kMaxDatabase / page_size) return image;
      pages = before;
    }
    if (sector < 32 || sector > 65'536) break;
    at += sector;
    for (std::uint32_t i = 0;
         i < records && at + page_size + 8 <= journal.size(); ++i) {
      const std::uint32_t number = big_endian(journal, at);
      const auto page = journal.substr(at + 4, page_size);
      std::uint32_t sum = nonce;
      for (std::size_t byte = page_size - 200; byte > 0 && byte < page_size;
           byte -= 200) {
        sum += static_cast<unsigned char>(page[byte]);
      }
      if (sum != big_endian(journal, at + 4 + page_size)) break;
      const std::size_t place = (std::size_t{number} - 1) * page_size;
      if (number != 0 && number <= pages) {
        if (image.size() < place + page_size) image.resize(place + page_size);
        image.replace(place, page_size, page);
      }
      at += page_size + 8;
    }
    at = (at + sector - 1) / sector * sector;
  }
  if (pages != 0) image.resize(pages * page_size);
  return image;
}

Result<std::string> read_sqlite_image(const std::string& path) {
  for (int i = 0; i < kTries; ++i) {
    auto before = stamps_of(path);
    if (!before) return before;
    auto image = read_file(path, kMaxDatabase);
    if (!image) return image;
    auto log = read_beside(path + "-wal");
    if (!log) return log;
    // After the file: what that had by then of a transaction is in here.
    auto journal = read_beside(path + "-journal");
    if (!journal) return journal;
    auto after = stamps_of(path);
    if (!after) return after;
    if (*before != *after) continue;
    auto applied =
        apply_sqlite_log(roll_back_sqlite(*std::move(image), *journal), *log);
    if (!applied) return fail(applied, path);
    return applied;
  }
  return fail(path + " is being written", EAGAIN);
}

}  // namespace stillframe::containers
