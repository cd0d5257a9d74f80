// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/seen_directories.h"

#include <utility>

namespace stillframe::drift {
namespace {

constexpr std::uint32_t kScans = (1u << 30) - 1;

std::uint64_t place_of(const InodeId& parent, const std::string& name) {
  return std::hash<InodeId>()(parent) * 31 + std::hash<std::string>()(name);
}

std::uint32_t short_hash(const InodeId& inode) {
  return static_cast<std::uint32_t>(std::hash<InodeId>()(inode) >> 16);
}

}  // namespace

void SeenDirectories::clear() {
  records_.clear();
  asked_.clear();
  listed_.clear();
}

void SeenDirectories::begin() { scan_ = (scan_ + 1) & kScans; }

bool SeenDirectories::met(const Entry& directory) {
  const std::uint64_t place = place_of(directory.parent, directory.name);
  Record& record = records_[directory.inode];
  if (record.place != place) {
    record = {place, short_hash(directory.parent), 0, 0, record.ever_read};
  }
  record.met = scan_ & kScans;  // kept within its bits
  return record.read != 0;
}

void SeenDirectories::read(const InodeId& directory) {
  const auto at = records_.find(directory);
  if (at != records_.end()) at->second.read = at->second.ever_read = 1;
}

bool SeenDirectories::ever_read(const InodeId& directory) const {
  const auto at = records_.find(directory);
  return at != records_.end() && at->second.ever_read != 0;
}

void SeenDirectories::asked(const InodeId& parent, const std::string& name) {
  asked_.insert(place_of(parent, name));
}

void SeenDirectories::listed(const InodeId& parent) {
  listed_.insert(short_hash(parent));
}

void SeenDirectories::end() {
  if (asked_.empty() && listed_.empty()) return;
  std::unordered_set<std::uint32_t> gone;
  std::erase_if(records_, [&](const auto& one) {
    const Record& record = one.second;
    const bool drop = record.met != scan_ && (asked_.contains(record.place) ||
                                              listed_.contains(record.parent));
    if (drop) gone.insert(short_hash(one.first));
    return drop;
  });
  asked_.clear();
  // What was in those goes with the next scan: one level each time keeps the
  // cost of a scan within bounds, however deep the container nests.
  listed_ = std::move(gone);
}

}  // namespace stillframe::drift
