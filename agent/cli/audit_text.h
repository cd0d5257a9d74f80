// SPDX-License-Identifier: Apache-2.0
//
// How what `stillframe audit` found is shown.
#pragma once

#include <optional>
#include <string>

#include "agent/journal/verify.h"
#include "agent/journal/witness.h"

namespace stillframe::cli {

struct AuditReport {
  std::string directory;
  journal::Verification verification;
  bool keys_given = false;
  std::optional<journal::Testimony> witness;
};

// A line for each fault and note, then one that sums up.
std::string audit_text(const AuditReport& report);
// docs/journal.md
std::string audit_json(const AuditReport& report);

std::string keygen_text(const std::string& secret, const std::string& open,
                        const std::string& fingerprint);

}  // namespace stillframe::cli
