// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/registry.h"

#include "agent/sensors/built_in.h"
#include "agent/sensors/ladder.h"
#include "agent/sensors/limits_sensor.h"
#include "agent/sensors/object_sensor.h"

STILLFRAME_DECLARE_BUILT_IN(files_ctime)
STILLFRAME_DECLARE_BUILT_IN(files_direct)
STILLFRAME_DECLARE_BUILT_IN(files_overlay)
STILLFRAME_DECLARE_BUILT_IN(files_plain)
STILLFRAME_DECLARE_BUILT_IN(files_vfs)
STILLFRAME_DECLARE_BUILT_IN(libraries)
STILLFRAME_DECLARE_BUILT_IN(life)
STILLFRAME_DECLARE_BUILT_IN(memory)
STILLFRAME_DECLARE_BUILT_IN(mounts)
STILLFRAME_DECLARE_BUILT_IN(sysctl_device)

namespace stillframe::sensors {
namespace {

constexpr ProgramSpec kLifePrograms[] = {
    {"stillframe_exec"},         {"stillframe_fork"},
    {"stillframe_exit"},         {"stillframe_cgroup_mkdir"},
    {"stillframe_cgroup_rmdir"},
};

// The first of a pair before the second: they run in the order of attachment.
// What is to be done with a change takes the verifier longest: the programs of
// one tracepoint share it, and two parts of them are about equal.
constexpr ProgramSpec kCtimePrograms[] = {
    {.name = "ctime_set_news", .handler = "set_handler"},
    {.name = "stillframe_ctime_set", .doubled = true},
    {.name = "stillframe_ctime_set_second"},
    {.name = "ctime_xchg_news", .handler = "xchg_handler", .part = 1},
    {.name = "stillframe_ctime_xchg", .doubled = true, .part = 1},
    {.name = "stillframe_ctime_xchg_second", .part = 1},
    {.name = "ctime_skip_news", .handler = "skip_handler", .part = 1},
    {.name = "stillframe_ctime_skip", .doubled = true, .part = 1},
    {.name = "stillframe_ctime_skip_second", .part = 1},
};

constexpr ProgramSpec kDirectPrograms[] = {
    {.name = "direct_xchg", .doubled = true},
    {.name = "direct_xchg_second", .part = 1},
    {.name = "direct_skip", .doubled = true},
    {.name = "direct_skip_second", .part = 1},
};

// Not required: what came later than 5.11, and what a compiler may inline. The
// trial shows whether something is missed.
#define STILLFRAME_OVERLAY_PROGRAMS                                         \
  {"ovl_write"}, {"ovl_splice", false}, {"ovl_copy_range", false},          \
      {"ovl_remap_range", false}, {"ovl_attributes"}, {"ovl_xattr", false}, \
      {"ovl_acl", false}, {"ovl_file_flags", false}, {"ovl_creation"},      \
      {"ovl_directory"}, {"ovl_symbolic_link"}, {"ovl_node"},               \
      {"ovl_hard_link"}, {"ovl_removal"}, {"ovl_directory_removal"},        \
      {"ovl_move"}, {"ovl_copy_up"}

constexpr ProgramSpec kOverlayPrograms[] = {
    STILLFRAME_OVERLAY_PROGRAMS,
    {"mapping_store", false},
    {"allocation"},
};

// Stores through mappings are then known by the upper inode's ctime.
constexpr ProgramSpec kOverlayProgramsWithDirect[] = {
    STILLFRAME_OVERLAY_PROGRAMS,
    {"inner_allocation"},
};

#undef STILLFRAME_OVERLAY_PROGRAMS

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

constexpr ProgramSpec kSysctlDevicePrograms[] = {
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

const Implementation kLife[] = {
    {"tp_btf", {"life", STILLFRAME_BUILT_IN(life), kLifePrograms}}};

// Past the overlay none of its functions is called, and those of the VFS that
// are watched are not either.
constexpr const char* kDirectWrites =
    "direct writes into the upper directory of an overlay";

constexpr ObjectSpec kDirectFiles = {
    "files_direct", STILLFRAME_BUILT_IN(files_direct), kDirectPrograms};

const Implementation kFiles[] = {
    {.name = "fexit overlay, tp_btf ctime",
     .object = {"files_overlay", STILLFRAME_BUILT_IN(files_overlay),
                kOverlayProgramsWithDirect},
     .besides = &kDirectFiles,
     .plain = true},
    {.name = "tp_btf ctime",
     .object = {"files_ctime", STILLFRAME_BUILT_IN(files_ctime),
                kCtimePrograms},
     .plain = true},
    {.name = "fexit overlay",
     .object = {"files_overlay", STILLFRAME_BUILT_IN(files_overlay),
                kOverlayPrograms},
     .by_scan = kDirectWrites},
    {.name = "fexit vfs",
     .object = {"files_vfs", STILLFRAME_BUILT_IN(files_vfs), kVfsPrograms},
     .by_scan = kDirectWrites},
};

// What sees a rootfs that is not an overlay, where the one in use does not.
const Implementation kPlainFiles = {
    .name = "fexit vfs, plain rootfs",
    .object = {"files_plain", STILLFRAME_BUILT_IN(files_plain), kPlainPrograms},
    .plain = true,
    .by_scan = "changes of a rootfs that is not an overlay"};

const Implementation kLibraries[] = {
    {"fentry mmap",
     {"libraries", STILLFRAME_BUILT_IN(libraries), kLibraryPrograms}}};

const Implementation kMemory[] = {
    {"fexit ptrace", {"memory", STILLFRAME_BUILT_IN(memory), kMemoryPrograms}}};

const Implementation kMounts[] = {
    {"fexit mount", {"mounts", STILLFRAME_BUILT_IN(mounts), kMountPrograms}}};

const Implementation kSysctlDevice[] = {
    {"cgroup/sysctl",
     {"sysctl_device", STILLFRAME_BUILT_IN(sysctl_device),
      kSysctlDevicePrograms}}};

using SensorPtr = std::unique_ptr<Sensor>;

SensorPtr shared(const Ladder& ladder, const SensorNeeds& /*needs*/) {
  return std::make_unique<SharedSensor>(ladder, false);
}

SensorPtr shared_and_counted(const Ladder& ladder,
                             const SensorNeeds& /*needs*/) {
  return std::make_unique<SharedSensor>(ladder, true);
}

SensorPtr files(const Ladder& ladder, const SensorNeeds& needs) {
  return std::make_unique<FilesSensor>(ladder, kPlainFiles, needs.missed);
}

SensorPtr limits(const Ladder& ladder, const SensorNeeds& needs) {
  return std::make_unique<LimitsSensor>(ladder, needs.limits);
}

SensorPtr first_that_works(const Ladder& ladder, const SensorNeeds& /*needs*/) {
  return std::make_unique<ObjectSensor>(ladder);
}

struct Row {
  Ladder ladder;
  SensorPtr (*make)(const Ladder& ladder, const SensorNeeds& needs);
};

const Row kSensors[] = {
    {{"lifecycle", kLife}, shared_and_counted},
    {{"files", kFiles, Coverage::state, "scan"}, files},
    {{"code", kLife}, shared},
    // Counted apart: most of what mmap(2) runs this for does not concern it.
    {{"libraries", kLibraries, Coverage::none, "", "mmap_busy"},
     first_that_works},
    {{"memory", kMemory}, first_that_works},
    {{"mounts", kMounts, Coverage::state, "mountinfo"}, first_that_works},
    {{"limits", {}, Coverage::state, "polling"}, limits},
    // Sysctls and devices, by the name that JSON and metrics have for them.
    {{"kernel", kSysctlDevice}, first_that_works},
};

}  // namespace

std::vector<std::unique_ptr<Sensor>> make_sensors(const SensorNeeds& needs) {
  std::vector<SensorPtr> made;
  for (const Row& row : kSensors) made.push_back(row.make(row.ladder, needs));
  return made;
}

std::vector<const char*> sensor_names() {
  std::vector<const char*> names;
  for (const Row& row : kSensors) names.push_back(row.ladder.sensor);
  return names;
}

const ObjectSpec& shared_object() { return kLife[0].object; }

}  // namespace stillframe::sensors
