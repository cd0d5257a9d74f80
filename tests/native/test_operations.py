# SPDX-License-Identifier: Apache-2.0
"""Every way of changing a file, from every place it can be done from."""

import pathlib
from collections.abc import Iterator

import pytest

from harness import batches as runs
from harness import operations
from harness.agent import Agent
from harness.batches import UNSUPPORTED, WAYS, Batch
from harness.operations import FAMILIES, IMAGE, NEW, Operation
from harness.podman import PRIVILEGES, Container


def _targets(way: str) -> tuple[str, ...]:
    # A file of the image is not in the upper directory.
    return (NEW,) if way == "upper" else (IMAGE, NEW)


@pytest.fixture(scope="module")
def batches() -> dict[tuple[str, str], Batch]:
    return {}


@pytest.fixture
def batch(way: str, family: str, batches: dict[tuple[str, str], Batch],
          agent: Agent, image: str, mutate: pathlib.Path) -> Iterator[Batch]:
    if (way, family) not in batches:
        with Container(image, options=tuple(PRIVILEGES)) as container:
            output = runs.run(container, way, family, mutate, agent,
                              _targets(way))
            lines = agent.docker_lines(container.name)
            batches[way, family] = Batch(
                origin=WAYS[way], outcomes=runs.outcomes(output),
                oracle=container.diff_lines(), lines=lines,
                changes=runs.attributed(agent, container),
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
    if outcome == UNSUPPORTED:
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
