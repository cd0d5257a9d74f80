// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/ladder.h"

#include "files_ctime.skel.h"
#include "files_overlay.skel.h"
#include "files_plain.skel.h"
#include "files_vfs.skel.h"

#include "libraries.skel.h"
#include "life.skel.h"
#include "memory.skel.h"
#include "mounts.skel.h"
#include "sysctl_device.skel.h"

namespace stillframe::sensors {
namespace {

constexpr ProgramSpec kLifePrograms[] = {
    {"stillframe_exec"},         {"stillframe_fork"},
    {"stillframe_exit"},         {"stillframe_cgroup_mkdir"},
    {"stillframe_cgroup_rmdir"},
};

// The first of a pair before the second: they run in the order of attachment.
constexpr ProgramSpec kCtimePrograms[] = {
    {"stillframe_ctime_set", true, true},  {"stillframe_ctime_set_second"},
    {"stillframe_ctime_xchg", true, true}, {"stillframe_ctime_xchg_second"},
    {"stillframe_ctime_skip", true, true}, {"stillframe_ctime_skip_second"},
};

// Not required: what came later than 5.11, and what a compiler may inline. The
// trial tells whether something is missed.
constexpr ProgramSpec kOverlayPrograms[] = {
    {"ovl_write"},
    {"ovl_splice", false},
    {"ovl_copy_range", false},
    {"ovl_remap_range", false},
    {"ovl_attributes"},
    {"ovl_xattr", false},
    {"ovl_acl", false},
    {"ovl_file_flags", false},
    {"ovl_creation"},
    {"ovl_directory"},
    {"ovl_symbolic_link"},
    {"ovl_node"},
    {"ovl_hard_link"},
    {"ovl_removal"},
    {"ovl_directory_removal"},
    {"ovl_move"},
    {"ovl_copy_up"},
    {"mapping_store", false},
    {"allocation"},
};

constexpr ProgramSpec kVfsPrograms[] = {
    {"handed_write"},
    {"handed_async_write"},
    {"handed_allocation"},
    {"handed_clone", false},
    {"handed_copy", false},
    {"handed_splice", false},
    {"vfs_mapping_store", false},
    {"vfs_attributes"},
    {"vfs_xattr", false},
    {"vfs_xattr_removal", false},
    {"vfs_acl", false},
    {"vfs_acl_removal", false},
    {"vfs_file_flags", false},
    {"vfs_file_ioctl", false},
    {"vfs_entry_made"},
    {"vfs_entry_removed"},
    {"vfs_entry_moved"},
    {"vfs_entries_exchanged", false},
    {"vfs_copy_up", false},
};

constexpr ProgramSpec kPlainPrograms[] = {
    {"plain_write"},
    {"plain_mapping_store", false},
    {"plain_allocation"},
    {"plain_clone", false},
    {"plain_copy", false},
    {"plain_attributes"},
    {"plain_xattr", false},
    {"plain_xattr_removal", false},
    {"plain_acl", false},
    {"plain_acl_removal", false},
    {"plain_file_flags", false},
    {"plain_ioctl_flags", false},
    {"plain_name_made"},
    {"plain_new_name_made"},
    {"plain_name_removed"},
    {"plain_name_moved"},
    {"plain_names_exchanged", false},
};

constexpr ProgramSpec kKernelPrograms[] = {
    {"stillframe_sysctl"},
    {"stillframe_device", false},
};

constexpr ProgramSpec kLibraryPrograms[] = {
    {"library_mapped"},
    {"library_protected"},
};

constexpr ProgramSpec kMemoryPrograms[] = {
    {"memory_attach"}, {"memory_poke"},   {"memory_file"},
    {"memory_check"},  {"memory_writev"},
};

// mount_setattr(2) is of 5.12.
constexpr ProgramSpec kMountPrograms[] = {
    {"mount_made"},      {"umount_begun"},
    {"umount_made"},     {"move_begun"},
    {"move_made"},       {"pivot_begun"},
    {"pivot_made"},      {"attributes_made", false},
    {"filesystem_made"},
};

const Rung kLife = {"tp_btf", {"life", life::elf_bytes, kLifePrograms}};

// Below overlay: its own functions are not called then, nor are those of the
// VFS watched for the host's filesystems.
constexpr const char* kDirectWrites =
    "direct writes into the upper directory of an overlay";

const Rung kFilesRungs[] = {
    {"tp_btf ctime",
     {"files_ctime", files_ctime::elf_bytes, kCtimePrograms},
     true},
    {"fexit overlay",
     {"files_overlay", files_overlay::elf_bytes, kOverlayPrograms},
     false,
     kDirectWrites},
    {"fexit vfs",
     {"files_vfs", files_vfs::elf_bytes, kVfsPrograms},
     false,
     kDirectWrites},
};

const Rung kPlainFiles = {
    "fexit vfs, plain rootfs",
    {"files_plain", files_plain::elf_bytes, kPlainPrograms},
    true};

const Rung kKernelRungs[] = {
    {"cgroup/sysctl",
     {"sysctl_device", sysctl_device::elf_bytes, kKernelPrograms}},
};

const Rung kLibraryRungs[] = {
    {"fentry mmap", {"libraries", libraries::elf_bytes, kLibraryPrograms}},
};

const Rung kMemoryRungs[] = {
    {"fexit ptrace", {"memory", memory::elf_bytes, kMemoryPrograms}},
};

const Rung kMountRungs[] = {
    {"fexit mount", {"mounts", mounts::elf_bytes, kMountPrograms}},
};

const Ladder kFiles = {"files", kFilesRungs, Coverage::state, "scan"};
const Ladder kKernel = {"kernel", kKernelRungs, Coverage::none, ""};
const Ladder kLibraries = {"libraries", kLibraryRungs, Coverage::none, ""};
const Ladder kMemory = {"memory", kMemoryRungs, Coverage::none, ""};
const Ladder kMounts = {"mounts", kMountRungs, Coverage::state, "mountinfo"};

}  // namespace

const Rung& life() { return kLife; }
const Ladder& files() { return kFiles; }
const Rung& plain_files() { return kPlainFiles; }
const Ladder& kernel_parameters() { return kKernel; }
const Ladder& libraries() { return kLibraries; }
const Ladder& memory() { return kMemory; }
const Ladder& mounts() { return kMounts; }

}  // namespace stillframe::sensors
