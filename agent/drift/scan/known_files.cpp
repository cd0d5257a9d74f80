// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/known_files.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "agent/base/keyed_hash.h"
#include "agent/drift/scan/contents.h"

namespace stillframe::drift {
namespace {

// The kernel stamps ctime with a clock of one to ten milliseconds
// (current_time() in fs/inode.c), and two changes within one of these may show
// the same.
constexpr std::int64_t kTicksNs = 50'000'000;

// Of these, without padding, the bytes are hashed.
struct Place {
  std::uint64_t above;
  std::uint64_t name;
};
struct Shown {
  std::uint64_t path;
  std::uint64_t directory;
  std::uint64_t directory_generation;
  std::uint64_t name;
  std::uint64_t dev;
  std::uint64_t ino;
  std::uint64_t size;
  std::uint64_t rdev;
  std::int64_t mtime;
  std::int64_t ctime;
  std::uint32_t mode;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t links;
};

template <typename Fixed>
std::uint64_t hashed(const Fixed& fixed) {
  static_assert(std::has_unique_object_representations_v<Fixed>);
  std::array<char, sizeof fixed> bytes;
  std::memcpy(bytes.data(), &fixed, bytes.size());
  return KeyedHash::own()({bytes.data(), bytes.size()});
}

}  // namespace

std::uint64_t KnownFiles::directory_digest(std::uint64_t above,
                                           std::string_view name) {
  return hashed(Place{above, KeyedHash::own()(name)});
}

std::uint64_t KnownFiles::digest(std::uint64_t path, const InodeId& directory,
                                 std::string_view name, const struct stat& st) {
  const Shown shown{path,
                    directory.ino,
                    directory.generation,
                    KeyedHash::own()(name),
                    st.st_dev,
                    st.st_ino,
                    static_cast<std::uint64_t>(st.st_size),
                    st.st_rdev,
                    wall(st.st_mtim).ns,
                    wall(st.st_ctim).ns,
                    st.st_mode,
                    st.st_uid,
                    st.st_gid,
                    static_cast<std::uint32_t>(st.st_nlink)};
  return std::max<std::uint64_t>(1, hashed(shown));
}

bool KnownFiles::can_be_known(const struct stat& st) {
  return !S_ISDIR(st.st_mode) && st.st_nlink == 1;
}

bool KnownFiles::settled(const struct stat& st, WallTime now) {
  return wall(st.st_ctim).ns + kTicksNs < now.ns;
}

}  // namespace stillframe::drift
