// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "agent/cli/options.h"

namespace stillframe::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;

// There is no command to run: what to print, and the exit code.
struct Exit {
  int code = kSuccess;
  std::string out;  // for stdout: help, version, completion, configuration
  std::string err;  // for stderr: what is wrong with the command line
};

// `version` is what --version prints, without a newline: several lines with the
// commit and libbpf's version. Flags win over the environment
// (STILLFRAME_WEB_LISTEN_ADDRESS and so on), that over --config.file, that over
// the defaults.
tl::expected<Options, Exit> parse(int argc, const char* const* argv,
                                  const std::string& version);

}  // namespace stillframe::cli
