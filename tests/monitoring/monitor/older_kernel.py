# SPDX-License-Identifier: Apache-2.0
"""Has an agent take this kernel for one without that which its files sensor needs."""

import pathlib

_TYPES = pathlib.Path("/sys/kernel/btf")
# One of each implementation's, by which it is known to be there; what is found by
# name in the kernel's description of itself is not there under another.
_NEEDED = (b"btf_trace_inode_set_ctime_to_ts", b"ovl_write_iter",
           b"vfs_iter_write")


def as_an_older_kernel(directory: pathlib.Path) -> tuple[str, ...]:
    """Runs what follows where the kernel's description lacks them."""
    mounts = []
    for module in "vmlinux", "overlay":
        if not (_TYPES / module).exists():
            continue
        types = (_TYPES / module).read_bytes()
        for name in _NEEDED:
            types = types.replace(name, name[:-1] + b"_")
        (directory / module).write_bytes(types)
        mounts.append(f"mount --bind {directory / module} {_TYPES / module};")
    return ("unshare", "--mount", "--propagation", "slave", "sh", "-ec",
            " ".join((*mounts, 'exec "$@"')), "sh")
