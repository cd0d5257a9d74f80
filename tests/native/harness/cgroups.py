# SPDX-License-Identifier: Apache-2.0
"""A process' control files, whichever cgroup hierarchies are mounted."""

import pathlib
from collections.abc import Iterator


def control_files(pid: int, name: str) -> list[pathlib.Path]:
    """The control file in each hierarchy that has it for this process."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in (*controllers.split(","), "unified", ""):
            file = pathlib.Path("/sys/fs/cgroup", mount, path.lstrip("/"), name)
            if file.exists():
                found.append(file)
    return found


def hierarchies() -> Iterator[pathlib.Path]:
    """The roots of those hierarchies that know the processes of all others."""
    top = pathlib.Path("/sys/fs/cgroup")
    places = [top] if (top / "cgroup.procs").exists() else top.iterdir()
    return (place for place in places if (place / "cgroup.procs").exists())
