// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/policy/glob.h"

namespace stillframe::policy {

struct Judgement {
  Verdict verdict = Verdict::violation;
  std::string rule;  // name of the rule that decided; empty: built in
  bool operator==(const Judgement&) const = default;
};

// Which containers a rule is about: each list that is not empty has to have one
// pattern that matches.
struct Match {
  std::vector<TextGlob> pod_namespace;
  std::vector<TextGlob> pod;
  std::vector<TextGlob> workload;
  std::vector<TextGlob> image;
  std::vector<TextGlob> name;
  std::vector<TextGlob> runtime;
  std::vector<std::pair<std::string, std::vector<TextGlob>>> labels;

  bool matches(const ContainerInfo& container) const;
  bool covers(const Match& other) const;
};

// Sets of words as bits: bit n is the enumerator n.
using Words = std::uint64_t;
template <typename Word>
constexpr Words bit(Word word) {
  return Words{1} << static_cast<unsigned>(word);
}
constexpr Words kEveryOrigin = (Words{1} << kOriginNames.size()) - 1;
constexpr Words kEveryKind = ~Words{0} >> (64 - kKindNames.size());
Words kinds_of(Words classes);

// One entry of `allow` or `violation`.
struct Entry {
  Words classes = bit(Class::content) | bit(Class::metadata);
  Words kinds = kEveryKind;
  Words origins = kEveryOrigin;
  std::vector<PathGlob> paths;  // empty: any, and what has no path

  bool matches(Class mutation_class, Kind kind, Origin origin,
               std::string_view path) const;
  bool covers(const Entry& other) const;
};

struct Rule {
  std::string name;
  std::string reason;
  std::size_t line = 0;  // in the file, from 1
  Match match;
  std::vector<Entry> allow;
  std::vector<Entry> violation;     // looked at before `allow`
  std::optional<WallTime> expires;  // the first instant at which it is over
  std::string expires_text;         // as it is written
  bool expired = false;             // as of Policy::as_of

  bool expired_at(WallTime now) const { return expires && *expires <= now; }
};

// Which mutations are tolerated. Immutable; replaced as one on reload and when
// a rule expires. Any thread.
class Policy {
 public:
  // The built-in scratch places /tmp /var/tmp /run /var/run /dev: content and
  // metadata below them is scratch, code run from there is not.
  Policy();
  Policy(std::vector<PathGlob> scratch, std::vector<Rule> rules);

  // `path` is absolute inside the container, raw bytes.
  //  1. content and metadata in a scratch place are scratch;
  //  2. the first rule whose `match` and one of whose entries match decides;
  //  3. limits changed from the host, or by nobody knows whom, are allowed;
  //  4. all else is a violation.
  Judgement judge(const ContainerInfo& container, Class mutation_class,
                  Kind kind, Origin origin, std::string_view path) const;

  // The scratch place that `path` lies in; null: none.
  const PathGlob* scratch_place(std::string_view path) const;

  // This policy as it is at that time: rules over by then decide nothing.
  Policy as_of(WallTime now) const;
  // Whether a rule has expired since, or holds again as the clock was set back.
  bool differs_at(WallTime now) const;
  std::vector<std::string> expired_rules() const;  // names
  const Rule* rule(std::string_view name) const;   // null: none

  // SHA-256 of the file that it was read from; empty: it is from none.
  const std::string& sha256() const { return sha256_; }
  void set_sha256(std::string hash) { sha256_ = std::move(hash); }

  const std::vector<Rule>& rules() const { return rules_; }
  std::vector<std::string> scratch() const;  // patterns

 private:
  std::vector<PathGlob> scratch_;
  std::vector<Rule> rules_;
  std::string sha256_;
};

using PolicyPtr = std::shared_ptr<const Policy>;

std::vector<PathGlob> built_in_scratch();
constexpr bool scratch_class(Class mutation_class) {
  return mutation_class == Class::content || mutation_class == Class::metadata;
}

}  // namespace stillframe::policy
