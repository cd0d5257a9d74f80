// SPDX-License-Identifier: Apache-2.0
//
// The runtime's own writes: known by place, content, owner and time, whoever
// was or was not seen making them ahead of the container. podman with runc
// leaves in the upper directory empty files /etc/hosts, /etc/hostname,
// /etc/resolv.conf and /run/.containerenv, the link /etc/mtab -> /proc/mounts,
// the directories /dev /proc /sys /run, what it mounts on, and the working
// directory; with
// --user 1234:55 also one line more in /etc/passwd
// ("1234:*:1234:55:container user:/:/bin/sh") and /etc/group ("55:x:55:1234"),
// with --userns=keep-id those of the host's user ("ann:x:1000:ann").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "agent/drift/entry.h"
#include "agent/model/container.h"
#include "agent/model/mount.h"

namespace stillframe::drift {

class RuntimeWrites {
 public:
  // `mounts`: what is kept of those that the container was started with;
  // `began`: when it was; 0: not known.
  explicit RuntimeWrites(const ContainerRecord& record,
                         const std::vector<MountEntry>& mounts = {},
                         WallTime began = {});

  // Whether the runtime writes at this place at all.
  bool listed(std::string_view path) const;

  // Whether what is there is what it makes: nothing with content in it.
  // `others_below`: the directory holds changes that are neither the runtime's
  // own nor seen in the making.
  // `seen`: whether it was seen made, while the container did not run; and if
  // by nothing but what prepares the start in the container's own cgroup, which
  // knows best where that is.
  // Reads the rootfs; where that fails (`uncertain()`) the runtime is given the
  // benefit of the doubt, since a container that was mutated once stays so.
  enum class Seen { not_at_all, by_others, by_runtime };
  bool made(const Entry& entry, const std::string& path, bool others_below,
            Seen seen);

  // An answer since the last certain_again() was given without having seen.
  bool uncertain() const { return uncertain_; }
  void certain_again() { uncertain_ = false; }

 private:
  void add_place(std::string path);
  bool runtimes_file(const Entry& entry, const std::string& path);
  bool in_time(const Entry& entry) const;
  bool owned(const Entry& entry, const std::string& path) const;
  bool user_entry(const Entry& entry, const std::string& path);
  std::string own_user();  // the name of whom the container runs as

  OverlayLayers layers_;
  std::uint32_t init_uid_;
  bool owners_known_;
  std::uint32_t root_;  // on the host
  std::uint32_t user_;
  WallTime until_;  // it made nothing later; 0: not known
  std::string work_dir_;
  std::unordered_set<std::string> places_;
  std::size_t place_bytes_ = 0;
  // The last answer for each that is read: ctime cannot be set back. When the
  // container is removed they are gone before what was known of them.
  struct Answer {
    InodeId inode;
    WallTime ctime;
    bool own = false;
  };
  Answer passwd_;
  Answer group_;
  Answer mtab_;
  bool uncertain_ = false;
};

// Whether `now` is `before` and one line appended to it, an unprivileged user's
// or group's entry for `uid`; a group may also name `user`, who that is.
bool adds_user_line(std::string_view before, std::string_view now,
                    std::uint32_t uid);
bool adds_group_line(std::string_view before, std::string_view now,
                     std::uint32_t uid, std::string_view user = "");
// What /etc/passwd calls a user; empty: it does not have one.
std::string user_name(std::string_view passwd, std::uint32_t uid);

}  // namespace stillframe::drift
