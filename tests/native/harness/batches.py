# SPDX-License-Identifier: Apache-2.0
"""A family of operations, run in one container in one way."""

import dataclasses
import pathlib
import subprocess

from . import operations
from .agent import Agent
from .bundle import Bundle
from .operations import IMAGE, NEW
from .podman import Container
from .waiting import wait_for

UNSUPPORTED = 3
# Who acts, and what the agent must say of where it came from.
WAYS = {
    "exec": "exec",            # podman exec
    "workload": "workload",    # the container's own process
    "procroot": "host",        # the host, through /proc/PID/root
    "upper": "host",           # the host, in the upper directory itself
}


@dataclasses.dataclass
class Batch:
    """One family of operations, all run in one container in one way."""

    origin: str
    outcomes: dict[tuple[str, str], int]
    oracle: set[bytes]
    lines: set[bytes]
    changes: dict[str, dict]


def run(container: Container | Bundle, way: str, family: str,
        mutate: pathlib.Path, agent: Agent,
        targets: tuple[str, ...] = (IMAGE, NEW)) -> bytes:
    if way in ("exec", "workload"):
        enter = container.shell if way == "exec" else container.work
        enter(operations.preparation(family))
        return enter(operations.script(family, targets))
    root = container.root if way == "procroot" else str(container.upper)
    source = None if way == "procroot" else "/bin/busybox"
    on_host(operations.preparation(family, root, source))
    agent.changes(container.name)  # takes longer than a tick of the clock
    return on_host(
        operations.script(family, targets, root, str(mutate), source)
    )


def on_host(script: str) -> bytes:
    return subprocess.run(
        ["sh", "-c", script], capture_output=True, timeout=60, check=True
    ).stdout


def outcomes(output: bytes) -> dict[tuple[str, str], int]:
    rows = (line.split() for line in output.decode().splitlines())
    return {(r[0], r[1]): int(r[2]) for r in rows if len(r) == 3
            and r[0] in (IMAGE, NEW)}


def attributed(agent: Agent, container: Container | Bundle) -> dict[str, dict]:
    """The diff once every change has an actor; else as it is at the deadline."""
    latest: dict[str, dict] = {}

    def settled() -> bool:
        latest.clear()
        latest.update(agent.changes(container.name))
        return all(a["origin"] != "unattributed"
                   for c in latest.values() for a in c["actors"])

    try:
        wait_for(settled, 2, "all changes attributed")
    except TimeoutError:
        pass  # the cases say which one is not
    return latest
