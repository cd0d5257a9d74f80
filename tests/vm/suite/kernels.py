# SPDX-License-Identifier: Apache-2.0
"""What is expected of each kernel, beyond what is expected of all."""

import dataclasses
import os
import pathlib

_CTIME = pathlib.Path("/sys/kernel/tracing/events/timestamp/ctime_ns_xchg")

# Operations that a kernel does not have, whatever the filesystem.
_MISSING = {
    # O_TMPFILE on overlay, fchmodat2, and some of io_uring came later.
    "5.10": {"o_tmpfile_link", "fchmodat2", "setxattrat", "uring_mkdir",
             "uring_symlink", "uring_link"},
    "6.1": {"o_tmpfile_link", "fchmodat2", "setxattrat"},
    "6.12": {"setxattrat"},
    "newest": set(),
}
_ALWAYS_MISSING = {"open_by_handle"}  # overlay without nfs_export
# Those that only some filesystems below an overlay can do.
_LACKS = {
    "ext4": {"ficlone"},
    "xfs": set(),
    "btrfs": {"fallocate_collapse"},
}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """This machine's kernel, and the filesystem of its upper directories."""

    name: str
    upper: str

    def has(self, operation: str, way: str) -> bool:
        """Whether an operation can succeed here at all."""
        lacking = _MISSING[self.name] | _LACKS[self.upper]
        if way == "upper":
            # No overlay is between: the filesystem itself has these.
            return operation not in lacking - {"o_tmpfile_link"}
        return operation not in lacking | _ALWAYS_MISSING

    @property
    def by_time_stamps(self) -> bool:
        return self.name not in ("5.10", "6.1", "6.12")

    @property
    def subvolumes(self) -> bool:
        """Whether a btrfs subvolume can be known from others: by a module's types."""
        return self.name != "5.10"

    @property
    def whole_sensor(self) -> str:
        """What sees the changes of a rootfs that is not an overlay."""
        return ("fexit overlay, tp_btf ctime" if self.by_time_stamps
                else "fexit vfs, plain rootfs")

    def outcome(self, way: str) -> str:
        """What an operation must come out as."""
        if way == "upper" and not self.by_time_stamps:
            # Before 6.13 programs sit at overlay's own operations, which a write
            # past overlay does not come by: the scan finds it.
            return "state"
        return "events"


def this() -> Kernel:
    name = os.environ.get("STILLFRAME_VM_KERNEL")
    if name is None:
        if not _CTIME.exists():
            raise SystemExit("which kernel is this? set STILLFRAME_VM_KERNEL")
        name = "newest"
    return Kernel(name, os.environ.get("STILLFRAME_VM_FILESYSTEM", "ext4"))
