# SPDX-License-Identifier: Apache-2.0
"""Services of compose: another image is a replacement, a restart is none."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator

import pytest

from harness import image as images
from harness.agent import Agent
from harness.docker import Daemon
from harness.podman import podman
from harness.runtimes import runtime
from harness.waiting import patience, wait_for

_FILE = """\
services:
  web:
    image: ${IMAGE}
    command: [sh, -c, "trap exit TERM; sleep 1000 & wait"]
    ulimits: {nofile: 1024, nproc: 1024}
"""


class Project:
    """One service, web, of a project of its own."""

    def __init__(self, directory: pathlib.Path, program: list[str],
                 more: str = "", **environment: str) -> None:
        self.name = f"sfnat{uuid.uuid4().hex[:8]}"
        self.workload = f"{self.name}/web"
        self._file = directory / "compose.yaml"
        self._file.write_text(_FILE + more)
        self._program = program
        self._environment = {**os.environ, **environment, "IMAGE": "unset"}

    def run(self, *args: str, image: str = "unset") -> None:
        result = subprocess.run(
            [*self._program, "-p", self.name, "-f", self._file, *args],
            capture_output=True, timeout=patience(120), check=False,
            env={**self._environment, "IMAGE": image})
        assert result.returncode == 0, (args, result.stdout, result.stderr)

    def down(self) -> None:
        self.run("down", "-t", "0")


def _container(agent: Agent, project: Project) -> dict | None:
    """Its container, where it has one that runs."""
    rows = [r for r in agent.rows() if r["workload"] == project.workload
            and r["running"]]
    return rows[0] if len(rows) == 1 else None


def _check_replacement(agent: Agent, project: Project, old_image: str,
                       new_image: str, *more: str) -> None:
    """`more`: what `up` needs to bring another image up."""
    project.run("up", "-d", image=old_image)
    old = wait_for(lambda: _container(agent, project), 10, "the service")
    project.run("restart", "-t", "0", image=old_image)
    again = wait_for(lambda: _container(agent, project), 10, "it runs again")
    assert again["id"] == old["id"]
    project.run("up", "-d", *more, image=new_image)

    def replaced() -> dict | None:
        return next((e for e in agent.events(old["id"])
                     if e["kind"] == "replaced"), None)

    text = wait_for(replaced, 10, "its replacement")["detail"]["text"]
    assert "new image" in text
    new = wait_for(lambda: _container(agent, project), 10, "the new one")
    assert new["id"] in text

    def counted() -> dict[bool, float]:
        found = agent.metric("stillframe_replacements_total",
                             workload=project.workload)
        return {'image_changed="true"' in t: n for t, n in found.items()}

    wait_for(lambda: counted() == {True: 1}, 5, "counted once")
    assert agent.diff(new["id"])["state"] == "still"
    for container in old, new:
        assert [e for e in agent.events(container["id"])
                if e["verdict"] == "violation"] == []


@pytest.fixture
def make_image(tree: images.Tree) -> Iterator[Callable[[str], str]]:
    names: list[str] = []

    def make(version: str) -> str:
        name = f"localhost/stillframe-native-compose:{uuid.uuid4().hex[:12]}"
        podman("import", "-q", "-c", "ENV PATH=/bin:/usr/bin",
               "-c", f"LABEL version={version}", "-", name,
               input=tree.bytes())
        names.append(name)
        return name

    yield make
    for name in names:
        images.remove_image(name)


def test_podman_compose(agent: Agent, make_image: Callable[[str], str],
                        tmp_path: pathlib.Path) -> None:
    project = Project(tmp_path, [
        "podman-compose", f"--podman-run-args=--runtime {runtime()}"])
    try:
        # That of Debian 12 does not look whether anything has changed.
        _check_replacement(agent, project, make_image("1"), make_image("2"),
                           "--force-recreate")
    finally:
        project.down()
        podman("network", "rm", "-f", f"{project.name}_default", check=False)


def test_docker_compose(agent: Agent, tree: images.Tree,
                        tmp_path: pathlib.Path) -> None:
    # Debian 12 has a program of that name, later ones a plugin of docker's.
    program = (["docker-compose"] if shutil.which("docker-compose")
               else ["docker", "compose"])
    # A socket's name is short.
    with tempfile.TemporaryDirectory(prefix="sfdk-") as directory:
        daemon = Daemon(pathlib.Path(directory))
        project = Project(tmp_path, program, "    network_mode: none\n",
                          DOCKER_HOST=daemon.socket)
        try:
            for version in "1", "2":
                daemon.docker("import", "-c", f"LABEL version={version}",
                              "-c", "ENV PATH=/bin:/usr/bin", "-",
                              f"stillframe-native:{version}",
                              input=tree.bytes())
            _check_replacement(agent, project, "stillframe-native:1",
                               "stillframe-native:2")
        finally:
            project.down()
            daemon.stop()
