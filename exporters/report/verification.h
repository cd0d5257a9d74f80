// SPDX-License-Identifier: Apache-2.0
//
// How what was found in a journal is shown.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "agent/journal/verify.h"
#include "agent/journal/witness.h"

namespace stillframe::report {

struct Audit {
  std::string directory;
  journal::Verification verification;
  bool keys_given = false;
  std::optional<journal::Testimony> witness;
};

// A line for each fault and note, then one that sums up.
std::string audit_text(const Audit& audit);
// Of that line: what was checked and how far it goes. Printable.
std::string audit_summary(const Audit& audit);
// docs/journal.md
nlohmann::json audit_value(const Audit& audit);
std::string audit_json(const Audit& audit);

}  // namespace stillframe::report
