# SPDX-License-Identifier: Apache-2.0
"""A family of operations, run in one container in one way, and what was reported."""

import dataclasses
import pathlib
import subprocess
from collections.abc import Iterator

from . import operations
from .agent import Agent
from .bundle import Bundle
from .operations import FAMILIES, IMAGE, NEW, Operation
from .podman import Container
from .waiting import patience, wait_for

UNSUPPORTED = 3
# Who acts, and what the agent must say of where it came from.
WAYS = {
    "exec": "exec",            # somebody who enters the container
    "workload": "workload",    # the container's own process
    "procroot": "host",        # the host, through /proc/PID/root
    "upper": "host",           # the host, in the upper directory itself
}


@dataclasses.dataclass
class Batch:
    """What came of it: exit codes, `podman diff` lines, the diff by path."""

    way: str
    family: str
    codes: dict[tuple[str, str], int]
    lines: set[bytes]
    changes: dict[str, dict]
    events: list[dict]

    @property
    def origin(self) -> str:
        return WAYS[self.way]


def targets(way: str) -> tuple[str, ...]:
    # A file of the image is not in the upper directory.
    return (NEW,) if way == "upper" else (IMAGE, NEW)


def cases() -> Iterator[tuple[str, str, str, Operation]]:
    """Way, family, target and operation."""
    for way in WAYS:
        for family, members in FAMILIES.items():
            for operation in members:
                for target in targets(way):
                    if operations.expectations(operation, target) is not None:
                        yield way, family, target, operation


def name(way: str, target: str, operation: Operation) -> str:
    return f"{way}-{target}-{operation.case}"


def run(container: Container | Bundle, way: str, family: str,
        mutate: pathlib.Path, agent: Agent, attributed: bool = True,
        chosen: tuple[str, ...] = (), overlay: bool = True) -> Batch:
    """`attributed`: whether to wait for an actor of every change."""
    # Without overlay between, a file's second change within a tick of the clock
    # leaves no trace where changes are known by their time stamps.
    apart = not overlay or way == "upper"
    if way in ("exec", "workload"):
        shell = container.shell if way == "exec" else container.work
        preparation = operations.preparation(family)
        script = operations.script(family, chosen or targets(way))
    else:
        shell = on_host
        root = container.root if way == "procroot" else str(container.upper)
        source = None if way == "procroot" else container.spare
        preparation = operations.preparation(family, root, source)
        script = operations.script(family, chosen or targets(way), root,
                                   str(mutate), source)
    shell(preparation)
    if apart:
        agent.changes(container.name)  # takes longer than a tick
    output = shell(script)
    lines = agent.docker_lines(container.name)
    changes = (_attributed(agent, container.name) if attributed
               else agent.changes(container.name))
    return Batch(way, family, _codes(output), lines, changes,
                 agent.events(container.name))


def on_host(script: str) -> bytes:
    return subprocess.run(
        ["sh", "-c", script], capture_output=True, timeout=patience(60),
        check=True
    ).stdout


def _codes(output: bytes) -> dict[tuple[str, str], int]:
    rows = (line.split() for line in output.decode().splitlines())
    return {(r[0], r[1]): int(r[2]) for r in rows if len(r) == 3
            and r[0] in (IMAGE, NEW)}


def _attributed(agent: Agent, container: str) -> dict[str, dict]:
    """The diff once every change has an actor; else as it is at the deadline."""
    latest: dict[str, dict] = {}

    def settled() -> bool:
        latest.clear()
        latest.update(agent.changes(container))
        return all(a["origin"] != "unattributed"
                   for c in latest.values() for a in c["actors"])

    try:
        wait_for(settled, 2, "all changes attributed")
    except TimeoutError:
        pass  # the cases say which one is not
    return latest
