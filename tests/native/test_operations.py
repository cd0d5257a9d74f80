# SPDX-License-Identifier: Apache-2.0
"""Every way of changing a file, from every place it can be done from."""

import dataclasses
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from harness import operations
from harness.agent import Agent
from harness.operations import FAMILIES, IMAGE, NEW, Operation
from harness.podman import PRIVILEGES, Container
from harness.waiting import wait_for

_UNSUPPORTED = 3
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


def _targets(way: str) -> tuple[str, ...]:
    # A file of the image is not in the upper directory.
    return (NEW,) if way == "upper" else (IMAGE, NEW)


def _run(container: Container, way: str, family: str,
         mutate: pathlib.Path, agent: Agent) -> bytes:
    targets = _targets(way)
    if way in ("exec", "workload"):
        run = container.shell if way == "exec" else container.work
        run(operations.preparation(family))
        return run(operations.script(family, targets))
    root = container.root if way == "procroot" else container.upper
    source = None if way == "procroot" else "/bin/busybox"
    _on_host(operations.preparation(family, root, source))
    agent.changes(container.name)  # takes longer than a tick of the clock
    return _on_host(
        operations.script(family, targets, root, str(mutate), source)
    )


def _on_host(script: str) -> bytes:
    return subprocess.run(
        ["sh", "-c", script], capture_output=True, timeout=60, check=True
    ).stdout


def _outcomes(output: bytes) -> dict[tuple[str, str], int]:
    rows = (line.split() for line in output.decode().splitlines())
    return {(r[0], r[1]): int(r[2]) for r in rows if len(r) == 3
            and r[0] in (IMAGE, NEW)}


def _attributed(agent: Agent, container: Container) -> dict[str, dict]:
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


@pytest.fixture(scope="module")
def batches() -> dict[tuple[str, str], Batch]:
    return {}


@pytest.fixture
def batch(way: str, family: str, batches: dict[tuple[str, str], Batch],
          agent: Agent, image: str, mutate: pathlib.Path) -> Iterator[Batch]:
    if (way, family) not in batches:
        with Container(image, options=tuple(PRIVILEGES)) as container:
            output = _run(container, way, family, mutate, agent)
            lines = agent.docker_lines(container.name)
            batches[way, family] = Batch(
                origin=WAYS[way], outcomes=_outcomes(output),
                oracle=container.diff_lines(), lines=lines,
                changes=_attributed(agent, container),
            )
    yield batches[way, family]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_docker_lines_are_podmans(batch: Batch) -> None:
    assert batch.lines == batch.oracle


def _cases() -> Iterator:
    for way in WAYS:
        for family, members in FAMILIES.items():
            for operation in members:
                for target in _targets(way):
                    if operations.expectations(operation, target) is None:
                        continue
                    name = f"{way}-{target}-{operation.case}"
                    yield pytest.param(way, family, target, operation, id=name)


@pytest.mark.parametrize("way,family,target,operation", list(_cases()))
def test_operation_is_recorded(batch: Batch, family: str, target: str,
                               operation: Operation) -> None:
    outcome = batch.outcomes[target, operation.case]
    if outcome == _UNSUPPORTED:
        pytest.skip(f"{operation.name}: not on this kernel or filesystem")
    assert outcome == 0
    expected = operations.expectations(operation, target)
    for suffix, (letter, kinds) in expected.items():
        path = operations.path(family, target, operation) + suffix
        lines = {line for line in batch.oracle if line[2:] == path.encode()}
        wanted = {f"{letter} {path}".encode()} if letter else set()
        assert lines == wanted, "the operation did not do what it claims"
        if kinds:
            _check_change(batch, path, kinds)


def _check_change(batch: Batch, path: str, kinds: tuple[str, ...]) -> None:
    assert path in batch.changes
    change = batch.changes[path]
    assert {a["origin"] for a in change["actors"]} == {batch.origin}, change
    assert set(kinds) & set(change["kinds"]), change
