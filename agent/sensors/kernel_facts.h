// SPDX-License-Identifier: Apache-2.0
//
// What the kernel side must know at load time, read from this machine.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/sensors/kernel_types.h"
#include "bpf/events.h"

namespace stillframe::sensors {

// `controller`: "" for the unified hierarchy, else a v1 controller. The budget
// is left to the caller.
Result<sf_config> kernel_facts(const std::string& controller,
                               const KernelTypes& types);

// Which functions have one argument more than their oldest form.
std::uint64_t extra_arguments(const KernelTypes& types);

// Whether a kernel of this release (uname(2)) warns of a kprobe's program that
// uses a map which allocates as it is filled: one line in its log, the kernel
// tainted, and with panic_on_warn its end. Until 6.0:
// check_map_prog_compatibility() in kernel/bpf/verifier.c, gone since 6.1
// (96da3f7d489d).
bool allocates_with_warning(std::string_view release);

// The errno with which the kernel refuses each program of a trampoline (fentry,
// fexit), whatever it does. 0: it takes them, or that could not be tried.
int refuses_trampolines(const KernelTypes& types);

// Whether the kernel can mount overlays by now: built in, or the module is
// loaded.
bool overlay_is_there();

}  // namespace stillframe::sensors
