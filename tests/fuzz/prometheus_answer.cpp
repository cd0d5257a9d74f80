// SPDX-License-Identifier: Apache-2.0
//
// What a Prometheus that was asked for its samples may answer.
#include "agent/journal/witness.h"
#include "tests/fuzz/fuzz.h"

using namespace stillframe;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const auto entries = fuzz::next_part(rest);
  const auto heads = rest.empty() ? entries : rest;
  const auto scrapes = journal::pair_scrapes(entries, heads);
  if (!scrapes) {
    require(!scrapes.error().message.empty(), "what is refused has a reason");
    return 0;
  }
  for (const auto& scrape : *scrapes) {
    require(scrape.entry != 0, "there is no entry 0");
  }
  journal::Verification found;
  const auto testimony = journal::Witness(*scrapes).conclude(found);
  require(testimony.agreed == 0, "nothing agrees with an empty journal");
  require(scrapes->empty() == found.faults.empty(), "its end is missing");
  return 0;
}
