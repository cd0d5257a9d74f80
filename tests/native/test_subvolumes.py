# SPDX-License-Identifier: Apache-2.0
"""btrfs: all subvolumes share a superblock, and snapshots share inode numbers."""

import pathlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator

import pytest

from harness import image as images
from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import (
    event,
    is_still,
    mutations,
    recorded,
    same_diff,
    settles,
)
from harness.image import Tree
from harness.podman import Container, Store
from harness.waiting import wait_for

IMAGE_NAME = "localhost/stillframe-btrfs:1"
CHANGES = ("echo x >>/etc/group; rm /data/alias; mkdir /new/d; echo n >/new/d/f;"
           " mv /data/tree/a /data/tree/b; chmod 700 /data; rm -r /usr/lib")


@pytest.fixture(scope="module")
def btrfs() -> Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory(prefix="sfnat-btrfs-") as directory:
        image = pathlib.Path(directory) / "image"
        with open(image, "wb") as file:
            file.truncate(512 << 20)
        subprocess.run(["mkfs.btrfs", "-q", str(image)], check=True,
                       capture_output=True, timeout=60)
        mounted = pathlib.Path(directory) / "mounted"
        mounted.mkdir()
        subprocess.run(["mount", "-o", "loop", str(image), str(mounted)],
                       check=True, capture_output=True, timeout=60)
        try:
            yield mounted
        finally:
            subprocess.run(["umount", str(mounted)], check=True, timeout=60)


@pytest.fixture(scope="module", params=["btrfs", "overlay"])
def store(request: pytest.FixtureRequest, btrfs: pathlib.Path,
          tree: Tree) -> Iterator[Store]:
    place = Store(btrfs / request.param, request.param)
    images.import_bytes(IMAGE_NAME, tree.bytes(), place.options)
    yield place
    place.remove()


@pytest.fixture
def start_here(store: Store) -> Iterator[Callable[..., Container]]:
    running: list[Container] = []

    def start_one(*command: str) -> Container:
        running.append(Container(IMAGE_NAME, *command, store=store))
        return running[-1]

    yield start_one
    for container in running:
        container.remove()


def test_change_is_of_the_one_that_was_changed(agent: Agent,
                                               start_here) -> None:
    changed, sibling = start_here(), start_here()
    changed.work(CHANGES)
    recorded(agent, changed.name, "/etc/group", "workload")
    recorded(agent, changed.name, "/data/alias", "workload")
    recorded(agent, changed.name, "/new/d/f", "workload")
    same_diff(agent, changed)
    same_diff(agent, sibling)
    is_still(agent, sibling)
    assert mutations(agent, sibling.name) == []


def test_host_is_named(agent: Agent, start_here) -> None:
    container = start_here()
    pathlib.Path(container.root, "new/by-host").write_text("x")
    recorded(agent, container.name, "/new/by-host", "host")


def test_first_write_and_program_are_seen(agent: Agent, start_here) -> None:
    container = start_here(
        "sh", "-c", "echo x >>/etc/passwd; cp /bin/busybox /new/sh;"
        " /new/sh true; exec sleep 1000")
    recorded(agent, container.name, "/etc/passwd", "workload")
    assert event(agent, container.name, "exec_new")["path"] == "/new/sh"
    same_diff(agent, container)


def test_restart_of_both(own_agent: Agent, start_here) -> None:
    own_agent.start()
    container = start_here()
    container.shell(CHANGES)
    recorded(own_agent, container.name, "/etc/group", "exec")
    own_agent.kill()
    container.podman("stop", "-t", "0", container.name)
    container.podman("start", container.name)
    own_agent.start()
    wait_for(lambda: own_agent.ps(container.id), 5, "known again")
    recorded(own_agent, container.name, "/etc/group", "exec")
    container.shell("echo x >/new/again")
    recorded(own_agent, container.name, "/new/again", "exec")
    same_diff(own_agent, container)


@pytest.fixture
def twins(btrfs: pathlib.Path, tmp_path: pathlib.Path,
          tree: Tree) -> Iterator[tuple[Bundle, Bundle]]:
    """Each with its upper directory on a subvolume of its own."""
    made = []
    for number in range(2):
        subvolume = btrfs / f"{tmp_path.name}-{number}"
        subprocess.run(["btrfs", "subvolume", "create", str(subvolume)],
                       check=True, capture_output=True, timeout=60)
        made.append(Bundle(tmp_path, tree, writable=subvolume))
    yield made[0], made[1]
    for container in made:
        container.remove()


def _on_disk(container: Bundle, path: str) -> tuple[int, int]:
    found = container.upper.joinpath(path).stat()
    return found.st_ino, found.st_dev


def test_equal_inode_numbers_on_two_subvolumes_are_two_files(
        own_agent: Agent, twins: tuple[Bundle, Bundle]) -> None:
    own_agent.start()
    first, second = twins
    settles(own_agent, first.name)
    settles(own_agent, second.name)
    # Each of the same files, in turn, by other hands.
    first.work("echo x >>/etc/group; echo n >/new/file")
    second.work("true")
    settles(own_agent, second.name)
    second.shell("echo x >>/etc/group; echo n >/new/file")
    second.upper.joinpath("new/file").write_text("by the host")
    for path in ("", "etc", "etc/group", "new/file"):
        one, other = _on_disk(first, path), _on_disk(second, path)
        assert one[0] == other[0] and one[1] != other[1], path
    recorded(own_agent, first.name, "/etc/group", "workload")
    recorded(own_agent, first.name, "/new/file", "workload")
    recorded(own_agent, second.name, "/etc/group", "exec")
    wait_for(lambda: {actor["origin"] for actor in own_agent.changes(
        second.name)["/new/file"]["actors"]} == {"exec", "host"}, 5,
        "both who wrote the second one's file")
    # A name that one takes away stays the other's.
    first.work("rm /new/file")
    wait_for(lambda: "/new/file" not in own_agent.changes(first.name), 5,
             "the first one's file is gone")
    assert "/new/file" in own_agent.changes(second.name)
    own_agent.kill()
    own_agent.start()
    recorded(own_agent, first.name, "/etc/group", "workload")
    recorded(own_agent, second.name, "/etc/group", "exec")
