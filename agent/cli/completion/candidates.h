// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/cli/grammar/grammar.h"

namespace stillframe::cli {

struct Candidate {
  std::string word;
  std::string about;  // one line; may be empty
};

// What may be made of a word that has been begun.
struct Completion {
  // Words: `candidates` are all. Files and directories are known to the shell,
  // containers and the like to the agent.
  Source source = Source::words;
  std::vector<Candidate> candidates;
  std::string before;  // of the word, that stays: "--output="
  std::string begun;   // the rest of it
  std::string socket;  // of the agent, as the words name it; empty: they do not
};

// `words` are those behind the program's name, as the shell sees them; the last
// one has been begun, and may be empty.
Completion complete(const Grammar& grammar,
                    const std::vector<std::string>& words);

}  // namespace stillframe::cli
