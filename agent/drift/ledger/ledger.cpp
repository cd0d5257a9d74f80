// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/ledger.h"

#include <utility>

namespace stillframe::drift {
Record* Ledger::find(const RecordKey& key) {
  return const_cast<Record*>(std::as_const(*this).find(key));
}

const Record* Ledger::find(const RecordKey& key) const {
  if (!key.inode) {
    const auto it = paths_.find(key.name);
    return it == paths_.end() ? nullptr : &it->second;
  }
  if (!key.name.empty()) {
    const auto it = places_.find(key);
    if (it == places_.end()) return nullptr;
    return same_generation(it->first.inode.generation, key.inode.generation)
               ? &it->second
               : nullptr;
  }
  const auto it = inodes_.find(key.inode.ino);
  if (it == inodes_.end()) return nullptr;
  return same_generation(it->second.generation, key.inode.generation)
             ? &it->second.record
             : nullptr;
}

bool Ledger::full() {
  if (size() < max_records_) return false;
  ++overflow_;
  return true;
}

Record* Ledger::upsert(
    const RecordKey& key,
    const std::function<void(const InodeId&, const Record&)>& displaced) {
  if (Record* known = find(key)) {
    touch(key);
    return known;
  }
  // The same number with another generation: the old one first goes.
  if (key.inode && key.name.empty()) {
    const auto it = inodes_.find(key.inode.ino);
    if (it != inodes_.end()) {
      const InodeId old{key.inode.ino, it->second.generation};
      const Record copy = it->second.record;
      erase(RecordKey::of_inode(old));
      if (displaced) displaced(old, copy);
    }
  } else if (key.inode && places_.contains(key)) {
    erase(RecordKey{{key.inode.ino, 0}, key.name});
  }
  if (full()) return nullptr;
  touch(key);
  if (!key.inode) return &paths_[key.name];
  if (!key.name.empty()) return &places_[key];
  auto& slot = inodes_[key.inode.ino];
  slot.generation = key.inode.generation;
  return &slot.record;
}

bool Ledger::reused(const RecordKey& key, std::uint64_t since) const {
  if (!key.inode || find(key) != nullptr) return false;
  const RecordKey any{{key.inode.ino, 0}, key.name};
  const Record* other = find(any);
  return other != nullptr && other->last_boot_ns >= since;
}

void Ledger::erase(const RecordKey& key) {
  if (find(key) == nullptr) return;
  touch(key);
  asides_.erase(key);
  if (!key.inode) {
    paths_.erase(key.name);
  } else if (!key.name.empty()) {
    places_.erase(key);
  } else {
    inodes_.erase(key.inode.ino);
  }
}

void Ledger::set_from(const RecordKey& key, std::string from) {
  if (from.empty() || find(key) == nullptr) return;
  asides_[key].from = std::move(from);
}

std::string Ledger::from(const RecordKey& key) const {
  const auto it = asides_.find(key);
  return it == asides_.end() ? std::string() : it->second.from;
}

void Ledger::set_ctime_moved(const RecordKey& key, WallTime until) {
  const auto it = asides_.find(key);
  if (it != asides_.end()) {
    it->second.ctime_moved = until;
  } else if (until.ns != 0 && find(key) != nullptr) {
    asides_[key].ctime_moved = until;
  }
}

WallTime Ledger::ctime_moved(const RecordKey& key) const {
  const auto it = asides_.find(key);
  return it == asides_.end() ? WallTime{} : it->second.ctime_moved;
}

void Ledger::for_each(
    const std::function<void(const RecordKey&, const Record&)>& visit) const {
  for (const auto& [ino, slot] : inodes_) {
    visit(RecordKey::of_inode({ino, slot.generation}), slot.record);
  }
  for (const auto& [key, record] : places_) visit(key, record);
  for (const auto& [path, record] : paths_) {
    visit(RecordKey::of_path(path), record);
  }
}

void Ledger::for_each_path(
    const std::function<void(const std::string&, const Record&)>& visit) const {
  for (const auto& [path, record] : paths_) visit(path, record);
}

void Ledger::touch(const RecordKey& key) {
  // Of two generations the newer one is what there is to write.
  const auto [it, fresh] = touched_.insert(key);
  if (fresh || it->inode == key.inode) return;
  touched_.erase(it);
  touched_.insert(key);
}

std::vector<RecordKey> Ledger::take_touched() {
  std::vector<RecordKey> keys;
  keys.reserve(touched_.size());
  while (!touched_.empty()) {
    keys.push_back(std::move(touched_.extract(touched_.begin()).value()));
  }
  touched_.clear();
  return keys;
}

}  // namespace stillframe::drift
