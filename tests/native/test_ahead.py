# SPDX-License-Identifier: Apache-2.0
"""What is written ahead of a container's first program: the runtime's own work
is known by what it is, and nothing else passes for it."""

import os
import pathlib
from collections.abc import Iterator

import pytest

from harness import image as images
from harness.agent import Agent
from harness.checks import is_still, origins, same_diff
from harness.podman import RUN_OPTIONS, Container, podman

WORK_DIR = "/made/by/runtime"


@pytest.fixture(scope="module")
def work_dir_image(image: str) -> Iterator[str]:
    """The image, with a working directory that it does not hold."""
    name = f"localhost/stillframe-native-cwd:{os.getpid()}"
    made = podman("create", *RUN_OPTIONS, image, "true").decode().strip()
    try:
        podman("commit", "-q", "--change", f"WORKDIR {WORK_DIR}", made, name)
    finally:
        podman("rm", "-f", made)
    yield name
    images.remove_image(name)


@pytest.mark.parametrize("user", ["0", "1234:55"])
def test_the_working_directory_is_the_runtimes(
        own_agent: Agent, work_dir_image: str, user: str) -> None:
    options = ("--user", user)
    command = ("sleep", "1000")
    with Container(work_dir_image, *command, options=options) as older:
        own_agent.start()
        with Container(work_dir_image, *command, options=options) as newer:
            for container in (older, newer):
                is_still(own_agent, container)
                same_diff(own_agent, container)
                assert WORK_DIR in own_agent.changes(container.name)
            newer.podman("restart", "-t", "0", newer.name)
            is_still(own_agent, newer)
            older.podman("stop", "-t", "0", older.name)
            own_agent.stop()
            own_agent.start()
            for container in (older, newer):
                row = own_agent.changes(container.name)[WORK_DIR]
                assert row["verdict"] == "runtime"


@pytest.fixture
def created(image: str) -> Iterator[Container]:
    """A container that is set up and has not run anything yet."""
    class Created(Container):
        def podman(self, *args: str | bytes, **more) -> bytes:
            if args[0] == "run":
                made = super().podman("create", *args[2:], **more)
                super().podman("init", self.name)
                return made
            return super().podman(*args, **more)

    with Created(image) as container:
        yield container


PLANTED = {
    "a file of its own": ("/usr/bin/planted", b"#!/bin/sh\n"),
    "content below the mount of a file": ("/etc/hosts", b"6.6.6.6 registry\n"),
    "a user": ("/etc/passwd", b"evil::0:0::/:/bin/sh\n"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_nothing_else_passes_for_it(agent: Agent, created: Container,
                                    case: str) -> None:
    path, content = PLANTED[case]
    place = pathlib.Path(created.upper + path)
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place, "ab") as file:
        file.write(content)
    created.podman("start", created.name)
    row = agent.changes(created.name)[path]
    assert row["verdict"] == "violation", row
    # The runtime may have made what was written to.
    assert origins(row) - {"runtime"} <= {"host", "unattributed"}, row
    assert agent.ps(created.id)["state"] == "mutated"
