// SPDX-License-Identifier: Apache-2.0
//
// What of a container's events is worth an entry of the journal: the first of
// its kind, by the same actor at the same path. What repeats is counted, and
// so is what is more than the container's share, so that no container can fill
// the disk or push out what was written of others. Pure logic, of the loop's
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include "exporters/agent_api.h"

namespace stillframe::engine {

class RecordFilter {
 public:
  // At once; then one more each five seconds.
  static constexpr std::uint64_t kShare = 4096;
  static constexpr std::uint64_t kTolerated = 2048;  // of what is no violation
  static constexpr std::uint64_t kRefillNs = 5'000'000'000;
  // How long counts are kept before they are an entry.
  static constexpr std::uint64_t kRepeatsAfterNs = 600'000'000'000;
  static constexpr std::uint64_t kExcessAfterNs = 60'000'000'000;
  // Of all containers together; then counting begins again.
  static constexpr std::size_t kMostKeys = 32'768;

  // Whether it is an entry of its own. `now`: boot time.
  bool admit(const StreamEvent& event, std::uint64_t now);
  // That one was to be an entry and is none.
  void refused(const StreamEvent& event, std::uint64_t now);

  // Entries made of counts; they want a number, and those of repeats a time.
  // The ones that are due, or all of one container, or all.
  using Give = std::function<void(StreamEvent)>;
  void summarize(std::uint64_t now, const Give& give);
  void finish(const ContainerInfo& container, const Give& give);
  void finish(const Give& give);

 private:
  struct Repeats {
    std::uint64_t seq = 0;  // of the first
    std::uint64_t count = 0;
    WallTime last;
  };
  struct Excess {
    StreamEvent example;
    WallTime first;
    WallTime last;
    std::uint64_t count = 0;
  };
  struct Book {
    std::shared_ptr<const ContainerInfo> container;
    std::uint64_t share = kShare;
    std::uint64_t tolerated = kTolerated;
    std::uint64_t refilled = 0;
    std::unordered_map<std::uint64_t, Repeats> seen;
    std::map<std::string, Excess> excess;
    std::uint64_t repeats_since = 0;  // 0: none
    std::uint64_t excess_since = 0;
  };

  // What repeats of an event are known by.
  std::uint64_t key_of(const StreamEvent& event);
  // Null: it is not one that begins a book, and there is none.
  Book* book_for(const StreamEvent& event, std::uint64_t now);
  void finish(const std::string& book, const Give& give);
  static bool take_share(Book& book, bool tolerated, std::uint64_t now);
  void count_excess(Book& book, const StreamEvent& event, std::uint64_t now);
  static void give_repeats(Book& book, const Give& give);
  static void give_excess(Book& book, const Give& give);

  std::map<std::string, Book> books_;
  Book* latest_ = nullptr;  // that an event was of
  std::string scratch_;     // in which keys are made
  std::size_t keys_ = 0;
  bool crowded_ = false;  // more keys than may be
};

}  // namespace stillframe::engine
