// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/actors.h"

#include <algorithm>
#include <functional>
#include <string>

namespace stillframe::drift {
namespace {

void mix(std::size_t& seed, std::size_t value) {
  seed ^= value + 0x9E3779B97F4A7C15u + (seed << 6) + (seed >> 2);
}

std::size_t hash_of(const Actor& a) {
  const std::hash<std::string> text;
  std::size_t seed = static_cast<std::size_t>(a.origin);
  mix(seed, text(a.tool));
  mix(seed, text(a.comm));
  mix(seed, text(a.exe));
  mix(seed, a.pid);
  mix(seed, a.uid);
  mix(seed, a.ambiguous ? 1 : 0);
  mix(seed, a.session ? a.session->id : 0);
  return seed;
}

std::size_t hash_of(const std::vector<ActorId>& members) {
  std::size_t seed = members.size();
  for (const ActorId id : members) mix(seed, id);
  return seed;
}

}  // namespace

Actor in_common(const Actor& one, const Actor& other) {
  if (one == other) return one;
  Actor both;
  both.ambiguous = true;
  if (one.origin != other.origin) return both;
  both.origin = one.origin;
  if (one.tool == other.tool) both.tool = one.tool;
  if (one.comm == other.comm) both.comm = one.comm;
  if (one.exe == other.exe) both.exe = one.exe;
  if (one.uid == other.uid) both.uid = one.uid;
  if (one.session == other.session) both.session = one.session;
  return both;
}

ActorTable::ActorTable() : sets_(1) {}

ActorId ActorTable::find_or_add(const Actor& actor) {
  const std::size_t hash = hash_of(actor);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (actors_[it->second] == actor) return it->second;
  }
  const auto id = static_cast<ActorId>(actors_.size());
  actors_.push_back(actor);
  by_hash_.emplace(hash, id);
  return id;
}

ActorId ActorTable::intern(const Actor& actor) {
  if (actors_.size() < kMaxActors) return find_or_add(actor);
  Actor coarse;
  coarse.origin = actor.origin;
  if (actors_.size() < 2 * kMaxActors) {
    coarse.tool = actor.tool;
    coarse.comm = actor.comm;
    coarse.exe = actor.exe;
    coarse.uid = actor.uid;
  }
  coarse.ambiguous = actor.ambiguous;
  return find_or_add(coarse);
}

ActorSet ActorTable::add(ActorSet set, ActorId actor) {
  const auto& old = sets_[set];
  if (!old.empty() && old.back() == actor) return set;
  std::vector<ActorId> members = old;
  std::erase(members, actor);
  members.push_back(actor);
  if (members.size() > kMaxPerSet) members.erase(members.begin());
  // Full: the actor alone, whose set may exist already or is one more of at
  // most as many as there are actors.
  if (sets_.size() >= kMaxSets) members.assign(1, actor);

  const std::size_t hash = hash_of(members);
  const auto [begin, end] = sets_by_hash_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (sets_[it->second] == members) return it->second;
  }
  const auto id = static_cast<ActorSet>(sets_.size());
  sets_.push_back(std::move(members));
  sets_by_hash_.emplace(hash, id);
  return id;
}

}  // namespace stillframe::drift
