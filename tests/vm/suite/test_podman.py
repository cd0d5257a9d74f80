# SPDX-License-Identifier: Apache-2.0
"""One podman container: that an engine's containers are known here, too."""

import pathlib
from collections.abc import Iterator

import pytest
from harness import coverage, ways
from harness import image as images
from harness.agent import Agent
from harness.checks import recorded
from harness.coverage import Results
from harness.image import Tree
from harness.podman import Container, podman
from harness.waiting import wait_for

IMAGE = "localhost/stillframe-vm:1"


@pytest.fixture
def container(mutate: pathlib.Path) -> Iterator[Container]:
    # As little as there can be: importing an image is the slow part.
    tree = Tree()
    for path in "bin dev etc proc sys tmp run ctl new".split():
        tree.directory(path)
    tree.file("bin/busybox", images.BUSYBOX.read_bytes(), 0o755)
    for applet in ("sh", "sleep", "cat", "rm"):
        tree.symlink(f"bin/{applet}", "busybox")
    tree.file("etc/motd", b"as built\n")
    images.import_image(IMAGE, tree)
    with Container(IMAGE, "sleep", "1000") as started:
        yield started


def test_podman_container_is_known(agent: Agent, container: Container,
                                   tmp_path: pathlib.Path,
                                   results: Results) -> None:
    row = agent.ps(container.id)
    assert row is not None and row["state"] == "still", row
    assert (row["name"], row["runtime"]) == (container.name, "podman"), row
    container.shell("echo changed >>/etc/motd; echo new >/new/file")
    for path, letter in (("/etc/motd", "C"), ("/new/file", "A")):
        change = recorded(agent, container.name, path, "exec")
        assert change["change"] == letter, change
    copied = tmp_path / "copied"
    copied.write_text("copied\n")
    podman("cp", f"{container.name}:/etc/motd", str(tmp_path / "motd"))
    podman("cp", str(copied), f"{container.name}:/new/copied")
    outcome = ways.said(agent, container, "/new/copied", "host",
                        ("file_create", "file_rename"))
    results.add(("file_create",), outcome, operation="podman_cp", way="host")
    assert outcome == coverage.EVENTS
    lines = agent.docker_lines(container.name)
    assert lines == container.diff_lines(), lines
    # What is left of it when it is gone, though podman deletes its files first.
    container.podman("rm", "-f", "-t", "0", container.name)
    wait_for(lambda: agent.ps(container.id) is None, 30, "its removal")
    assert agent.docker_lines(container.name) == lines
    assert agent.diff(container.name)["gone"]["seen"]
