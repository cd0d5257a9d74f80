// SPDX-License-Identifier: Apache-2.0
//
// Looks keys up in a bbolt database (go.etcd.io/bbolt, file format version 2)
// without taking its lock, which its owner may hold for long, and which
// containerd holds for as long as it runs. Pages are read as they are needed.
// They are copy-on-write: those of the newest transaction are free to reuse
// only once another one is complete, which moved() shows. Whatever a writer has
// torn by then shows as a page of the wrong kind or out of bounds, and ends the
// search.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace stillframe::containers {

class BoltFile {
 public:
  using Path = std::initializer_list<std::string_view>;  // of buckets

  static Result<BoltFile> read(const std::string& path);
  static Result<BoltFile> parse(std::string bytes);

  // What `look` finds in the database, for as long as nobody writes it
  // meanwhile. Fails with EAGAIN where somebody always does.
  template <typename Look>
  static auto consult(const std::string& path, const Look& look)
      -> Result<decltype(look(std::declval<BoltFile&>()))> {
    constexpr int kTries = 5;
    for (int i = 0; i < kTries; ++i) {
      auto file = read(path);
      if (!file) return tl::unexpected<Error>(file.error());
      auto found = look(*file);
      if (!file->moved()) return found;
    }
    return fail(path + " is being written", EAGAIN);
  }

  // The value of `key` in the bucket reached through `buckets`. The view lives
  // as long as this object.
  std::optional<std::string_view> get(Path buckets, std::string_view key);
  // All values there, and the names of the buckets there.
  std::map<std::string, std::string> values(Path buckets);
  std::vector<std::string> names(Path buckets);

  // Whether a transaction was completed since it was opened.
  bool moved() const;

 private:
  struct Meta {
    std::uint64_t transaction = 0;
    std::size_t page_size = 0;
    std::uint64_t root = 0;
  };
  struct Item {
    std::string_view key;
    std::string_view value;
    bool is_bucket = false;
  };
  using Page = std::optional<std::string_view>;

  BoltFile() = default;
  static Result<BoltFile> with_meta(BoltFile file);
  std::optional<Meta> newest_meta() const;
  std::optional<Meta> meta_at(std::size_t offset) const;
  bool copy(std::size_t offset, std::size_t size, std::string& out) const;
  Page page(std::uint64_t id);
  Page bucket_page(std::string_view value);
  Page bucket(Path buckets);
  std::optional<Item> find(std::string_view root, std::string_view key);
  template <typename Visit>
  void each(std::string_view page, int depth, std::size_t& left,
            const Visit& visit);

  Fd fd_;              // closed: all is in bytes_
  std::string bytes_;  // of a database in memory
  std::size_t size_ = 0;
  std::unordered_map<std::uint64_t, std::string> pages_;  // those read so far
  std::size_t kept_ = 0;                                  // bytes of them
  Meta meta_;
};

}  // namespace stillframe::containers
