# SPDX-License-Identifier: Apache-2.0
"""Images as composefs has them: an EROFS with names and attributes, and below it a
data-only layer with the contents, by their digests."""

import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator

import pytest

from harness import image as images
from harness.agent import Agent
from harness.bundle import Bundle, unpack
from harness.checks import EVENT_SECONDS, is_still, recorded
from harness.image import Tree
from harness.waiting import patience, wait_for
from harness.ways import filesystem

OPTIONS = ",metacopy=on,redirect_dir=on"
# Contents of up to 64 bytes are in the EROFS itself, as composefs has it.
INLINE = 64


@pytest.fixture(scope="module")
def tree(mutate: pathlib.Path) -> Tree:
    tree = images.base_tree(mutate)
    tree.directory("opt")
    for name in "mode", "edit", "same", "move", "gone", "quiet":
        tree.file(f"opt/{name}", name.encode() * 1000)
    tree.file("opt/small", b"small")
    return tree


class Image:
    def __init__(self, directory: pathlib.Path, tree: Tree, prefix: str) -> None:
        self.data = directory / "objects"
        self.lower = directory / "image"
        self.data.mkdir(parents=True)
        self.lower.mkdir()
        names = unpack(tree, directory / "names")
        for path in names.rglob("*"):
            if path.is_symlink() or not path.is_file():
                continue
            self._outsource(path, prefix)
        blob = directory / "image.erofs"
        _run("mkfs.erofs", "-E", "force-inode-extended", str(blob), str(names))
        _run("mount", "-t", "erofs", "-o", "ro,loop", str(blob), str(self.lower))

    def _outsource(self, path: pathlib.Path, prefix: str) -> None:
        status = path.stat()
        if status.st_size <= INLINE or _has_mark(path, prefix):
            return
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        place = self.data / digest[:2] / digest[2:]
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, place)
        with open(path, "r+b") as file:
            file.truncate(0)
            file.truncate(status.st_size)
        os.setxattr(path, f"{prefix}.overlay.metacopy", b"")
        os.setxattr(path, f"{prefix}.overlay.redirect",
                    f"/{digest[:2]}/{digest[2:]}".encode())
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.chmod(path, stat.S_IMODE(status.st_mode))

    def unmount(self) -> None:
        _run("umount", str(self.lower))


def _has_mark(path: pathlib.Path, prefix: str) -> bool:
    """Another name of a file that was looked at has been it, too."""
    return f"{prefix}.overlay.metacopy" in os.listxattr(path)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True,
                   timeout=patience(60))


@pytest.fixture(scope="module")
def image(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    made = Image(tmp_path_factory.mktemp("composefs"), tree, "trusted")
    yield made
    made.unmount()


@pytest.fixture
def start_on(tmp_path: pathlib.Path) -> Iterator[Callable[..., Bundle]]:
    running: list[Bundle] = []

    def start(image: Image, options: str = OPTIONS, **more) -> Bundle:
        running.append(Bundle(tmp_path, None, lower=image.lower,
                              data=image.data, options=options, **more))
        return running[-1]

    yield start
    for bundle in running:
        bundle.remove()


CHANGES = """
chmod 600 /opt/mode
echo x >>/opt/edit
cat /opt/same >/ctl/same
cat /ctl/same >/opt/same
mv /opt/move /opt/moved
rm /opt/gone
echo SMALL >/opt/small
"""
# What a podman with such a store would print; content that is the same again is
# a change of its mtime.
CHANGED = {b"A /opt/moved", b"C /opt", b"C /opt/edit", b"C /opt/mode",
           b"C /opt/same", b"C /opt/small", b"D /opt/gone", b"D /opt/move"}


@pytest.fixture(scope="module", params=["", "xfs", "btrfs"])
def writable(request: pytest.FixtureRequest,
             tmp_path_factory: pytest.TempPathFactory
             ) -> Iterator[pathlib.Path | None]:
    """Where upper directories lie."""
    if not request.param:
        yield None
        return
    with filesystem(tmp_path_factory.mktemp("upper"), request.param) as mounted:
        yield mounted


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_what_changed_is_what_is_shown(
        agent: Agent, writable: pathlib.Path | None, start_on, image: Image,
        runtime: str) -> None:
    if writable:
        writable = writable / runtime
    container = start_on(image, runtime=runtime, writable=writable)
    wait_for(lambda: agent.ps(container.id), EVENT_SECONDS, "it is known")
    is_still(agent, container)
    container.work(CHANGES)
    recorded(agent, container.id, "/opt/edit", "workload")
    answer = agent.diff(container.id)
    assert (answer["state"], answer["complete"]) == ("mutated", True), answer
    lines = agent.docker_lines(container.id)
    assert {line for line in lines if line[2:].startswith(b"/opt")} == CHANGED
    kinds = {row["path"]: row["kinds"] for row in answer["changes"]}
    # Its bytes are the image's; that it was copied up may have been seen first.
    assert set(kinds["/opt/mode"]) - {"copy_up"} == {"mode_change"}
    assert "file_write" in kinds["/opt/edit"]
    assert "file_rename" in kinds["/opt/moved"], kinds


# As a mapping would be written to, and has not been: nothing differs.
def test_a_file_that_was_only_copied_up_is_as_the_images(
        agent: Agent, start_on, image: Image) -> None:
    container = start_on(image)
    container.work(": >>/opt/quiet")
    row = recorded(agent, container.id, "/opt/quiet", "workload")
    assert row["kinds"] == ["copy_up"]
    assert agent.diff(container.id)["complete"]


def test_other_bytes_of_the_same_size_and_time_are_seen(
        agent: Agent, start_on, image: Image) -> None:
    container = start_on(image)
    container.work("touch -r /opt/quiet /ctl/when; printf Q |"
                   " dd of=/opt/quiet conv=notrunc 2>/dev/null;"
                   " touch -r /ctl/when /opt/quiet")
    row = recorded(agent, container.id, "/opt/quiet", "workload")
    assert "file_write" in row["kinds"] and row["verdict"] == "violation"
    assert agent.diff(container.id)["state"] == "mutated"


# Linux 6.16 follows an image's redirects to data without metacopy=on.
def test_with_attributes_that_users_may_set(agent: Agent, start_on, tree: Tree,
                                            tmp_path: pathlib.Path) -> None:
    image = Image(tmp_path / "users", tree, "user")
    try:
        container = start_on(image, ",userxattr")
        container.work(CHANGES.replace("echo x >>/opt/edit", "printf E |"
                       " dd of=/opt/edit conv=notrunc 2>/dev/null"))
        recorded(agent, container.id, "/opt/edit", "workload")
        answer = agent.diff(container.id)
        assert (answer["state"], answer["complete"]) == ("mutated", True), answer
        kinds = {row["path"]: row["kinds"] for row in answer["changes"]}
        assert set(kinds["/opt/mode"]) - {"copy_up"} == {"mode_change"}, kinds
        container.remove()
    finally:
        image.unmount()
