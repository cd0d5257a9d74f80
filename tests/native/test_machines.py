# SPDX-License-Identifier: Apache-2.0
"""System containers: LXC and systemd-nspawn. They are started again, not replaced."""

import pathlib
import shutil
from collections.abc import Callable, Iterator

import pytest

from harness.agent import Agent, command_line
from harness.checks import EVENT_SECONDS, recorded
from harness.image import Tree
from harness.machines import LxcContainer, NspawnMachine
from harness.waiting import wait_for

Machine = LxcContainer | NspawnMachine

KINDS: dict[str, Callable[[pathlib.Path, Tree], Machine]] = {
    "lxc on a directory": lambda _, tree: LxcContainer(tree),
    "lxc on an overlay": lambda _, tree: LxcContainer(tree, overlay=True),
    "nspawn on a directory": NspawnMachine,
}


@pytest.fixture
def make(tmp_path: pathlib.Path, tree: Tree) -> Iterator[Callable]:
    made: list[Machine] = []

    def make_one(kind: Callable[[pathlib.Path, Tree], Machine]) -> Machine:
        made.append(kind(tmp_path, tree))
        return made[-1]

    yield make_one
    for machine in made:
        machine.remove()


def _state(agent: Agent, name: str) -> str | None:
    row = agent.ps(name)
    return row["state"] if row else None


def _settles(agent: Agent, name: str, state: str) -> None:
    wait_for(lambda: _state(agent, name) == state, EVENT_SECONDS,
             f"{name} {state}")


def _kinds(agent: Agent, name: str) -> list[str]:
    return [e["kind"] for e in agent.events(name) if e["class"] == "lifecycle"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_machine_keeps_its_ledger_when_it_is_started_again(
        own_agent: Agent, make, kind: str) -> None:
    own_agent.start()
    machine = make(KINDS[kind])
    machine.start()
    _settles(own_agent, machine.name, "still")
    machine.shell("echo x >>/data/f1; echo y >/new-file")
    for path in "/data/f1", "/new-file":
        wait_for(lambda path=path: path in own_agent.changes(machine.name),
                 EVENT_SECONDS, path)
    machine.stop()
    wait_for(lambda: not own_agent.ps(machine.name)["running"], EVENT_SECONDS,
             "it is stopped")
    machine.start()
    wait_for(lambda: own_agent.ps(machine.name)["running"], EVENT_SECONDS,
             "it runs again")
    changes = own_agent.changes(machine.name)
    assert {"/data/f1", "/new-file"} <= set(changes)
    assert not {"removed", "replaced"} & set(_kinds(own_agent, machine.name))
    # And over a restart of the agent while it stands still.
    machine.stop()
    own_agent.stop()
    own_agent.start()
    machine.start()
    _settles(own_agent, machine.name, "mutated")
    assert {"/data/f1", "/new-file"} <= set(own_agent.changes(machine.name))
    # And while it runs.
    own_agent.stop()
    own_agent.start()
    _settles(own_agent, machine.name, "mutated")
    assert own_agent.ps(machine.name)["running"]
    machine.shell("echo z >/other-file")
    wait_for(lambda: {"/data/f1", "/new-file", "/other-file"} <= set(
        own_agent.changes(machine.name)), EVENT_SECONDS, "its next change")


def test_a_machine_is_removed_with_its_directory(own_agent: Agent,
                                                 make) -> None:
    own_agent.start()
    machine = make(NspawnMachine)
    machine.start()
    _settles(own_agent, machine.name, "still")
    machine.stop()
    shutil.move(machine.rootfs, machine.rootfs.with_suffix(".gone"))
    wait_for(lambda: own_agent.ps(machine.name) is None, 3 * EVENT_SECONDS,
             "it is gone")
    shutil.move(machine.rootfs.with_suffix(".gone"), machine.rootfs)


def test_lxc_says_who(agent: Agent, make) -> None:
    machine = make(KINDS["lxc on a directory"])
    machine.start()
    machine.shell("echo x >>/data/f1")
    recorded(agent, machine.name, "/data/f1", "exec")
    row = agent.ps(machine.name)
    assert (row["runtime"], row["workload"]) == ("lxc", machine.name)


def test_what_cannot_be_looked_at_is_unknown(agent: Agent, make,
                                             tree: Tree) -> None:
    """Its upper directory is on a tmpfs that is mounted nowhere."""
    machine = make(lambda directory, tree: NspawnMachine(
        directory, tree, "--volatile=overlay"))
    machine.start()
    _settles(agent, machine.name, "unknown")
    machine.shell("echo x >/new-file")
    answer = agent.diff(machine.name)
    assert (answer["state"], answer["complete"]) == ("unknown", False)
    assert command_line(
        "diff", "--exit-code", machine.name, "--socket",
        str(agent.socket)).returncode == 1
    metric = agent.metric("stillframe_container_state", state="unknown",
                          container_id=f"nspawn://{machine.name}")
    assert list(metric.values()) == [1]
    assert not agent.metric("stillframe_container_mutated",
                            container_id=f"nspawn://{machine.name}")
