// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/containers/cgroup_layout.h"
#include "agent/model/mutation.h"
#include "agent/model/observation.h"

namespace stillframe::engine {

// Who called for something, by the processes that it descends from. Names of
// processes describe and prove nothing: each chooses its own.
struct Callers {
  // Outermost first, at most eight; without what the runtime runs for itself.
  NameList names;
  // One of them serves others: its login is that of who started it.
  bool daemon = false;
  // It is known up to where the chain begins, and not only up to a monitor that
  // the runtime has set apart from its caller.
  bool whole = false;
};

// Of a session, by what the kernel saw as it began (the parent first). Podman's
// monitor of an exec is no child of podman's; but it is connected to it: asked
// of the kernel now, while it is (sock_diag(7)), which takes milliseconds; not
// without `search`.
Callers callers_of(const std::vector<CallerRef>& ancestors, bool search);
bool waits_behind_monitor(const std::vector<CallerRef>& ancestors);

// Of a process of the host, as /proc has them now; it may be a daemon itself.
Callers callers_of_process(const ProcessRef& process);

// A process as /proc has it now, or as the kernel side has kept it, with its
// ancestors. Where it belongs to is what it descends from, wherever it has
// moved since. None: it is gone, and who it was is not known.
std::optional<Writer> describe_process(std::uint32_t pid,
                                       const containers::CgroupLayout& layout,
                                       const KernelProcesses& kernel);

// Of who has set a limit, the tool: podman, or `daemons_tool` where it was what
// a daemon runs to set them; empty: neither.
std::string setter_of_limits(const ProcessRef& process, const Callers& callers,
                             std::string_view daemons_tool);

// The tool of the outermost of them that is one; empty: none is.
std::string driver_among(const Callers& callers);

}  // namespace stillframe::engine
