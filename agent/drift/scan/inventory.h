// SPDX-License-Identifier: Apache-2.0
//
// What a rootfs held when it was first looked at, where there is no image to
// compare it with: the names, and enough of each to see whether it is still
// the same thing. With it a name that is gone is seen to be gone, and a new one
// to be new, whatever events were lost.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/inode.h"

namespace stillframe::drift {

class Inventory {
 public:
  // A directory of the inventory; none: it was not there.
  using Directory = std::uint32_t;
  static constexpr Directory kNone = 0;

  struct Item {
    std::string name;
    std::uint64_t ino = 0;
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    Directory directory = kNone;  // its own items, once it has been listed
  };
  static Item item(std::string name, const struct stat& st);

  // `since`: when the container began to live; what changed later is not the
  // image's.
  Inventory(InodeId root, WallTime since) : root_inode_(root), since_(since) {}

  WallTime since() const { return since_; }
  bool empty() const { return directories_.empty(); }
  std::size_t size() const { return items_.size(); }

  // The first one added is the root. `of`: the directory that has `items`, by
  // its parent's number and its name.
  Directory add(Directory parent, std::string_view name,
                std::vector<Item> items);
  Directory root() const { return directories_.empty() ? kNone : 1; }
  void set_top(const struct stat& st) { top_ = item("", st); }
  const Item& top() const { return top_; }

  std::optional<Item> find(Directory directory, std::string_view name) const;
  std::vector<std::string> names(Directory directory) const;

  // Why deletions may be unknown; empty: they are not.
  std::string unknowable;

  // A file of its own, written once, on the disk when that returns. Loading
  // gives nothing when there is none or it is another rootfs' one; it fails
  // with EBADMSG when it is damaged, and is then `*.damaged`, too, and
  // otherwise when it cannot be read.
  Result<> save(const std::string& path) const;
  static Result<std::optional<Inventory>> load(const std::string& path,
                                               const InodeId& root);

 private:
  static Result<std::optional<Inventory>> parse(std::string_view text,
                                                const InodeId& root);

  // An item with its name elsewhere: there may be a hundred thousand.
  struct Packed {
    std::uint64_t ino = 0;
    std::uint32_t name = 0;  // in names_, up to a zero byte
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    Directory directory = kNone;
  };
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  std::string_view name_of(const Packed& one) const {
    return names_.data() + one.name;
  }
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  // Where in items_ it is.
  std::size_t seek(Directory directory, std::string_view name) const;

  InodeId root_inode_;
  WallTime since_;
  Item top_;  // the rootfs' own directory
  std::vector<Range> directories_;
  std::vector<Packed> items_;  // those of one directory together, by name
  std::string names_;
};

}  // namespace stillframe::drift
