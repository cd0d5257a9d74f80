# SPDX-License-Identifier: Apache-2.0
"""Names by which what a run that was killed has left is known, and removed."""

import os
import pathlib
import re
import shutil

from harness.podman import Store, podman

_CONTAINER = "sfdrift"
_IMAGE = "localhost/stillframe-drift"
_DIRECTORY = "/tmp/sfdrift"


def image_name() -> str:
    return f"{_IMAGE}:{os.getpid()}"


def container_name(number: int) -> str:
    return f"{_CONTAINER}-{os.getpid()}-{number}"


def directory_name() -> pathlib.Path:
    return pathlib.Path(f"{_DIRECTORY}-{os.getpid()}")


def copies_in(directory: pathlib.Path) -> Store:
    """For containers whose rootfs is a copy of the image's."""
    return Store(directory / "vfs", "vfs")


def _of_the_dead(name: str, prefix: str) -> bool:
    owner = re.match(re.escape(prefix) + r"[-:](\d+)", name)
    return owner is not None and not pathlib.Path("/proc", owner[1]).exists()


def remove_leftovers() -> None:
    """Of runs that had no time to do it themselves (SIGKILL)."""
    for name in podman("ps", "-a", "--format", "{{.Names}}").decode().split():
        if _of_the_dead(name, _CONTAINER):
            podman("rm", "-f", "-t", "0", name)
    images = podman("images", "--format", "{{.Repository}}:{{.Tag}}")
    for name in images.decode().split():
        if _of_the_dead(name, _IMAGE):
            podman("rmi", "-f", name)
    place = pathlib.Path(_DIRECTORY)
    for directory in place.parent.glob(f"{place.name}-*"):
        if _of_the_dead(str(directory), _DIRECTORY):
            copies_in(directory).remove()
            shutil.rmtree(directory)
