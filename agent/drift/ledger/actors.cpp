// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/actors.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <set>
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
  mix(seed, a.login ? a.login->uid + std::size_t{1} : 0);
  mix(seed, a.ambiguous ? 1 : 0);
  mix(seed, a.session ? a.session->id : 0);
  mix(seed, a.update);
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
  if (one.user == other.user) both.user = one.user;
  if (one.login == other.login) both.login = one.login;
  if (one.ancestors == other.ancestors) both.ancestors = one.ancestors;
  if (one.session == other.session) both.session = one.session;
  if (one.update == other.update) both.update = one.update;
  return both;
}

ActorTable::ActorTable() : sets_(1) {}

ActorId ActorTable::find_or_add(const Actor& actor) {
  const std::size_t hash = hash_of(actor);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (get(it->second) == actor) return it->second;
  }
  const auto id = static_cast<ActorId>(actors_.size());
  actors_.emplace_back(actor);
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
    coarse.user = actor.user;
    coarse.login = actor.login;
  }
  coarse.ambiguous = actor.ambiguous;
  return find_or_add(coarse);
}

ActorId ActorTable::origin_alone(Origin origin) {
  Actor coarse;
  coarse.origin = origin;
  return find_or_add(coarse);
}

// The last as it is, as long as there is room for that many sets.
std::vector<ActorId> ActorTable::one_of_each_origin(
    const std::vector<ActorId>& members) {
  const ActorId last = members.back();
  std::set<Origin> others;
  for (const ActorId id : members) others.insert(origin_of(id));
  others.erase(origin_of(last));
  std::vector<ActorId> out;
  for (const Origin origin : others) out.push_back(origin_alone(origin));
  const bool room = sets_.size() < 2 * kMaxSets;
  out.push_back(room ? last : origin_alone(origin_of(last)));
  return out;
}

ActorSet ActorTable::add(ActorSet set, ActorId actor, LeftOut& left_out) {
  const auto& old = sets_[set];
  if (!old.empty() && old.back() == actor) return set;
  std::vector<ActorId> members = old;
  std::erase(members, actor);
  members.push_back(actor);
  const std::size_t came = members.size();
  if (came > kMaxPerSet) {
    std::vector<Origin> origins;
    for (const ActorId id : members) origins.push_back(origin_of(id));
    members.erase(members.begin() +
                  static_cast<std::ptrdiff_t>(crowding(origins)));
  }
  if (sets_.size() >= kMaxSets) members = one_of_each_origin(members);
  left_out = static_cast<LeftOut>(std::min<std::size_t>(
      left_out + (came - members.size()), std::numeric_limits<LeftOut>::max()));
  return set_of(std::move(members));
}

ActorSet ActorTable::set_of(std::vector<ActorId> members) {
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

std::size_t crowding(const std::vector<Origin>& origins) {
  std::size_t goes = 0;
  std::ptrdiff_t most = 0;
  for (std::size_t i = 0; i < origins.size(); ++i) {
    const auto same = std::count(origins.begin(), origins.end(), origins[i]);
    if (same <= most) continue;
    most = same;
    goes = i;
  }
  return goes;
}

}  // namespace stillframe::drift
