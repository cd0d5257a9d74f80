// SPDX-License-Identifier: Apache-2.0
//
// Whether two files hold the same bytes. Remembers what it found, so that an
// unchanged file is not read twice; and of a large one how far it came, so that
// each scan reads no more than a part: nobody waits for gigabytes.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "agent/base/clock.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/scanner.h"
#include "agent/model/inode.h"

namespace stillframe::drift {

WallTime wall(const struct timespec& time);

// A file whose bytes are to be compared: for calls that take a directory and a
// path.
struct ReadableFile {
  int dir = -1;
  std::string path;
  bool magic = false;  // the path is proc_path(fd), a link to be followed
  struct stat st{};
};

class Contents {
 public:
  enum class Answer : std::uint8_t { unread, same, differ };
  struct Found {
    Answer answer = Answer::unread;
    bool more = false;  // the next scan reads on
  };

  explicit Contents(const ScanLimits& limits) : limits_(limits) {}

  // Before and after each scan. A full one ends with forgetting all files that
  // it did not meet.
  void begin(bool ctime_shows_stores, WallTime now, std::stop_token stop);
  void end(bool full);

  // Regular files of the same size. `inode` and `changed` are those of the
  // upper file, whatever holds its bytes.
  Tried<Found> compare(const InodeId& inode, WallTime changed,
                       const ReadableFile& one, const ReadableFile& other);

 private:
  struct File {
    std::uint64_t ino = 0;
    std::uint64_t dev = 0;
    bool operator==(const File&) const = default;
  };
  struct Known {
    WallTime changed;
    WallTime begun;  // the comparison that the answer is from, or under way
    File one;
    File other;
    std::uint64_t at = 0;          // all before it is equal
    std::uint64_t differs_at = 0;  // where they differed last
    Answer answer = Answer::unread;
    bool reading = false;
    bool met = false;
  };

  bool settled(const Known& known) const;
  Known& known_of(const InodeId& inode, WallTime changed,
                  const ReadableFile& one, const ReadableFile& other);
  Tried<> read_on(const ReadableFile& one, const ReadableFile& other,
                  std::uint64_t most, Known* known);
  Tried<bool> chunk_differs(int one, int other, std::uint64_t at,
                            std::uint64_t* size);

  ScanLimits limits_;
  std::unordered_map<InodeId, Known> known_;
  std::unique_ptr<char[]> buffer_;  // while a scan lasts that compares bytes
  std::uint64_t left_ = 0;  // bytes of large files, in the scan under way
  WallTime now_;
  std::stop_token stop_;
  bool ctime_shows_stores_ = false;
};

}  // namespace stillframe::drift
