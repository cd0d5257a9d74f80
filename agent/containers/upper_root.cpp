// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/upper_root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <cstring>

#include "agent/base/fd.h"

namespace stillframe::containers {
namespace {

// Handle types of include/linux/exportfs.h.
constexpr int kIno32Gen = 1;  // u32 ino, u32 generation: ext4, xfs (32 bit)
constexpr int kShmem = 1;     // tmpfs: generation first, then the ino's halves
constexpr int kIno64Gen =
    0x81;                     // u64 ino, u32 generation: xfs with 64-bit inodes
constexpr int kBtrfs = 0x4d;  // u64 ino, u64 root, u32 generation

std::uint32_t word_at(const file_handle& handle, std::size_t offset) {
  std::uint32_t word = 0;
  if (offset + sizeof word > handle.handle_bytes) return 0;
  std::memcpy(&word, handle.f_handle + offset, sizeof word);
  return word;
}

std::uint32_t generation_of(const file_handle& handle, std::uint64_t ino) {
  const auto low = static_cast<std::uint32_t>(ino);
  if (handle.handle_type == kIno32Gen && handle.handle_bytes == 8) {
    return word_at(handle, 0) == low ? word_at(handle, 4) : 0;
  }
  if (handle.handle_type == kShmem && handle.handle_bytes == 12) {
    return word_at(handle, 4) == low ? word_at(handle, 0) : 0;
  }
  if (handle.handle_type == kIno64Gen) {
    return word_at(handle, 0) == low ? word_at(handle, 8) : 0;
  }
  if (handle.handle_type == kBtrfs) {
    return word_at(handle, 0) == low ? word_at(handle, 16) : 0;
  }
  return 0;
}

}  // namespace

Result<UpperRoot> upper_root_of(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return fail(path, errno);
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail(path, errno);
  UpperRoot root;
  root.dev = static_cast<std::uint32_t>(major(st.st_dev)) << 20 |
             static_cast<std::uint32_t>(minor(st.st_dev));
  root.inode.ino = st.st_ino;
  alignas(file_handle) char buffer[sizeof(file_handle) + MAX_HANDLE_SZ] = {};
  auto* handle = reinterpret_cast<file_handle*>(buffer);
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  if (::name_to_handle_at(fd, "", handle, &mount_id, AT_EMPTY_PATH) == 0) {
    root.inode.generation = generation_of(*handle, st.st_ino);
  }
  return root;
}

bool same_root(const UpperRoot& a, const UpperRoot& b) {
  return a.dev == b.dev && a.inode.ino == b.inode.ino &&
         (a.inode.generation == 0 || b.inode.generation == 0 ||
          a.inode.generation == b.inode.generation);
}

}  // namespace stillframe::containers
