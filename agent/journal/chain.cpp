// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace stillframe::journal {
namespace {

// What a segment's name has digits for.
constexpr std::uint64_t kMostEntry = 9'999'999'999'999'999;

}  // namespace

void Chain::begin(const Checkpoint& pruned) {
  started_ = false;
  removed_ = pruned.entry;
  removed_head_ = pruned.head;
}

void Chain::begin_anywhere() {
  started_ = false;
  removed_ = kMostEntry;
}

std::optional<Chain::Entry> Chain::take(const Place& place,
                                        std::string_view text) {
  const auto line = parse_line(text);
  if (!line || line->entry > kMostEntry) {
    take_damaged(place, "this line is not an entry");
    return std::nullopt;
  }
  Entry entry{line->entry, sha256_hex(text)};
  start(*line);
  follow(place, *line, entry.hash);
  damaged_ = 0;
  if (count_++ == 0) first_ = line->entry;
  last_ = std::max(last_, line->entry);
  return entry;
}

void Chain::take_damaged(const Place& place, std::string what) {
  faults_.add({.kind = FaultKind::not_an_entry,
               .file = to_string(place.segment),
               .line = place.line,
               .what = std::move(what)});
  ++damaged_;
}

void Chain::start(const Line& line) {
  if (std::exchange(started_, true)) return;
  stray_.reset();
  main_ = {.entry = removed_, .hash = removed_head_, .place = {}};
  // A segment that is to be removed may be there until it is.
  if (removed_ >= line.entry) {
    main_.entry = line.entry - 1;
    main_.hash.reset();
  }
  if (main_.entry == 0) main_.hash = kNoHash;
}

bool Chain::fits(const Track& track, const Line& line) {
  return line.entry == track.entry + 1 &&
         (!track.hash || *track.hash == line.prev);
}

void Chain::say_changed(const Track& track, const Place& place) {
  if (track.place.line == 0) {
    faults_.add({.kind = FaultKind::renumbered,
                 .file = to_string(place.segment),
                 .line = place.line,
                 .first = track.entry + 1,
                 .last = track.entry + 1,
                 .what = track.entry == 0
                             ? "has a `prev`, though it is the first of all"
                             : fmt::format("does not follow entry {} as "
                                           "`pruned` has it",
                                           track.entry)});
    return;
  }
  // Whoever changes an entry and the next: neither fits what follows it.
  if (changed_last_ + 1 == track.entry && changed_last_ != 0) {
    faults_.extend(changed_, track.entry);
  } else {
    changed_ = faults_.add(
        {.kind = FaultKind::changed,
         .file = to_string(track.place.segment),
         .line = track.place.line,
         .first = track.entry,
         .last = track.entry,
         .what = "changed: the next entry's `prev` is not its hash"});
  }
  changed_last_ = track.entry;
}

void Chain::follow(const Place& place, const Line& line,
                   const std::string& hash) {
  Track next{.entry = line.entry, .hash = hash, .place = place};
  if (fits(main_, line)) {
    main_ = std::move(next);
    if (stray_ && stray_->takes_over) stray_.reset();
    return;
  }
  const bool follows_stray = stray_ && line.entry == stray_->entry + 1;
  if (follows_stray && line.entry != main_.entry + 1 && !fits(*stray_, line)) {
    say_changed(*stray_, place);
    stray_->hash.reset();
  }
  if (follows_stray && fits(*stray_, line)) {
    if (stray_->takes_over || line.entry > main_.entry) {
      main_ = std::move(next);
      stray_.reset();
    } else {
      faults_.extend(stray_->fault, line.entry);
      next.fault = stray_->fault;
      stray_ = std::move(next);
    }
    return;
  }
  const auto add = [&](FaultKind kind, std::uint64_t first, std::uint64_t last,
                       std::string what) {
    return faults_.add({.kind = kind,
                        .file = to_string(place.segment),
                        .line = place.line,
                        .first = first,
                        .last = last,
                        .what = std::move(what)});
  };
  const std::uint64_t due = main_.entry + 1;
  if (line.entry == due) {
    say_changed(main_, place);
  } else if (main_.hash && line.prev == *main_.hash) {
    add(FaultKind::renumbered, line.entry, line.entry,
        fmt::format("stands where entry {} is due", due));
    // Either number may be the right one: the next entry shows which.
    stray_ = {.entry = due, .hash = {}, .place = place, .takes_over = true};
  } else if (line.entry > due) {
    if (line.entry - due > damaged_) {
      add(FaultKind::missing, due, line.entry - 1,
          damaged_ == 0 ? "missing before this line"
                        : "missing before this line, or damaged");
    }
  } else {
    next.fault = add(FaultKind::out_of_order, line.entry, line.entry,
                     fmt::format("out of place, behind entry {}", main_.entry));
    stray_ = std::move(next);
    return;
  }
  main_ = std::move(next);
}

}  // namespace stillframe::journal
