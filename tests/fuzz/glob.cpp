// SPDX-License-Identifier: Apache-2.0
//
// Patterns of a policy, held against names that a container chooses: pattern,
// another pattern, and the rest as the name.
#include "agent/policy/glob.h"

#include "tests/fuzz/fuzz.h"

using namespace stillframe::policy;
using stillframe::fuzz::require;

namespace {

constexpr std::size_t kLongestPattern = 1024;

template <typename Glob>
void compare(std::string_view one, std::string_view two,
             std::string_view name) {
  const auto glob = Glob::compile(one);
  const auto other = Glob::compile(two);
  if (glob) {
    (void)glob->matches(name);
    require(glob->pattern() == one, "a pattern stays as it was written");
  }
  if (glob && other && glob->covers(*other) && other->matches(name)) {
    require(glob->matches(name), "what is covered is matched");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string_view rest = stillframe::fuzz::text_of(data, size);
  const auto one = stillframe::fuzz::next_part(rest);
  const auto two = stillframe::fuzz::next_part(rest);
  compare<TextGlob>(one, two, rest);
  compare<PathGlob>(one, two, rest);
  const std::string escaped = escape_glob(rest);
  if (escaped.size() > kLongestPattern) return 0;  // is refused
  const auto literal = TextGlob::compile(escaped);
  require(literal && literal->matches(rest),
          "an escaped text is a pattern that matches it");
  return 0;
}
