# SPDX-License-Identifier: Apache-2.0
"""Containers whose processes were moved to another cgroup than their runtime put
them in, before the agent came: whoever is root in one that sees the host's cgroups
can do that."""

import pathlib
import uuid
from collections.abc import Iterator

import pytest

from harness.agent import Agent
from harness.cgroups import UNIFIED, made
from harness.checks import event, is_still, recorded
from harness.podman import Container
from harness.waiting import wait_for

FREE = ("--privileged", "--cgroupns", "host", "-v", "/sys/fs/cgroup:/new/cg")
SECONDS = 10


def _cgroup(container: Container) -> pathlib.Path:
    lines = pathlib.Path(f"/proc/{container.pid}/cgroup").read_text().split()
    return UNIFIED / next(line.removeprefix("0::/") for line in lines
                          if line.startswith("0::"))


def _move(container: Container, cgroup: pathlib.Path) -> None:
    """It moves its first process, and what it runs from then on, there."""
    inside = f"/new/cg/{cgroup.relative_to('/sys/fs/cgroup')}"
    container.work(f"mkdir -p {inside}; echo 1 >{inside}/cgroup.procs")
    assert _cgroup(container) == cgroup


@pytest.fixture
def one(image: str) -> Iterator[Container]:
    """Older than any other of the test."""
    with Container(image, options=FREE) as container:
        yield container


def _is_known(agent: Agent, container: Container) -> None:
    row = wait_for(lambda: agent.ps(container.id), SECONDS, container.name)
    assert (row["name"], row["running"]) == (container.name, True)


def test_who_moved_below_anothers_cgroup_is_itself(own_agent: Agent,
                                                   one: Container,
                                                   image: str) -> None:
    with Container(image) as victim:
        one.work("echo x >>/etc/hosts.one")
        _move(one, _cgroup(victim) / "x")
        own_agent.start()
        for container in (one, victim):
            _is_known(own_agent, container)
        is_still(own_agent, victim)
        assert "/etc/hosts.one" in own_agent.changes(one.name)
        one.work("echo x >/etc/own")
        recorded(own_agent, one.name, "/etc/own", "workload")
        victim.work("echo x >/etc/own")
        recorded(own_agent, victim.name, "/etc/own", "workload")
        one.shell("echo x >/etc/execed")
        recorded(own_agent, one.name, "/etc/execed", "exec")
        assert "/etc/own" in own_agent.changes(victim.name)
        assert "/etc/execed" not in own_agent.changes(victim.name)
        running = [row for row in own_agent.rows() if row["running"]]
        assert not [row["id"] for row in running
                    if row.get("outer") == victim.id
                    or row["id"].startswith("cgroup-")]


@pytest.mark.parametrize("where", ["a cgroup", "the root cgroup"])
def test_who_left_its_cgroup_before_the_agent_is_known(
        own_agent: Agent, image: str, where: str) -> None:
    name = f"sfnat-{uuid.uuid4().hex[:12]}"
    with made(name), Container(image, options=FREE) as container:
        container.work("echo x >/etc/before")
        _move(container, UNIFIED / name if where == "a cgroup" else UNIFIED)
        own_agent.start()
        _is_known(own_agent, container)
        assert "/etc/before" in own_agent.changes(container.name)
        container.work("echo x >/etc/own; cp /bin/busybox /new/sh; /new/sh -c :")
        recorded(own_agent, container.name, "/etc/own", "workload")
        seen = event(own_agent, container.name, "exec_new")
        assert seen["actor"]["origin"] == "workload"
        container.shell("echo x >/etc/execed")
        recorded(own_agent, container.name, "/etc/execed", "exec")
