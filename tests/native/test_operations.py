# SPDX-License-Identifier: Apache-2.0
"""Every way of changing a file, from every place it can be done from."""

import dataclasses
import pathlib
from collections.abc import Iterator

import pytest

from harness import batches as batching
from harness import coverage, operations
from harness.agent import Agent
from harness.batches import UNSUPPORTED, WAYS, Batch
from harness.coverage import Results
from harness.operations import FAMILIES, Operation
from harness.podman import PRIVILEGES, Container


@dataclasses.dataclass
class Compared:
    """A batch, and what podman says of its container."""

    reported: Batch
    shown_by_runtime: set[bytes]


@pytest.fixture(scope="module")
def batches() -> dict[tuple[str, str], Compared]:
    return {}


@pytest.fixture
def batch(way: str, family: str, batches: dict[tuple[str, str], Compared],
          agent: Agent, image: str, mutate: pathlib.Path) -> Iterator[Compared]:
    if (way, family) not in batches:
        with Container(image, options=tuple(PRIVILEGES)) as container:
            reported = batching.run(container, way, family, mutate, agent)
            batches[way, family] = Compared(reported, container.diff_lines())
    yield batches[way, family]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_docker_lines_are_podmans(batch: Compared) -> None:
    assert batch.reported.lines == batch.shown_by_runtime


def _cases() -> Iterator:
    for way, family, target, operation in batching.cases():
        yield pytest.param(way, family, target, operation,
                           id=batching.name(way, target, operation))


@pytest.mark.parametrize("way,family,target,operation", list(_cases()))
def test_operation_is_recorded(batch: Compared, way: str, family: str,
                               target: str, operation: Operation,
                               results: Results) -> None:
    code = batch.reported.codes[target, operation.case]
    if code == UNSUPPORTED:
        pytest.skip(f"{operation.name}: not on this kernel or filesystem")
    assert code == 0
    expected = operations.expectations(operation, target)
    for suffix, (letter, kinds) in expected.items():
        path = operations.path(family, target, operation) + suffix
        lines = {line for line in batch.shown_by_runtime if line[2:] == path.encode()}
        wanted = {f"{letter} {path}".encode()} if letter else set()
        assert lines == wanted, "the operation did not do what it claims"
        if kinds:
            change = batch.reported.changes.get(path)
            outcome = coverage.outcome(change, batch.reported.origin, kinds)
            results.add(coverage.named(change, kinds), outcome,
                        operation=operation.case, target=target, way=way)
            assert outcome == coverage.EVENTS, change
