// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/record_filter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>

#include "agent/base/keyed_hash.h"
#include "agent/model/container_name.h"

namespace stillframe::engine {
namespace {

constexpr std::size_t kMostExcess = 64;
constexpr std::size_t kRepeatsInOne = 256;

template <typename Number>
void append_number(std::string& key, Number number) {
  std::array<char, sizeof number> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  key.append(bytes.data(), bytes.size());
}

void append(std::string& key, std::string_view part) {
  append_number(key, part.size());
  key += part;
}

// Whose doing it is: not by process, of which a shell's loop has a new one each
// time.
void append(std::string& key, const Actor& actor) {
  append(key, to_string(actor.origin));
  append(key, actor.tool);
  // Its path is not always known in time, its name is.
  append(key, std::string_view(actor.exe).substr(actor.exe.rfind('/') + 1));
  append_number(key, actor.uid);
  append_number(key, actor.login ? actor.login->uid + std::uint64_t{1} : 0);
  append_number(key, actor.session ? actor.session->id : 0);
}

// Two can have one id, in two namespaces of containerd's or in two outer ones.
std::string book_of(const ContainerInfo& info) {
  return info.outer + '/' + key_of(info);
}

bool is_mutation(const StreamEvent& event) { return !event.verdict.empty(); }

// What is tolerated has a share of its own, which whoever fills a scratch place
// uses up and not that of violations.
bool is_tolerated(const StreamEvent& event) {
  return is_mutation(event) && event.verdict != "violation";
}

// Its life is what the runtime does, and no container can do it often.
bool is_of_its_life(const StreamEvent& event) {
  // Paced by who says it.
  if (event.class_name == "agent" && event.kind == "state") return true;
  constexpr std::array kKinds = {Lifecycle::created, Lifecycle::live,
                                 Lifecycle::exited, Lifecycle::removed,
                                 Lifecycle::replaced};
  return event.class_name == "lifecycle" &&
         std::any_of(kKinds.begin(), kKinds.end(), [&](Lifecycle kind) {
           return to_string(kind) == event.kind;
         });
}

}  // namespace

bool RecordFilter::take_share(Book& book, bool tolerated, std::uint64_t now) {
  const std::uint64_t earned = (now - book.refilled) / kRefillNs;
  if (earned != 0) {
    book.share = std::min(kShare, book.share + earned);
    book.tolerated = std::min(kTolerated, book.tolerated + earned);
    book.refilled += earned * kRefillNs;
  }
  std::uint64_t& share = tolerated ? book.tolerated : book.share;
  if (share == 0) return false;
  --share;
  return true;
}

std::uint64_t RecordFilter::key_of(const StreamEvent& event) {
  std::string& key = scratch_;
  key.clear();
  append(key, event.kind);
  append(key, event.path);
  append(key, event.from);
  append(key, event.verdict);
  // What was set, mounted or opened: another value is another act.
  append(key, event.detail);
  for (const auto& [name, value] : event.facts) {
    append(key, name);
    append(key, value);
  }
  if (event.actor) append(key, **event.actor);
  return KeyedHash::own()(key);
}

RecordFilter::Book* RecordFilter::book_for(const StreamEvent& event,
                                           std::uint64_t now) {
  // Of a flood each event is of the container that the last one was of.
  if (latest_ != nullptr && latest_->container == event.container) {
    return latest_;
  }
  const std::string name = book_of(*event.container);
  // Only changes begin a book: what is said once a container is gone, none.
  if (!is_mutation(event) && !books_.contains(name)) return nullptr;
  const auto [at, is_new] = books_.try_emplace(name);
  latest_ = &at->second;
  if (is_new) latest_->refilled = now;
  latest_->container = event.container;
  return latest_;
}

bool RecordFilter::admit(const StreamEvent& event, std::uint64_t now) {
  if (event.container == nullptr || is_of_its_life(event)) return true;
  Book* const found = book_for(event, now);
  if (found == nullptr) return true;
  Book& book = *found;
  if (!is_mutation(event)) {
    if (take_share(book, false, now)) return true;
    count_excess(book, event, now);
    return false;
  }
  const std::uint64_t key = key_of(event);
  if (const auto seen = book.seen.find(key); seen != book.seen.end()) {
    ++seen->second.count;
    seen->second.last = event.time;
    if (book.repeats_since == 0) book.repeats_since = now;
    return false;
  }
  if (!take_share(book, is_tolerated(event), now)) {
    count_excess(book, event, now);
    return false;
  }
  book.seen.emplace(key, Repeats{.seq = event.seq, .count = 0, .last = {}});
  if (++keys_ > kMostKeys) crowded_ = true;
  return true;
}

void RecordFilter::refused(const StreamEvent& event, std::uint64_t now) {
  if (event.container == nullptr) return;
  const auto at = books_.find(book_of(*event.container));
  if (at == books_.end()) return;
  Book& book = at->second;
  if (is_mutation(event)) keys_ -= book.seen.erase(key_of(event));
  count_excess(book, event, now);
}

void RecordFilter::count_excess(Book& book, const StreamEvent& event,
                                std::uint64_t now) {
  // With too many sorts they are kept apart by class and verdict only, of which
  // there are few: never is one counted as what it is not.
  std::string& key = scratch_;
  key.clear();
  append(key, event.kind);
  append(key, event.verdict);
  if (event.actor) {
    append(key, to_string((*event.actor)->origin));
    append(key, (*event.actor)->tool);
  }
  auto at = book.excess.find(key);
  const bool is_new_sort = at == book.excess.end();
  const bool apart = !is_new_sort || book.excess.size() < kMostExcess;
  bool is_new = false;
  if (is_new_sort) {
    if (!apart) {
      key.clear();
      append(key, event.class_name);
      append(key, event.verdict);
    }
    std::tie(at, is_new) = book.excess.try_emplace(key);
  }
  Excess& excess = at->second;
  if (is_new) {
    excess.example = event;
    excess.first = event.time;
    if (!apart) {
      excess.example.kind = "several";
      excess.example.actor.reset();
    }
  }
  // The latest of a container's states is the one that holds.
  if (event.kind == "state") excess.example = event;
  excess.count += event.count;
  excess.last = event.time;
  if (book.excess_since == 0) book.excess_since = now;
}

void RecordFilter::give_repeats(Book& book, const Give& give) {
  StreamEvent out;
  const auto flush = [&] {
    if (out.repeats.empty()) return;
    out.class_name = "agent";
    out.kind = "repeats";
    out.container = book.container;
    give(std::exchange(out, {}));
  };
  for (auto& [key, repeats] : book.seen) {
    if (repeats.count == 0) continue;
    out.repeats.push_back({repeats.seq, repeats.count, repeats.last});
    repeats.count = 0;
    if (out.repeats.size() == kRepeatsInOne) flush();
  }
  flush();
  book.repeats_since = 0;
}

void RecordFilter::give_excess(Book& book, const Give& give) {
  for (auto& [key, excess] : book.excess) {
    StreamEvent out = std::move(excess.example);
    out.time = excess.last;
    out.path.clear();
    out.from.clear();
    if (out.kind != "state") out.facts.clear();
    out.update = nullptr;
    out.detail =
        "more than the container's share of the journal: not kept one "
        "by one";
    out.facts["since"] = rfc3339(excess.first);
    out.count = excess.count;
    give(std::move(out));
  }
  book.excess.clear();
  book.excess_since = 0;
}

void RecordFilter::summarize(std::uint64_t now, const Give& give) {
  for (auto& [id, book] : books_) {
    const auto due = [now](std::uint64_t since, std::uint64_t after) {
      return since != 0 && now - since >= after;
    };
    if (crowded_ || due(book.repeats_since, kRepeatsAfterNs)) {
      give_repeats(book, give);
    }
    if (due(book.excess_since, kExcessAfterNs)) give_excess(book, give);
    if (crowded_) book.seen.clear();
  }
  if (std::exchange(crowded_, false)) keys_ = 0;
}

void RecordFilter::finish(const ContainerInfo& container, const Give& give) {
  finish(book_of(container), give);
}

void RecordFilter::finish(const std::string& book, const Give& give) {
  const auto at = books_.find(book);
  if (at == books_.end()) return;
  give_repeats(at->second, give);
  give_excess(at->second, give);
  keys_ -= at->second.seen.size();
  if (latest_ == &at->second) latest_ = nullptr;
  books_.erase(at);
}

void RecordFilter::finish(const Give& give) {
  while (!books_.empty()) finish(std::string(books_.begin()->first), give);
}

}  // namespace stillframe::engine
