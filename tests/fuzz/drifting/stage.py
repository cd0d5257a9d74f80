# SPDX-License-Identifier: Apache-2.0
"""Containers in which sequences are carried out, and an agent beside them."""

import pathlib
import shlex
import subprocess
import threading

from harness.agent import Agent
from harness.image import Tree, base_tree
from harness.podman import PRIVILEGES, Container
from harness.waiting import patience, wait_for

from .oracle import Done
from .sequence import DIRECTORIES, FILES, Sequence, Step

SLOTS = 60
SETTLE_SECONDS = 6


def slot(number: int) -> str:
    """The directory of the image that is one sequence's own."""
    return f"/data/s{number:03}"


def image(mutate: pathlib.Path) -> Tree:
    tree = base_tree(mutate)
    for number in range(SLOTS):
        tree.directory(slot(number))
        for name in DIRECTORIES:
            tree.directory(f"{slot(number)}/{name}")
        for name in FILES:
            tree.file(f"{slot(number)}/{name}")
    return tree


class Stage:
    """One container. Two sequences may be carried out in it at a time."""

    def __init__(self, name: str, mutate: pathlib.Path) -> None:
        self._mutate = mutate
        self._worker = threading.Lock()
        self.container = Container(name, options=PRIVILEGES)
        self._root = self.container.root
        self._next = 0

    def remove(self) -> None:
        self.container.remove()

    def restart(self) -> None:
        self.container.podman("restart", "-t", "0", self.container.name)
        self._root = self.container.root

    @property
    def slots_left(self) -> int:
        return SLOTS - self._next

    def take_slot(self) -> str:
        self._next += 1
        return slot(self._next - 1)

    def carry_out(self, sequence: Sequence, directory: str) -> list[Done]:
        return [done for step in sequence.steps
                for done in self._do(step, directory)]

    def _do(self, step: Step, directory: str) -> list[Done]:
        root, program = "", "mutate"
        if step.way == "host":
            root, program = self._root, str(self._mutate)
        script = ""
        for name, *paths in step.operations:
            arguments = " ".join(shlex.quote(f"{root}{directory}/{p}")
                                 for p in paths)
            script += f"{program} {name} {arguments} 2>/dev/null; echo $?\n"
        codes = self._run(step.way, script).split()
        if len(codes) != len(step.operations):
            raise AssertionError(f"{step}: {codes}")
        return [Done(step.way, name, tuple(paths), code == b"0")
                for (name, *paths), code in zip(step.operations, codes)]

    def _run(self, way: str, script: str) -> bytes:
        if way == "exec":
            return self.container.shell(script)
        if way == "workload":
            with self._worker:
                return self.container.work(script)
        return subprocess.run(["sh", "-c", script], capture_output=True,
                              timeout=patience(60), check=True).stdout


def state_faults(agent: Agent, container: Container) -> list[str]:
    """Where the agent's diff is not podman's, once it had time to look."""
    seen: dict[str, set[bytes]] = {}

    def same() -> bool:
        seen["agent"] = agent.docker_lines(container.name)
        seen["podman"] = container.diff_lines()
        return seen["agent"] == seen["podman"]

    try:
        wait_for(same, SETTLE_SECONDS, "the diff is podman's")
    except TimeoutError:
        return [*(f"only the agent: {line.decode()}"
                  for line in sorted(seen["agent"] - seen["podman"])),
                *(f"only podman: {line.decode()}"
                  for line in sorted(seen["podman"] - seen["agent"]))]
    return []


def path_faults(events: list[dict]) -> list[str]:
    """Events about the rootfs whose path is none."""
    return [f"event {e['kind']} of {e['path']!r}, which is no path"
            for e in events
            if e["class"] in ("content", "metadata")
            and not (e["path"] or "").startswith("/")]
