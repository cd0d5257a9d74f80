// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/culprit.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "agent/base/text.h"

namespace stillframe::console {
namespace {

const std::string& doer_of(const Actor& actor) {
  return actor.tool.empty() ? actor.comm : actor.tool;
}

std::string user_of(const Actor& actor) {
  if (!actor.user.empty()) {
    return display(actor.user) +
           (actor.uid == 0 ? "" : fmt::format(" (uid {})", actor.uid));
  }
  return actor.uid == 0 ? "root" : fmt::format("uid {}", actor.uid);
}

void add_once(std::vector<std::string>& texts, std::string text) {
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
    texts.push_back(std::move(text));
  }
}

std::size_t rank_of(const PathChange& change) {
  if (change.verdict != Verdict::violation) return 2;
  const bool of_files = change.mutation_class == Class::content ||
                        change.mutation_class == Class::metadata;
  return of_files ? 1 : 0;
}

// Beyond this many it makes no difference who else.
constexpr std::size_t kMostNames = 64;

void meet(Culprit& culprit, const Actor& actor) {
  // Who called for a session is known a moment after its first changes.
  auto& session = culprit.actor.session;
  if (session && session->ancestors.empty() && actor.session) {
    session->ancestors = actor.session->ancestors;
  }
  if (!culprit.actor.login) culprit.actor.login = actor.login;
  if (actor.update != 0) culprit.updates.insert(actor.update);
  if (culprit.processes.size() >= kMostNames) return;
  if (const auto& doer = doer_of(actor); !doer.empty()) {
    add_once(culprit.doers, display(doer));
  }
  if (actor.comm.empty()) return;
  add_once(culprit.processes,
           fmt::format("{}[{}]", display(actor.comm), actor.pid));
  add_once(culprit.users, user_of(actor));
}

}  // namespace

std::string culprit_key(const Actor& actor) {
  std::string key(to_string(actor.origin));
  if (actor.session) return key + fmt::format(" session {}", actor.session->id);
  const auto add = [&key](std::string_view text) {
    key += '\0';
    key += text;
  };
  add(doer_of(actor));
  add(std::to_string(actor.uid));
  add(actor.login ? std::to_string(actor.login->uid) : "");
  add(actor.ambiguous ? "ambiguous" : "");
  for (const auto& name : actor.ancestors.all()) add(name);
  return key;
}

std::uint64_t Culprit::paths() const {
  std::uint64_t all = 0;
  for (const auto& [verdict, count] : counts) all += count;
  return all;
}

std::size_t Culprits::number_of(const Actor& actor) {
  const auto [at, added] =
      numbers_.try_emplace(culprit_key(actor), all_.size());
  if (added) {
    all_.emplace_back();
    all_.back().actor = actor;
  }
  meet(all_[at->second], actor);
  return at->second;
}

const std::vector<std::size_t>& Culprits::of(const ActorList& actors) {
  const auto [at, added] = lists_.try_emplace(actors.id());
  if (!added) return at->second;
  held_.push_back(actors);
  for (const auto& actor : actors) {
    const std::size_t number = number_of(actor);
    auto& list = at->second;
    if (std::find(list.begin(), list.end(), number) == list.end()) {
      list.push_back(number);
    }
  }
  return at->second;
}

void Culprits::add(std::uint32_t number, const PathChange& change) {
  const auto& list = of(change.actors);
  for (std::size_t place = 0; place < list.size(); ++place) {
    Culprit& culprit = all_[list[place]];
    auto& numbers = culprit.shown.at(rank_of(change));
    if (numbers.size() < shown_) numbers.push_back(number);
    const bool none = culprit.counts.empty();
    ++culprit.counts[change.verdict];
    if (none || std::tie(change.first_seen, place) <
                    std::tie(culprit.first, culprit.place)) {
      culprit.first = change.first_seen;
      culprit.place = place;
    }
    culprit.last = std::max(culprit.last, change.last_seen);
  }
}

std::vector<Culprit> Culprits::take() {
  std::stable_sort(all_.begin(), all_.end(),
                   [](const Culprit& a, const Culprit& b) {
                     return std::tuple(!a.violates(), a.first, a.place) <
                            std::tuple(!b.violates(), b.first, b.place);
                   });
  numbers_.clear();
  lists_.clear();
  held_.clear();
  return std::exchange(all_, {});
}

}  // namespace stillframe::console
