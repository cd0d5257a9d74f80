// SPDX-License-Identifier: Apache-2.0
//
// The commands that ask a running agent. Data goes to `out`, messages to `err`;
// each returns the program's exit code. A reader that has gone away (a pipe
// into head) is not a failure. SIGPIPE is ignored from the first of these calls
// on.
#pragma once

#include <functional>

#include "agent/base/result.h"
#include "agent/cli/options.h"
#include "agent/cli/parse.h"
#include "agent/policy/policy.h"
#include "exporters/agent_api.h"

namespace stillframe::cli {

struct Streams {
  int out = 1;  // file descriptors
  int err = 2;
  int in = 0;
};

int run_ps(const Options& options, Streams streams = {});
int run_diff(const Options& options, Streams streams = {});
int run_events(const Options& options, Streams streams = {});

// Reads policy files, `in` for "-"; needs no agent. "ok: N rules" for each good
// one.
int run_policy_check(const Options& options, Streams streams = {});
// The policy of --policy; null: none was given. What is wrong with the file is
// said on `err`.
Result<policy::PolicyPtr> load_policy(const Options& options,
                                      Streams streams = {});
int run_policy_explain(const Options& options, Streams streams = {});
int run_policy_suggest(const Options& options, Streams streams = {});

// The agent's own report when one runs, else what `local` finds out.
int run_doctor(const Options& options,
               const std::function<Result<DoctorReport>()>& local,
               Streams streams = {});

// Prints what parse() had to say.
int finish(const Exit& exit, Streams streams = {});

// "stillframe: …" on `err`; returns kFailure.
int complain(const Error& error, Streams streams = {});

}  // namespace stillframe::cli
