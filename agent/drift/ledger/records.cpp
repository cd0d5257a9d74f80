// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/records.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace stillframe::drift {

Record* Records::add(const RecordKey& key, WallTime time, std::uint64_t count,
                     ActorId by) {
  Ledger& ledger = books_.ledger;
  Record* r = ledger.upsert(key, [&](const InodeId& old, const Record& was) {
    if (!was.kinds.has_class(Class::code)) return;
    keep_code(RecordKey::of_path(books_.tree.path_of(old)), was);
  });
  if (r == nullptr) return nullptr;
  if (r->count == 0 || time < r->first_seen) r->first_seen = time;
  r->last_seen = std::max(r->last_seen, time);
  r->count = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(r->count + count, UINT32_MAX));
  r->actors = books_.actors.add(r->actors, by, r->left_out);
  return r;
}

bool Records::forget_bystanders(const RecordKey& directory) {
  const Record* r = books_.ledger.find(directory);
  if (r == nullptr || !r->kinds.only(Kind::copy_up)) return false;
  books_.ledger.erase(directory);
  return true;
}

// What it held is the image's again or a whiteout's matter.
void Records::retire(const InodeId& inode, const std::string& path) {
  Ledger& ledger = books_.ledger;
  const auto key = RecordKey::of_inode(inode);
  const Record* r = ledger.find(key);
  if (r == nullptr) return;
  Record code = *r;
  code.kinds = {};
  for (const Kind kind : r->kinds.list()) {
    if (class_of(kind) == Class::code) code.kinds.add(kind);
  }
  ledger.erase(key);
  if (code.kinds.empty()) return;
  const auto at = RecordKey::of_path(path.empty() ? "(unknown)" : path);
  keep_code(at, code);
  verdicts_.rejudge(at);
}

void Records::missing(const InodeId& inode, const std::string& path) {
  const Record* r = books_.ledger.find(RecordKey::of_inode(inode));
  if (r == nullptr) return;
  if (missing_.size() >= kMaxMissing) {
    const Missing oldest = std::move(missing_.front());
    missing_.pop_front();
    if (books_.tree.find(oldest.inode) == nullptr) {
      retire(oldest.inode, oldest.path);
    }
  }
  missing_.push_back({inode, r->kinds.has_class(Class::code) ? path : ""});
}

void Records::scanned(std::uint64_t started, bool more) {
  if (more) return;
  for (const auto& [inode, path] : std::exchange(missing_, {})) {
    if (books_.tree.find(inode) != nullptr) continue;
    const Record* r = books_.ledger.find(RecordKey::of_inode(inode));
    // Seen since: in use again, and what was seen will be looked at.
    if (r != nullptr && r->last_boot_ns < started) retire(inode, path);
  }
}

// On top of what is kept there of an earlier one.
void Records::keep_code(const RecordKey& at, const Record& code) {
  Record* kept = books_.ledger.upsert(at);
  if (kept == nullptr) return;
  const Record before = *kept;
  *kept = code;
  if (before.count == 0) return;
  kept->kinds.add(before.kinds);
  kept->first_seen = std::min(before.first_seen, code.first_seen);
  kept->count += before.count;
  kept->left_out = before.left_out;
  kept->actors = before.actors;
  const std::vector<ActorId> since = books_.actors.members(code.actors);
  for (const ActorId id : since) {
    kept->actors = books_.actors.add(kept->actors, id, kept->left_out);
  }
}

void Records::sweep(std::uint64_t started) {
  std::vector<RecordKey> lost;
  books_.ledger.for_each([&](const RecordKey& key, const Record& r) {
    if (!key.inode || r.last_boot_ns >= started) return;
    if (key.name.empty()) {
      if (books_.tree.find(key.inode) == nullptr) lost.push_back(key);
      return;
    }
    const Entry* there = books_.tree.find(key.inode, key.name);
    if (there == nullptr || !there->whiteout) lost.push_back(key);
  });
  for (const auto& key : lost) {
    if (key.name.empty()) {
      retire(key.inode, "");
    } else {
      books_.ledger.erase(key);
    }
  }
}

}  // namespace stillframe::drift
