// SPDX-License-Identifier: Apache-2.0
//
// Manual pages, as scdoc(5) reads them: what the grammar says of commands and
// options, around prose that is written by hand (docs/man/).
#pragma once

#include <string>
#include <string_view>

#include "agent/cli/grammar/grammar.h"

namespace stillframe::cli {

// The page of `name`, as "stillframe-ps(1)": `prose` stands behind the synopsis
// and begins with its own heading. Fails if there is no such page.
Result<std::string> manual_page(const Grammar& grammar, std::string_view name,
                                std::string_view prose);

}  // namespace stillframe::cli
