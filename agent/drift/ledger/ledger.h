// SPDX-License-Identifier: Apache-2.0
//
// Who made the rootfs what it is: records by upper inode, by place and by path.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/drift/ledger/record.h"

namespace stillframe::drift {

class Ledger {
 public:
  explicit Ledger(std::size_t max_records) : max_records_(max_records) {}

  // A generation of 0 on either side matches any.
  Record* find(const RecordKey& key);
  const Record* find(const RecordKey& key) const;

  // The record, made when there was none; null when the ledger is full, which
  // is counted. An inode number that came back with another generation is
  // another file: `displaced` is given the old record, which then goes.
  Record* upsert(
      const RecordKey& key,
      const std::function<void(const InodeId&, const Record&)>& displaced = {});
  // Whether there is a record of another file with that inode number, seen
  // since then (boot time).
  bool reused(const RecordKey& key, std::uint64_t since) const;
  void erase(const RecordKey& key);

  // What few records have. Where it was before it was moved; empty: nowhere
  // else.
  void set_from(const RecordKey& key, std::string from);
  std::string from(const RecordKey& key) const;
  // Until when its ctime moved with what was no change of it: other names that
  // came or went, calls that left it as it was. 0: never.
  void set_ctime_moved(const RecordKey& key, WallTime until);
  WallTime ctime_moved(const RecordKey& key) const;

  void for_each(
      const std::function<void(const RecordKey&, const Record&)>& visit) const;
  // Records without a place in the tree, by path.
  void for_each_path(const std::function<void(const std::string&,
                                              const Record&)>& visit) const;

  std::size_t size() const {
    return inodes_.size() + places_.size() + paths_.size();
  }
  std::uint64_t overflow() const { return overflow_; }
  void set_overflow(std::uint64_t count) { overflow_ = count; }

  // What changed since the last call, for the store.
  void touch(const RecordKey& key);
  std::vector<RecordKey> take_touched();

 private:
  // The generation lies in what the record leaves of its last eight bytes.
  struct ByInode {
    [[no_unique_address]] Record record;
    std::uint32_t generation = 0;
  };
  static_assert(sizeof(ByInode) == sizeof(Record));
  struct PlaceHash {
    using is_transparent = void;
    std::size_t operator()(const RecordKey& key) const {
      return std::hash<std::string>()(key.name) ^
             (key.inode.ino * 0x9E3779B97F4A7C15u);
    }
  };
  struct PlaceEqual {
    bool operator()(const RecordKey& a, const RecordKey& b) const {
      return a.inode.ino == b.inode.ino && a.name == b.name;
    }
  };
  struct Aside {
    std::string from;
    WallTime ctime_moved;
  };
  bool full();

  std::size_t max_records_;
  std::uint64_t overflow_ = 0;
  std::unordered_map<std::uint64_t, ByInode> inodes_;
  std::unordered_map<RecordKey, Record, PlaceHash, PlaceEqual> places_;
  std::unordered_map<std::string, Record> paths_;
  std::unordered_map<RecordKey, Aside, PlaceHash, PlaceEqual> asides_;
  std::unordered_set<RecordKey, PlaceHash, PlaceEqual> touched_;
};

}  // namespace stillframe::drift
