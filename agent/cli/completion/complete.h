// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/cli/commands.h"

namespace stillframe::cli {

// Prints what the last of the words may become, for the code that
// completion_script() gives a shell: the first line is `words`, `files` or
// `directories`; with `words` each further line is one, a tab, and what it is.
// One that ends in = is a key, behind which its value comes.
// Of files the first line ends in a tab and what stands before the name:
// "--policy=". No word holds control characters, quotes or backslashes, but a
// container's name may hold anything else: a shell must not expand it.
//
// Fails at nothing: without an agent there are no names. One that gives no
// answer within a second is not waited for.
int run_complete(const Options& options, Streams streams = {});

}  // namespace stillframe::cli
