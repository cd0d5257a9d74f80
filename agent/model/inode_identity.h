// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "agent/base/result.h"
#include "agent/model/inode.h"

namespace stillframe {

// The identity of the open file `fd` (O_PATH will do), whose fstat is `st`.
// `fs_magic` is statfs(2)'s f_type; the layouts of file handles differ between
// filesystems. Generation 0 where the filesystem is not one that we know, or
// where its handle does not name the inode that stat(2) does.
InodeId inode_id(int fd, const struct stat& st, long fs_magic);
// The same of what has that name in the directory `dir`, a link itself and not
// what it leads to. None: it cannot be found out, or is not the file that `st`
// is of.
std::optional<InodeId> inode_id(int dir, const char* name,
                                const struct stat& st, long fs_magic);

// statfs(2)'s f_type, 0 when it cannot be found out.
long fs_magic_of(int fd);

// tmpfs takes stores through a mapping without touching ctime.
bool ctime_shows_stores(long fs_magic);

// st_dev in the kernel's own encoding (include/linux/kdev_t.h).
std::uint32_t kernel_dev(dev_t dev);

// The identity of an upper directory, for matching what the kernel reports.
Result<UpperRoot> upper_root_of(const std::string& path);

}  // namespace stillframe
