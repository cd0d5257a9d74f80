// SPDX-License-Identifier: Apache-2.0
//
// Writing into the ledger, and taking out of it what is gone. That code was run
// stays recorded, by path, when its inode is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/base/queue.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/verdicts.h"

namespace stillframe::drift {

class Records {
 public:
  Records(Books& books, Verdicts& verdicts)
      : books_(books), verdicts_(verdicts) {}

  // `count` more changes by `by`. Null: the ledger is full.
  Record* add(const RecordKey& key, WallTime time, std::uint64_t count,
              ActorId by);
  // Those who copied a directory up by what they did in it did nothing to it:
  // they are not listed with whoever changes itself. Whether there were any.
  bool forget_bystanders(const RecordKey& directory);
  // The inode is gone; `path` is where it was, if that is known.
  void retire(const InodeId& inode, const std::string& path);
  // It is not where it was: gone, or to be found where nobody has looked yet.
  void missing(const InodeId& inode, const std::string& path);
  // A scan that began at `started` was taken in; `more`: others are due.
  void scanned(std::uint64_t started, bool more);
  // A complete scan that began at `started` has not met these.
  void sweep(std::uint64_t started);

 private:
  static constexpr std::size_t kMaxMissing = 4096;
  struct Missing {
    InodeId inode;
    std::string path;  // of what was run
  };
  void keep_code(const RecordKey& at, const Record& code);

  Books& books_;
  Verdicts& verdicts_;
  Queue<Missing> missing_;
};

}  // namespace stillframe::drift
