// SPDX-License-Identifier: Apache-2.0
//
// `stillframe audit …`: what auditors need; no agent has to run.
#pragma once

#include "agent/cli/commands.h"
#include "agent/cli/options.h"

namespace stillframe::cli {

// 0: nothing is wrong with the journal; 1: something is, or it cannot be read.
int run_audit_verify(const Options& options, Streams streams = {});
// Makes a pair of keys; never replaces a file.
int run_audit_keygen(const Options& options, Streams streams = {});

}  // namespace stillframe::cli
