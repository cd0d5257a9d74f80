// SPDX-License-Identifier: Apache-2.0
//
// Looks keys up in a bbolt database (go.etcd.io/bbolt, file format version 2)
// without taking its lock, which its owner may hold for long. The file is read
// at once; its pages are copy-on-write, and whatever a writer has torn shows as
// a page of the wrong kind or out of bounds and ends the search.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe::containers {

class BoltFile {
 public:
  static Result<BoltFile> read(const std::string& path);
  static Result<BoltFile> parse(std::string bytes);

  // The value of `key` in the bucket reached through `buckets`.
  std::optional<std::string_view> get(
      std::initializer_list<std::string_view> buckets,
      std::string_view key) const;

 private:
  // Where a bucket's tree begins: a page of the file, or one kept inline at an
  // offset of it.
  struct Root {
    std::size_t offset = 0;
    std::size_t size = 0;
  };
  struct Value {
    std::size_t offset = 0;
    std::size_t size = 0;
    bool is_bucket = false;
  };

  BoltFile() = default;
  bool load_meta(std::size_t offset, std::uint64_t& newest);
  template <typename Number>
  Number number_at(std::size_t offset) const;
  std::optional<Root> page(std::uint64_t id) const;
  std::optional<Root> bucket_root(const Value& value) const;
  std::optional<Value> find(Root root, std::string_view key) const;
  std::optional<std::string_view> key_at(Root page, std::size_t element,
                                         bool leaf) const;

  std::string bytes_;
  std::size_t page_size_ = 0;
  std::uint64_t root_ = 0;
};

}  // namespace stillframe::containers
