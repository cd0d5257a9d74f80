// SPDX-License-Identifier: Apache-2.0
//
// /proc/PID/mountinfo (proc_pid_mountinfo(5)) and overlayfs' options in it. A
// parser of our own: libmount undoes the octal escapes of the option string
// before anybody could split it, after which a comma in a layer's path cannot
// be distinguished from one between options.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/container.h"
#include "agent/model/mount.h"

namespace stillframe::containers {

struct Mount {
  std::uint32_t id = 0;
  std::uint32_t parent = 0;     // the id of the mount that it lies on
  bool slave = false;           // gets what is mounted on its master
  std::uint64_t unique_id = 0;  // not in mountinfo: see mount_ids.h
  std::uint32_t dev = 0;        // kernel encoding
  std::string root;
  std::string target;
  std::string type;
  std::string source;
  bool read_only = false;            // of this mount, not of its filesystem
  std::string flags;                 // of this mount: "ro,nosuid"
  std::vector<std::string> options;  // the filesystem's, unescaped
};

// Lines that do not parse are left out.
std::vector<Mount> parse_mountinfo(std::string_view text);

// The mount that a process sees at `target`: the last one there. Null: none.
const Mount* mount_at(const std::vector<Mount>& mounts,
                      std::string_view target);

// What an overlay mount was made of, as its maker wrote it: paths may be
// relative to the directory that it stood in.
struct OverlayOptions {
  std::string upper;  // may still hold backslash escapes: see overlay_unescape
  std::vector<std::string> lower;  // topmost first, without data-only layers
  std::string work = {};           // as `upper`
  bool userxattr = false;
  std::string redirect_dir = {};       // empty: the kernel's default
  std::vector<std::string> data = {};  // data-only layers
};

OverlayOptions parse_overlay(const Mount& mount);

// Backslash and any character mean that character: overlayfs' own escaping.
std::string overlay_unescape(std::string_view text);

// Mount points below the root, at most `limit` of them.
std::vector<MountPoint> mount_points(const std::vector<Mount>& mounts,
                                     std::size_t limit);

// What of it can be compared with the same container's mounts at another time.
std::vector<MountEntry> mount_entries(const std::vector<Mount>& mounts);

}  // namespace stillframe::containers
