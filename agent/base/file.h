// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace stillframe {

// The file's bytes. Reads at most `limit` bytes and fails with EFBIG when there
// are more: every file we read may be the adversary's. Never follows into a
// FIFO or device: anything but a regular file fails with EINVAL, except under
// /proc and /sys, whose files claim to be regular.
Result<std::string> read_file(const std::string& path,
                              std::size_t limit = 4u << 20);

// Writes all of it, to a descriptor that blocks. After an error some of it may
// have been written.
Result<> write_all(int fd, std::string_view content);

// Replaces `path` in one step: a temporary file in the same directory, then
// rename.
Result<> write_file_atomic(const std::string& path, std::string_view content,
                           unsigned mode = 0640);

// The same, and does not return before it is on the disk, under that name.
Result<> write_file_durably(const std::string& path, std::string_view content,
                            unsigned mode = 0640);

// Names in a directory are on the disk once this was done.
Result<> sync_directory(const std::string& path);

// Opens what `path` names where no part of it is a symbolic link; ELOOP: one
// is.
Fd open_without_links(const std::string& path, int flags);

// The target of a symbolic link.
Result<std::string> read_link(const std::string& path);

// mkdir -p; existing directories are left as they are.
Result<> make_directories(const std::string& path, unsigned mode = 0750);

}  // namespace stillframe
