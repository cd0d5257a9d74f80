// SPDX-License-Identifier: Apache-2.0
#include "agent/model/change_list.h"

#include <string_view>
#include <unordered_set>
#include <utility>

namespace stillframe {
namespace {

std::size_t size_of(const ActorList& actors) {
  std::size_t sum = 0;
  for (const auto& actor : actors) {
    sum += sizeof actor + actor.exe.size();
    if (actor.session) sum += actor.session->first_cmd.size();
  }
  return sum;
}

}  // namespace

bool ChangeList::Common::operator==(const Common& other) const {
  return from == other.from && count == other.count &&
         actors.id() == other.actors.id() && kinds == other.kinds &&
         rule == other.rule && actors_left_out == other.actors_left_out &&
         change == other.change && mutation_class == other.mutation_class &&
         verdict == other.verdict && shown_by_runtime == other.shown_by_runtime;
}

std::uint32_t ChangeList::number_of(Common common) {
  const std::size_t hash = std::hash<const void*>()(common.from.get()) ^
                           std::hash<const void*>()(common.actors.id()) * 31 ^
                           std::hash<std::string>()(common.rule) ^
                           common.count * 0x9E3779B97F4A7C15u;
  const auto [first, last] = common_numbers_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    if (common_[at->second] == common) return at->second;
  }
  const auto number = static_cast<std::uint32_t>(common_.size());
  common_.push_back(std::move(common));
  common_numbers_.emplace(hash, number);
  return number;
}

std::uint32_t ChangeList::number_of(const SharedPath::DirectoryPtr& directory) {
  const auto next = static_cast<std::uint32_t>(directories_.size());
  const auto [at, added] =
      directory_numbers_.try_emplace(directory.get(), next);
  if (added) directories_.push_back(directory);
  return at->second;
}

void ChangeList::push_back(const PathChange& change) {
  names_ += change.path.last();
  Row row;
  row.directory = number_of(change.path.above());
  row.name = static_cast<std::uint32_t>(names_.size());
  rows_.push_back(row);
  set(rows_.size() - 1, change);
}

void ChangeList::set(std::size_t index, const PathChange& change) {
  Row& row = rows_[index];
  row.first_seen = change.first_seen;
  row.last_seen = change.last_seen;
  row.common = number_of({.from = change.from,
                          .count = change.count,
                          .actors = change.actors,
                          .kinds = change.kinds,
                          .rule = change.rule,
                          .actors_left_out = change.actors_left_out,
                          .change = change.change,
                          .mutation_class = change.mutation_class,
                          .verdict = change.verdict,
                          .shown_by_runtime = change.shown_by_runtime});
}

PathChange ChangeList::operator[](std::size_t index) const {
  const Row& row = rows_.at(index);
  const Common& common = common_[row.common];
  const std::size_t begin = index == 0 ? 0 : rows_[index - 1].name;
  const auto& above = directories_[row.directory];
  const std::string_view last =
      std::string_view(names_).substr(begin, row.name - begin);
  PathChange out;
  out.path = above ? SharedPath(above, last.substr(1))  // without the slash
                   : SharedPath(std::string(last));
  out.from = common.from;
  out.kinds = common.kinds;
  out.rule = common.rule;
  out.first_seen = row.first_seen;
  out.last_seen = row.last_seen;
  out.count = common.count;
  out.actors = common.actors;
  out.actors_left_out = common.actors_left_out;
  out.change = common.change;
  out.mutation_class = common.mutation_class;
  out.verdict = common.verdict;
  out.shown_by_runtime = common.shown_by_runtime;
  return out;
}

std::size_t ChangeList::bytes() const {
  std::size_t sum = rows_.capacity() * sizeof(Row) + names_.capacity() +
                    common_.capacity() * sizeof(Common);
  std::unordered_set<const void*> counted;
  for (const Common& common : common_) {
    if (common.from) sum += sizeof *common.from + common.from->own_bytes();
    sum += common.rule.capacity();
    if (counted.insert(common.actors.id()).second) {
      sum += size_of(common.actors);
    }
  }
  return sum;
}

}  // namespace stillframe
