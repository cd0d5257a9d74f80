// SPDX-License-Identifier: Apache-2.0
//
// The RAII file descriptor used throughout: BCC's ebpf::FileDesc. Its header
// uses std::move without including <utility>, hence this wrapper.
#pragma once

#include <utility>

#include <bcc/file_desc.h>

namespace stillframe {

// Owns one descriptor, closes it on destruction; -1 means none.
using Fd = ebpf::FileDesc;

}  // namespace stillframe
