// SPDX-License-Identifier: Apache-2.0
//
// /proc/PID/{stat,status,cgroup}: a process chooses its name.
#include "agent/containers/proc_text.h"

#include "tests/fuzz/fuzz.h"

using namespace stillframe::containers;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = stillframe::fuzz::text_of(data, size);
  if (const auto stat = parse_stat(text)) (void)ticks_to_ns(stat->start_ticks);
  (void)parse_status(text);
  (void)parse_namespace(text);
  for (const char* observed : {"", "pids"}) {
    if (const auto path = parse_cgroup(text, observed)) {
      require(path->substr(0, 1) == "/", "a cgroup's path is absolute");
    }
  }
  return 0;
}
