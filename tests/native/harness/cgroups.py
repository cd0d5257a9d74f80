# SPDX-License-Identifier: Apache-2.0
"""A process' control files, whichever cgroup hierarchies are mounted."""

import errno
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from .waiting import wait_for

_TOP = pathlib.Path("/sys/fs/cgroup")
V2 = (_TOP / "cgroup.controllers").exists()
UNIFIED = _TOP if V2 else _TOP / "unified"


def control_files(pid: int, name: str) -> list[pathlib.Path]:
    """The control file in each hierarchy that has it for this process."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in (*controllers.split(","), "unified", ""):
            file = pathlib.Path(_TOP, mount, path.lstrip("/"), name)
            if file.exists():
                found.append(file)
    return found


def hierarchies() -> Iterator[pathlib.Path]:
    """The roots of those hierarchies that know the processes of all others."""
    places = [_TOP] if (_TOP / "cgroup.procs").exists() else _TOP.iterdir()
    return (place for place in places if (place / "cgroup.procs").exists())


def only_unified(cgroup: str = "") -> list[str]:
    """What to put ahead of a command that is to see cgroup v2 alone, from within
    that cgroup; crun and some of podman's options refuse both kinds."""
    show = "umount -l {0} && mount -t cgroup2 none {0} &&".format(_TOP)
    return ["unshare", "--mount", "sh", "-c",
            f"{'' if V2 else show} echo $$ >{_TOP}/$1/cgroup.procs && shift"
            ' && exec "$@"', "sh", cgroup]


def _removed(directory: pathlib.Path) -> bool:
    """Whoever was in there may still be about to end."""
    try:
        directory.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


@contextmanager
def made(cgroup: str) -> Iterator[None]:
    """A cgroup in the unified hierarchy; what is left below it goes, too."""
    (UNIFIED / cgroup).mkdir()
    try:
        yield
    finally:
        below = sorted((UNIFIED / cgroup).rglob("*/"), reverse=True)
        for directory in (*below, UNIFIED / cgroup):
            wait_for(partial(_removed, directory), 10,
                     f"{directory} is empty")
