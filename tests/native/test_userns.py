# SPDX-License-Identifier: Apache-2.0
"""Containers with a user namespace: whose files are whose."""

import os

import pytest

from harness.agent import Agent
from harness.checks import recorded
from harness.podman import Container

_MAPS = ("--uidmap", "0:100000:65536", "--gidmap", "0:200000:65536")


@pytest.fixture(params=["mounts that map ids", "a layer of their own"])
def mapped(request: pytest.FixtureRequest,
           monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options of a container whose image podman gives to other owners: by
    mounts where the kernel has such, else by a copy."""
    if request.param == "a layer of their own":
        monkeypatch.setenv("_CONTAINERS_OVERLAY_DISABLE_IDMAP", "yes")
    return _MAPS


def _still(agent: Agent, container: Container) -> dict:
    found = agent.diff(container.id)
    wrong = [c for c in found["changes"] if c["verdict"] == "violation"]
    assert found["state"] == "still" and found["complete"], wrong
    return found


def test_what_nobody_touches_is_still(agent: Agent, start, mapped) -> None:
    container = start(options=(*mapped, "--user", "1234"))
    _still(agent, container)


def test_it_is_still_for_an_agent_that_comes_later(
        own_agent: Agent, start, mapped) -> None:
    container = start(options=(*mapped, "--user", "1234"))
    own_agent.start()
    found = _still(own_agent, container)
    assert {c["path"]: c["verdict"] for c in found["changes"]}[
        "/etc/passwd"] == "runtime"


def test_a_write_is_no_change_of_owner(agent: Agent, start, mapped) -> None:
    container = start(options=mapped)
    container.shell("echo x >>/etc/group")
    change = recorded(agent, container.id, "/etc/group", "exec")
    assert change["kinds"] == ["file_write"]
    assert agent.docker_lines(container.id) == container.diff_lines()


def test_a_real_change_of_owner_is_one(agent: Agent, start, mapped) -> None:
    container = start(options=mapped)
    container.shell("chown 33 /etc/group")
    change = recorded(agent, container.id, "/etc/group", "exec")
    assert change["kinds"] == ["owner_change"]
    assert change["verdict"] == "violation"


def test_so_is_one_to_the_hosts_root(agent: Agent, start, mapped) -> None:
    container = start(options=mapped)
    _still(agent, container)
    os.chown(f"{container.root}/etc/group", 0, 0)
    change = recorded(agent, container.id, "/etc/group", "host")
    assert change["kinds"] == ["owner_change"]
