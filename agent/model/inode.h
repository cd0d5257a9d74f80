// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace stillframe {

// An inode of one upper filesystem. The generation distinguishes a file from a
// later one that got the same number (ext4 reuses numbers at once); 0 where the
// filesystem does not have it, and then it matches any.
struct InodeId {
  std::uint64_t ino = 0;
  std::uint32_t generation = 0;

  bool operator==(const InodeId&) const = default;
  explicit operator bool() const { return ino != 0; }
};

// A generation of 0 on either side matches any.
inline bool same_generation(std::uint32_t a, std::uint32_t b) {
  return a == 0 || b == 0 || a == b;
}

// The same inode, as far as is known.
inline bool same_inode(const InodeId& a, const InodeId& b) {
  return a.ino == b.ino && same_generation(a.generation, b.generation);
}

// The upper directory of a container's rootfs: names the victim of a mutation.
// `dev` is the kernel's own encoding (MAJOR << 20 | MINOR,
// include/linux/kdev_t.h), which stat(2)'s st_dev is not: convert with
// kernel_dev().
struct UpperRoot {
  std::uint32_t dev = 0;
  InodeId inode;

  bool operator==(const UpperRoot&) const = default;
  explicit operator bool() const { return static_cast<bool>(inode); }
};

inline bool same_root(const UpperRoot& a, const UpperRoot& b) {
  return a.dev == b.dev && same_inode(a.inode, b.inode);
}

}  // namespace stillframe

template <>
struct std::hash<stillframe::InodeId> {
  std::size_t operator()(const stillframe::InodeId& id) const noexcept {
    return std::hash<std::uint64_t>()(id.ino * 0x9E3779B97F4A7C15u +
                                      id.generation);
  }
};

template <>
struct std::hash<stillframe::UpperRoot> {
  std::size_t operator()(const stillframe::UpperRoot& root) const noexcept {
    return std::hash<stillframe::InodeId>()(root.inode) ^ root.dev;
  }
};
