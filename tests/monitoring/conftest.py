# SPDX-License-Identifier: Apache-2.0
"""A machine as an SRE sees it: agent, containers, Prometheus, Alertmanager."""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest

from harness import agent as agents
from harness import image as images
from harness.agent import Agent
from harness.journald import Journald
from harness.podman import Container, podman
from monitor.alertmanager import Alertmanager
from monitor.configurations import GOOD_POLICY, GOOD_WEB
from monitor.prometheus import EVERYTHING, Prometheus
from monitor.watched import Watched

UNTOUCHED = "untouched"


@dataclasses.dataclass
class Fleet:
    """Containers by the way in which they were changed."""

    agent: Agent
    prometheus: Prometheus
    alertmanager: Alertmanager
    containers: dict[str, Container]

    def container_id(self, name: str) -> str:
        return f"podman://{self.containers[name].id}"


@pytest.fixture(scope="session")
def make_image() -> Iterator[Callable[[str], str]]:
    """Imports images that differ by a file and go with the session."""
    mutate = pathlib.Path(os.environ.get(
        "STILLFRAME_MUTATE",
        agents.binary().parent / "tests/mutators/mutate"))
    made = []

    def make(version: str) -> str:
        tree = images.base_tree(mutate)
        tree.file("etc/version", version.encode())
        name = f"localhost/stillframe-monitoring:{version}-{os.getpid()}"
        images.import_image(name, tree)
        made.append(name)
        return name

    yield make
    for name in made:
        images.remove_image(name)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory,
          make_image: Callable[[str], str]) -> Iterator[Fleet]:
    """Containers changed in all the ways there are, and one that is not."""
    if os.geteuid() != 0:
        pytest.fail("the real agent needs root")
    directory = tmp_path_factory.mktemp("fleet")
    first, second = make_image("1"), make_image("2")
    run = uuid.uuid4().hex[:8]
    containers: dict[str, Container] = {}

    with contextlib.ExitStack() as stack:

        def start(name: str, image: str = first) -> Container:
            containers[name] = Container(image, name=f"sfmon-{name}-{run}")
            stack.callback(remove, name)
            return containers[name]

        def remove(name: str) -> None:
            if container := containers.pop(name, None):
                container.remove()

        # Nobody watches yet.
        start("unattributed").shell("echo x >/new/early")
        (directory / "agent").mkdir()
        agent = stack.enter_context(Agent(directory / "agent")).start()
        alertmanager = stack.enter_context(
            Alertmanager(directory / "alertmanager"))
        prometheus = stack.enter_context(Prometheus(
            directory / "prometheus", agent.port, alertmanager.port))

        start(UNTOUCHED).work("ls -lR /etc >/dev/null; id -u")
        start("exec").shell("echo x >>/etc/group")
        (directory / "file").write_text("copied\n")
        podman("cp", str(directory / "file"),
               f"{start('cp').name}:/etc/copied")
        start("workload").work("echo x >>/etc/group")
        start("code").work("cp /bin/busybox /new/sh; /new/sh -c true")
        containers["code"].shell("echo x >>/etc/group")
        start("replaced").shell("echo x >>/etc/group")
        remove("replaced")
        start("replaced", second)
        yield Fleet(agent, prometheus, alertmanager, containers)


@pytest.fixture(scope="session")
def _watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("watched")
    state = directory / "agent/state"
    state.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        journald = Journald()
        stack.callback(journald.remove)
        # A filesystem of its own, which a test can fill.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m",
                        "stillframe-test", state], check=True)
        stack.callback(subprocess.run, ["umount", state], check=True)
        agent = stack.enter_context(
            Agent(state.parent, prefix=journald.in_its_place()))
        alertmanager = stack.enter_context(
            Alertmanager(directory / "alertmanager"))
        prometheus = Prometheus(directory / "prometheus", agent.port,
                                alertmanager.port, EVERYTHING, short=True)
        watched = Watched(directory, agent, prometheus, alertmanager, journald)
        watched.policy.write_text(GOOD_POLICY)
        watched.web.write_text(GOOD_WEB)
        journald.start()
        watched.start()
        stack.enter_context(prometheus)
        watched.scraped()
        yield watched


@pytest.fixture
def watched(_watched: Watched) -> Watched:
    """The one agent in trouble, of which each test makes another."""
    _watched.begin()
    return _watched


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What adds up comes after all that it adds up.
    items.sort(key=lambda item: item.path.name == "test_every_alert.py")
