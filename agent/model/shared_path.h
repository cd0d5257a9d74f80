// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stillframe {

// A path that holds its last name and shares the directories above it with the
// other paths below them. A container decides how deep its directories are: the
// paths of a chain of them, written out, take the square of its depth.
//
// Immutable but for assignment. Paths that share directories may be used on any
// thread, but on one at a time.
class SharedPath {
 public:
  // A directory as those below it hold it; null: "", whose names are written
  // with a slash before them.
  class Directory {
   public:
    Directory(std::shared_ptr<const Directory> above, std::string name);
    // One by one: a chain is as deep as a container made it, the stack is not.
    ~Directory();
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    std::string text() const;

   private:
    friend class SharedPath;
    // Taken by the destructor of the last one below.
    mutable std::shared_ptr<const Directory> above_;
    std::string name_;  // with the slash before it
    std::size_t size_;  // of the whole path
  };
  using DirectoryPtr = std::shared_ptr<const Directory>;

  SharedPath() = default;
  // A text that shares nothing.
  SharedPath(std::string text) : last_(std::move(text)) {}
  SharedPath(const char* text) : last_(text) {}
  SharedPath(DirectoryPtr above, std::string_view name);

  // `name` in `above`, which may be null.
  static DirectoryPtr directory(DirectoryPtr above, std::string_view name);
  // A directory of a path that shares nothing; null for "" and "/".
  static DirectoryPtr directory(std::string text);

  bool empty() const { return size() == 0; }
  std::size_t size() const;
  std::string text() const;
  // Its parts, first to last, as long as the path lives.
  std::vector<std::string_view> names() const;
  // Its parts as they are held: the directories above, null if it shares none,
  // and the rest, with the slash between both.
  const DirectoryPtr& above() const { return above_; }
  std::string_view last() const { return last_; }
  // What it holds for itself.
  std::size_t own_bytes() const { return last_.capacity(); }

  // Byte by byte; costs no more than it takes to tell.
  friend bool operator==(const SharedPath& path, std::string_view text) {
    return path.is(text);
  }

 private:
  bool is(std::string_view text) const;

  DirectoryPtr above_;
  std::string last_;
};

}  // namespace stillframe
