// SPDX-License-Identifier: Apache-2.0
//
// What the kernel side must be told at load time, read from this machine.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/result.h"

namespace stillframe::sensors {

struct KernelFacts {
  std::uint32_t mnt_ns = 0;    // inode number of our mount namespace
  std::uint32_t root_dev = 0;  // our root directory, kernel's dev encoding
  std::uint64_t root_ino = 0;
  std::int32_t hierarchy = 0;   // id of the observed hierarchy (/proc/cgroups)
  std::int32_t subsys = -1;     // its controller's number; -1: unified
  std::uint32_t inode_new = 0;  // 0: this kernel's BTF does not say
  std::uint32_t inode_creating = 0;
};

// `controller`: "" for the unified hierarchy, else a v1 controller.
Result<KernelFacts> kernel_facts(const std::string& controller);

// Whether the kernel has this BTF tracepoint.
bool has_tracepoint(const std::string& name);

}  // namespace stillframe::sensors
