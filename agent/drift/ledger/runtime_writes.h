// SPDX-License-Identifier: Apache-2.0
//
// The runtime's own writes, where nobody saw them made: known by place and
// shape alone. podman with runc leaves in the upper directory empty files
// /etc/hosts, /etc/hostname, /etc/resolv.conf and /run/.containerenv, the link
// /etc/mtab -> /proc/mounts, the directories /dev /proc /sys /run, and what it
// mounts on; with --user 1234:55 also one line more in /etc/passwd
// ("1234:*:1234:55:container user:/:/bin/sh") and /etc/group ("55:x:55:1234").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "agent/drift/entry.h"
#include "agent/model/container.h"

namespace stillframe::drift {

class RuntimeWrites {
 public:
  explicit RuntimeWrites(const ContainerRecord& record);

  // Whether the runtime writes at this place at all.
  bool listed(std::string_view path) const;

  // Whether what is there is what it makes: nothing with content in it.
  // `others_below`: the directory holds changes that are neither the runtime's
  // own nor seen in the making.
  // Reads the rootfs; where that fails (`uncertain()`) the runtime is given the
  // benefit of the doubt, since a container that was mutated once stays so.
  bool made(const Entry& entry, const std::string& path, bool others_below);

  // An answer since the last certain_again() was given without having seen.
  bool uncertain() const { return uncertain_; }
  void certain_again() { uncertain_ = false; }

 private:
  bool user_entry(const Entry& entry, const std::string& path);

  OverlayLayers layers_;
  std::uint32_t init_uid_;
  std::unordered_set<std::string> places_;
  // The last answer for /etc/passwd and /etc/group: ctime cannot be set back.
  struct Answer {
    InodeId inode;
    WallTime ctime;
    bool own = false;
  };
  Answer passwd_;
  Answer group_;
  bool uncertain_ = false;
};

// Whether `now` is `before` and one line appended to it, an unprivileged user's
// or group's entry for `uid`.
bool adds_user_line(std::string_view before, std::string_view now,
                    std::uint32_t uid);
bool adds_group_line(std::string_view before, std::string_view now,
                     std::uint32_t uid);

}  // namespace stillframe::drift
