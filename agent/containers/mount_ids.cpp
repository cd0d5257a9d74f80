// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/mount_ids.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "agent/base/fd.h"

namespace stillframe::containers {
namespace {

// include/uapi/linux/mount.h and nsfs.h, which the libc of the oldest host that
// this is built on does not have. The numbers are the same on all machines.
constexpr long kStatmount = 457;
constexpr long kListmount = 458;
constexpr unsigned long kGetMountNamespaceId =
    _IOR(0xb7, 0x5, std::uint64_t);                           // NS_GET_MNTNS_ID
constexpr std::uint64_t kWholeNamespace = ~std::uint64_t{0};  // LSMT_ROOT
constexpr std::uint64_t kBasics = 2;  // STATMOUNT_MNT_BASIC

struct Request {  // struct mnt_id_req
  std::uint32_t size = sizeof(Request);
  std::uint32_t spare = 0;
  std::uint64_t id = 0;
  std::uint64_t parameter = 0;
  std::uint64_t mount_namespace = 0;
};

struct Answer {  // struct statmount
  std::uint32_t size;
  std::uint32_t options;
  std::uint64_t mask;
  std::uint32_t dev_major;
  std::uint32_t dev_minor;
  std::uint64_t magic;
  std::uint32_t flags;
  std::uint32_t type;
  std::uint64_t id;
  std::uint64_t parent_id;
  std::uint32_t number;  // that of mountinfo
  std::uint32_t parent_number;
  std::array<std::uint64_t, 64> rest;
};

constexpr std::size_t kPerCall = 1024;
// Of more the ids are not asked for: mountinfo has its bound, too.
constexpr std::size_t kMaxMounts = 65'536;

}  // namespace

MountIds::MountIds(const std::string& namespace_link) {
  const Fd fd(::open(namespace_link.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd < 0 || ::ioctl(fd, kGetMountNamespaceId, &namespace_) != 0) return;
  const auto ids = list();
  if (!ids) return;
  for (const std::uint64_t id : *ids) {
    if (const auto number = number_of(id)) by_number_[*number] = id;
  }
}

// In order of age, as the kernel numbers them: ascending.
std::optional<std::vector<std::uint64_t>> MountIds::list() const {
  std::vector<std::uint64_t> ids;
  Request request;
  request.id = kWholeNamespace;
  request.mount_namespace = namespace_;
  for (;;) {
    const std::size_t have = ids.size();
    if (have > kMaxMounts) return std::nullopt;
    ids.resize(have + kPerCall);
    const long got =
        ::syscall(kListmount, &request, ids.data() + have, kPerCall, 0);
    if (got < 0) return std::nullopt;
    ids.resize(have + static_cast<std::size_t>(got));
    if (got < static_cast<long>(kPerCall)) return ids;
    request.parameter = ids.back();
  }
}

std::optional<std::uint32_t> MountIds::number_of(std::uint64_t id) const {
  Request request;
  request.id = id;
  request.parameter = kBasics;
  request.mount_namespace = namespace_;
  Answer answer{};
  if (::syscall(kStatmount, &request, &answer, sizeof(answer), 0) != 0 ||
      (answer.mask & kBasics) == 0) {
    return std::nullopt;
  }
  return answer.number;
}

void MountIds::identify(std::vector<Mount>& mounts) const {
  if (by_number_.empty()) return;
  auto still = list();
  if (!still) return;
  std::sort(still->begin(), still->end());
  for (auto& mount : mounts) {
    const auto known = by_number_.find(mount.id);
    if (known != by_number_.end() &&
        std::binary_search(still->begin(), still->end(), known->second)) {
      mount.unique_id = known->second;
    }
  }
}

}  // namespace stillframe::containers
