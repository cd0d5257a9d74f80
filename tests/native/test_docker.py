# SPDX-License-Identifier: Apache-2.0
"""Containers of a real dockerd, whose files lie in a place of its own."""

import pathlib
import tempfile
import uuid
from collections.abc import Iterator

import pytest

from harness import image as images
from harness.agent import Agent
from harness.checks import event, last_state, origins, recorded
from harness.docker import Daemon
from harness.users import subordinate_user
from harness.waiting import wait_for

_IMAGE = "stillframe-native"


@pytest.fixture(scope="module")
def dockerd(tree: images.Tree) -> Iterator[Daemon]:
    # A socket's name is short.
    with tempfile.TemporaryDirectory(prefix="sfdk-") as directory:
        daemon = Daemon(pathlib.Path(directory))
        try:
            daemon.docker("import", "-", _IMAGE, input=tree.bytes())
            yield daemon
        finally:
            daemon.stop()


@pytest.fixture
def name() -> str:
    return f"sfnat-{uuid.uuid4().hex[:12]}"


def _known(agent: Agent, container: str) -> dict:
    return wait_for(lambda: agent.ps(container), 5, "container known")


def test_it_is_known_by_what_its_daemon_keeps(agent: Agent, dockerd: Daemon,
                                              name: str) -> None:
    container = dockerd.run(name, _IMAGE)
    known = _known(agent, container)
    assert (known["name"], known["image"], known["runtime"],
            known["workload"]) == (name, _IMAGE, "docker", name)
    assert agent.diff(name)["state"] == "still"


def test_it_is_for_an_agent_that_comes_later(
        own_agent: Agent, dockerd: Daemon, name: str) -> None:
    container = dockerd.run(name, _IMAGE)
    own_agent.start()
    assert _known(own_agent, container)["name"] == name
    assert own_agent.diff(name)["complete"]


def test_a_write_and_a_copy_are_told_and_nothing_else(
        agent: Agent, dockerd: Daemon, name: str,
        tmp_path: pathlib.Path) -> None:
    container = dockerd.run(name, _IMAGE)
    dockerd.docker("exec", name, "sh", "-c", "echo x >>/etc/group")
    assert recorded(agent, container, "/etc/group",
                    "exec")["kinds"] == ["file_write"]
    (tmp_path / "copied").write_text("x")
    dockerd.docker("cp", str(tmp_path / "copied"), f"{name}:/etc/copied")
    recorded(agent, container, "/etc/copied", "host")
    wrong = {path: change["kinds"]
             for path, change in agent.changes(container).items()
             if change["verdict"] == "violation"
             # A directory goes by what is in it.
             and change["kinds"] != ["copy_up"]}
    assert wrong.keys() == {"/etc/group", "/etc/copied"}, wrong
    assert "mounts" not in {e["class"] for e in agent.events(container)}
    shown = {line.decode() for line in agent.docker_lines(container)}
    assert shown == set(dockerd.docker("diff", name).splitlines())


def test_one_that_is_gone_leaves_its_last_state(
        agent: Agent, dockerd: Daemon, name: str) -> None:
    container = dockerd.run(name, _IMAGE)
    _known(agent, container)
    dockerd.docker("exec", name, "sh", "-c",
                   "echo x >>/etc/group; mkdir /made; echo x >/made/file")
    recorded(agent, container, "/made/file", "exec")
    before = agent.changes(container)
    lines = dockerd.docker("diff", name).splitlines()
    dockerd.docker("rm", "-f", name)
    after = last_state(agent, container)
    assert (after["state"], after["container"]["name"],
            after["container"]["image"]) == ("mutated", name, _IMAGE)
    for called in (container, name):
        kept = agent.changes(called)
        assert kept.keys() == before.keys()
        assert origins(kept["/made/file"]) == origins(kept["/etc/group"]) == {
            "exec"}
        assert agent.docker_lines(called) == {line.encode() for line in lines}
    # The next of that name comes before it, and is another.
    again = dockerd.run(name, _IMAGE)
    _known(agent, again)
    assert "gone" not in agent.diff(name)
    assert agent.diff(container)["gone"]["seen"]


def test_a_new_name_is_known_at_once(agent: Agent, dockerd: Daemon,
                                     name: str) -> None:
    container = dockerd.run(name, _IMAGE)
    _known(agent, container)
    dockerd.docker("rename", name, f"{name}-new")
    wait_for(lambda: agent.metric("stillframe_container_info",
                                  name=f"{name}-new"), 3, "metrics renamed")
    assert agent.diff(f"{name}-new")["state"] == "still"


@pytest.mark.parametrize("buildkit", [False, True], ids=["classic", "buildkit"])
def test_a_step_of_a_build_is_no_container(
        own_agent: Agent, dockerd: Daemon, name: str, buildkit: bool,
        tmp_path: pathlib.Path) -> None:
    own_agent.start()
    # By this one the agent learns where the daemon keeps its files.
    first = dockerd.run(f"{name}-first", _IMAGE)
    _known(own_agent, first)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {_IMAGE}\nRUN echo built >/built\nRUN rm /etc/group\n")
    dockerd.docker("build", "--network", "none", "-t", "built", str(tmp_path),
                   buildkit=buildkit)
    container = dockerd.run(name, "built")
    _known(own_agent, container)
    # What was seen of the steps has been looked into by the time that this is.
    dockerd.docker("exec", name, "sh", "-c", "echo x >/etc/made")
    recorded(own_agent, container, "/etc/made", "exec")
    met = {e["container"]["id"]: e["container"] for e in own_agent.events()
           if e["kind"] in ("created", "live")
           and e["container"]["runtime"] == "docker"}
    assert met.keys() == {first, container}, met


def test_a_raised_limit_that_docker_keeps_is_not_restored(
        agent: Agent, dockerd: Daemon, name: str) -> None:
    container = dockerd.run(name, _IMAGE, "--memory", "32m")
    _known(agent, container)
    dockerd.docker("update", "--memory", "64m", "--memory-swap", "128m", name)
    seen = event(agent, container, "limit_change")
    assert (seen["actor"]["origin"], seen["actor"]["tool"],
            seen["actor"]["comm"]) == ("host", "docker", "runc")
    changed = seen["path"]
    lives = len(_lives(agent, container))
    dockerd.docker("restart", "-t", "0", name)
    wait_for(lambda: len(_lives(agent, container)) > lives, 10, "started again")
    agent.diff(name)
    assert agent.changes(container)[changed]["verdict"] == "allowed"
    reported = [e for e in agent.events(container)
                if e["kind"] == "limit_change" and e["path"] == changed]
    assert len(reported) == 1, reported


def _lives(agent: Agent, container: str) -> list[dict]:
    return [e for e in agent.events(container) if e["kind"] == "live"]


@pytest.fixture(scope="module")
def remapped(tree: images.Tree) -> Iterator[Daemon]:
    """Whose containers' root is another user of the host's."""
    with subordinate_user() as user, \
            tempfile.TemporaryDirectory(prefix="sfdk-") as directory:
        # Who is root in there goes through it.
        pathlib.Path(directory).chmod(0o711)
        daemon = Daemon(pathlib.Path(directory), "--userns-remap", user)
        try:
            daemon.docker("import", "-", _IMAGE, input=tree.bytes())
            yield daemon
        finally:
            daemon.stop()


def test_with_a_user_namespace_nothing_else_is_told(
        agent: Agent, remapped: Daemon, name: str) -> None:
    container = remapped.run(name, _IMAGE)
    known = _known(agent, container)
    assert (known["name"], known["runtime"]) == (name, "docker")
    assert agent.diff(name)["state"] == "still"
    remapped.docker("exec", name, "sh", "-c",
                    "echo x >>/etc/group; echo x >/made; chown 7:7 /made")
    recorded(agent, container, "/etc/group", "exec")
    recorded(agent, container, "/made", "exec")
    shown = {line.decode() for line in agent.docker_lines(container)}
    assert shown == set(remapped.docker("diff", name).splitlines())
