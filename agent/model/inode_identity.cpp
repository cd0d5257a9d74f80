// SPDX-License-Identifier: Apache-2.0
#include "agent/model/inode_identity.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "agent/base/fd.h"

namespace stillframe {
namespace {

constexpr long kXfsMagic = 0x58465342;
constexpr long kBtrfsMagic = 0x9123683E;
// include/linux/exportfs.h
constexpr int kIno32Gen = 1;
constexpr int kIno32GenParent = 2;
constexpr int kBtrfsNoParent = 0x4d;
constexpr int kXfs64 = 0x81;

// struct file_handle and the bytes that follow it.
using Handle = std::array<unsigned char, sizeof(file_handle) + MAX_HANDLE_SZ>;

template <typename T>
T field(const Handle& handle, std::size_t offset) {
  T value{};
  std::memcpy(&value, handle.data() + sizeof(file_handle) + offset,
              sizeof value);
  return value;
}

// The inode number and generation that a handle carries; none when its layout
// is not known.
InodeId parse(const Handle& handle, long magic) {
  file_handle header{};
  std::memcpy(&header, handle.data(), sizeof header);
  const unsigned size = header.handle_bytes;
  const int type = header.handle_type;
  if (magic == TMPFS_MAGIC) {
    if (type != kIno32Gen || size < 12) return {};
    const std::uint64_t low = field<std::uint32_t>(handle, 4);
    const std::uint64_t high = field<std::uint32_t>(handle, 8);
    return {low | high << 32, field<std::uint32_t>(handle, 0)};
  }
  if (magic == kBtrfsMagic) {
    if (type != kBtrfsNoParent || size < 20) return {};
    return {field<std::uint64_t>(handle, 0), field<std::uint32_t>(handle, 16)};
  }
  if (magic == kXfsMagic && type == kXfs64 && size >= 12) {
    return {field<std::uint64_t>(handle, 0), field<std::uint32_t>(handle, 8)};
  }
  if (magic == EXT4_SUPER_MAGIC || magic == kXfsMagic) {
    if ((type != kIno32Gen && type != kIno32GenParent) || size < 8) return {};
    return {field<std::uint32_t>(handle, 0), field<std::uint32_t>(handle, 4)};
  }
  return {};
}

}  // namespace

std::optional<InodeId> inode_id(int dir, const char* name,
                                const struct stat& st, long fs_magic) {
  const InodeId by_number{st.st_ino, 0};
  alignas(file_handle) Handle handle{};
  auto* header = reinterpret_cast<file_handle*>(handle.data());
  header->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  const int flags = *name == '\0' ? AT_EMPTY_PATH : 0;
  if (::name_to_handle_at(dir, name, header, &mount_id, flags) != 0) {
    if (errno == EOPNOTSUPP || errno == EOVERFLOW) return by_number;
    return std::nullopt;
  }
  const InodeId parsed = parse(handle, fs_magic);
  if (!parsed) return by_number;
  if (parsed.ino != st.st_ino) return std::nullopt;
  return parsed;
}

InodeId inode_id(int fd, const struct stat& st, long fs_magic) {
  return inode_id(fd, "", st, fs_magic).value_or(InodeId{st.st_ino, 0});
}

long fs_magic_of(int fd) {
  struct statfs fs{};
  return ::fstatfs(fd, &fs) == 0 ? static_cast<long>(fs.f_type) : 0;
}

bool ctime_shows_stores(long fs_magic) { return fs_magic != TMPFS_MAGIC; }

std::uint32_t kernel_dev(dev_t dev) { return major(dev) << 20 | minor(dev); }

Result<UpperRoot> upper_root_of(const std::string& upper_path) {
  Fd fd(::open(upper_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return fail(upper_path, errno);
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail(upper_path, errno);
  UpperRoot root;
  root.dev = kernel_dev(st.st_dev);
  root.inode = inode_id(fd, st, fs_magic_of(fd));
  return root;
}

}  // namespace stillframe
