// SPDX-License-Identifier: Apache-2.0
//
// The ledger on disk, so that an agent that was killed goes on where it was:
// JSON Lines, appended to with one write(2) at a time. The kernel keeps what
// was written when we are killed; only a crash of the machine can lose the end.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "agent/base/result.h"
#include "agent/drift/ledger/actors.h"
#include "agent/drift/ledger/ledger.h"
#include "agent/drift/ledger/life.h"
#include "agent/drift/ledger/store_lines.h"
#include "agent/model/container.h"

namespace stillframe::drift {

class Store {
 public:
  enum class Loaded {
    nothing,  // no file, or one of another container of the same name
    state,
    damaged,     // set apart; what it held is lost
    unreadable,  // may be read later: until then nothing is written
  };

  // `path` empty: nothing is kept.
  Store(std::string path, const ContainerRecord& record);

  Loaded load(ActorTable& actors, Ledger& ledger, StoredState& state,
              Life& life, std::string& why);
  Result<> flush(const ActorTable& actors, Ledger& ledger,
                 const StoredState& state, const Life& life);
  // How often a flush had something to write.
  std::uint64_t written() const { return writes_; }
  // The next flush writes everything.
  void rewrite() { rewrite_ = true; }
  void remove();

 private:
  void append_record(std::string& out, const RecordKey& key,
                     const ActorTable& actors, const Ledger& ledger);
  Result<> write_all(const ActorTable& actors, const Ledger& ledger,
                     const StoredState& state, const Life& life);
  Result<> append(std::string_view text);

  std::string path_;
  std::string id_;
  InodeId root_;
  bool rewrite_ = true;
  bool unreadable_ = false;
  std::size_t bytes_ = 0;
  std::uint64_t writes_ = 0;
  StoredState written_;
  std::uint64_t life_written_ = 0;  // its revision
  // Actors have numbers of their own in the file.
  std::unordered_map<ActorId, std::uint32_t> numbers_;
  std::uint32_t next_number_ = 0;
};

}  // namespace stillframe::drift
