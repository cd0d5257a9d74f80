// SPDX-License-Identifier: Apache-2.0
//
// The changed paths of an answer, a hundred thousand maybe, at some 40 bytes
// each: what many of them have in common is held once. Rows are made when asked
// for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/model/mutation.h"

namespace stillframe {

// May be read on any thread, but on one at a time, as the paths it holds.
class ChangeList {
 public:
  ChangeList() = default;
  ChangeList(std::initializer_list<PathChange> changes) {
    for (const auto& change : changes) push_back(change);
  }

  // Room for so many more.
  void reserve(std::size_t more) { rows_.reserve(rows_.size() + more); }
  void push_back(const PathChange& change);
  // In the place of another of the same path.
  void set(std::size_t index, const PathChange& change);
  void clear() { *this = {}; }

  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  PathChange operator[](std::size_t index) const;
  // What it holds, with what its rows share.
  std::size_t bytes() const;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = PathChange;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = PathChange;

    Iterator() = default;
    Iterator(const ChangeList& list, std::size_t at) : list_(&list), at_(at) {}
    PathChange operator*() const { return (*list_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const ChangeList* list_ = nullptr;
    std::size_t at_ = 0;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, rows_.size()}; }

 private:
  // What hardly any row has to itself.
  struct Common {
    std::shared_ptr<const SharedPath> from;
    std::uint64_t count = 0;
    ActorList actors;
    KindList kinds;
    std::string rule;
    std::uint32_t actors_left_out = 0;
    Change change = Change::changed;
    Class mutation_class = Class::content;
    Verdict verdict = Verdict::violation;
    bool shown_by_runtime = true;
    bool operator==(const Common& other) const;
  };
  struct Row {
    WallTime first_seen;
    WallTime last_seen;
    std::uint32_t directory = 0;  // in directories_
    std::uint32_t name = 0;       // where it ends in names_
    std::uint32_t common = 0;     // in common_
  };
  std::uint32_t number_of(Common common);
  std::uint32_t number_of(const SharedPath::DirectoryPtr& directory);

  std::vector<Row> rows_;
  std::string names_;
  std::vector<SharedPath::DirectoryPtr> directories_;
  std::vector<Common> common_;
  // Where those are: by address, and by hash.
  std::unordered_map<const void*, std::uint32_t> directory_numbers_;
  std::unordered_multimap<std::size_t, std::uint32_t> common_numbers_;
};

}  // namespace stillframe
