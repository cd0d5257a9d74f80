// SPDX-License-Identifier: Apache-2.0
#include "agent/journal/witness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::journal {
namespace {

constexpr std::size_t kHeadDigits = 12;
// Up to there a double is exact.
constexpr double kMostValue = 9'007'199'254'740'992.0;
// In seconds: further away no clock was.
constexpr double kMostTime = 1e11;
constexpr std::int64_t kNsPerMs = 1'000'000;

struct Point {
  std::int64_t ms = 0;
  std::uint64_t value = 0;
};
// By all labels but the name.
using Series = std::map<std::string, std::vector<Point>>;

Result<Point> point_of(const nlohmann::json& pair) {
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() ||
      !pair[1].is_string()) {
    return fail("a sample that is not a time and a value");
  }
  const auto time = pair[0].get<double>();
  const auto& text = pair[1].get_ref<const std::string&>();
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= 0) || value > kMostValue ||
      value != std::floor(value) || !(std::abs(time) < kMostTime)) {
    return fail("a value that is not a whole number: " +
                printable(text.substr(0, 40)));
  }
  return Point{std::llround(time * 1000), static_cast<std::uint64_t>(value)};
}

Result<Series> series_of(std::string_view answer) {
  const auto json = parse_json(answer);
  if (!json || !json->is_object()) return fail("what is not JSON");
  try {
    const auto& data = json->at("data");
    if (data.at("resultType") != "matrix") return fail("other than samples");
    Series out;
    for (const auto& one : data.at("result")) {
      nlohmann::json labels = one.at("metric");
      labels.erase("__name__");
      auto& points = out[labels.dump()];
      for (const auto& pair : one.at("values")) {
        const auto point = point_of(pair);
        if (!point) return tl::unexpected<Error>(point.error());
        points.push_back(*point);
      }
    }
    return out;
  } catch (const nlohmann::json::exception& error) {
    return fail(std::string("what is not its API's: ") + error.what());
  }
}

}  // namespace

std::uint64_t head_bits(std::string_view hash) {
  return parse_number<std::uint64_t>(hash.substr(0, kHeadDigits), 16)
      .value_or(0);
}

Result<std::vector<Scrape>> pair_scrapes(std::string_view entries_answer,
                                         std::string_view head_answer) {
  const auto entries = series_of(entries_answer);
  if (!entries) return tl::unexpected<Error>(entries.error());
  const auto heads = series_of(head_answer);
  if (!heads) return tl::unexpected<Error>(heads.error());
  std::vector<Scrape> out;
  for (const auto& [labels, points] : *entries) {
    const auto same = heads->find(labels);
    if (same == heads->end()) continue;
    std::map<std::int64_t, std::uint64_t> head_at;
    for (const auto& point : same->second) head_at[point.ms] = point.value;
    for (const auto& point : points) {
      const auto head = head_at.find(point.ms);
      if (head == head_at.end() || point.value == 0) continue;
      const Scrape scrape{point.value, head->second,
                          WallTime{point.ms * kNsPerMs}};
      // While nothing is written each scrape says the same.
      if (!out.empty() && out.back().entry == scrape.entry &&
          out.back().head == scrape.head) {
        continue;
      }
      out.push_back(scrape);
    }
  }
  return out;
}

Witness::Witness(std::vector<Scrape> scrapes) {
  std::sort(scrapes.begin(), scrapes.end());
  for (const auto& scrape : scrapes) {
    const bool known = !claims_.empty() &&
                       claims_.back().scrape.entry == scrape.entry &&
                       claims_.back().scrape.head == scrape.head;
    if (!known) claims_.push_back({scrape, State::unseen});
  }
}

void Witness::see(std::uint64_t entry, std::string_view hash) {
  auto at = std::lower_bound(claims_.begin(), claims_.end(), entry,
                             [](const Claim& claim, std::uint64_t number) {
                               return claim.scrape.entry < number;
                             });
  for (; at != claims_.end() && at->scrape.entry == entry; ++at) {
    // Of two with one number it is enough that one is what was scraped.
    if (at->scrape.head == head_bits(hash)) {
      at->state = State::agrees;
    } else if (at->state == State::unseen) {
      at->state = State::differs;
    }
  }
}

Testimony Witness::conclude(Verification& verification) const {
  const std::uint64_t pruned =
      verification.pruned ? verification.pruned->entry : 0;
  const std::uint64_t end = std::max(verification.last, pruned);
  Testimony out;
  Faults faults(verification.faults.size() + claims_.size());
  std::size_t open = Faults::kNone;  // those that differ, one behind the other
  const Claim* beyond = nullptr;
  for (const auto& claim : claims_) {
    const auto& scrape = claim.scrape;
    if (claim.state != State::differs) open = Faults::kNone;
    if (claim.state == State::agrees) {
      ++out.agreed;
      out.last = scrape.entry;
      out.last_time = scrape.time;
    } else if (claim.state == State::unseen) {
      ++out.unchecked;
      if (scrape.entry > end) beyond = &claim;
    } else if (open != Faults::kNone) {
      faults.extend(open, scrape.entry);
    } else {
      open = faults.add({.kind = FaultKind::witness,
                         .file = "",
                         .line = 0,
                         .first = scrape.entry,
                         .last = scrape.entry,
                         .what = "not what Prometheus scraped, first at " +
                                 rfc3339(scrape.time)});
    }
  }
  if (beyond != nullptr) {
    --out.unchecked;
    faults.add({.kind = FaultKind::witness,
                .file = "",
                .line = 0,
                .first = end + 1,
                .last = beyond->scrape.entry,
                .what = fmt::format("missing at the end: Prometheus scraped "
                                    "entry {} at {}",
                                    beyond->scrape.entry,
                                    rfc3339(beyond->scrape.time))});
  }
  verification.fault_count += faults.count();
  verification.faults.insert(verification.faults.end(), faults.kept().begin(),
                             faults.kept().end());
  return out;
}

}  // namespace stillframe::journal
