# SPDX-License-Identifier: Apache-2.0
"""Every way of changing a file, on this kernel."""

import collections
import pathlib
from collections.abc import Callable, Iterator

import pytest
from harness import batches as batching
from harness import coverage, operations
from harness.agent import Agent
from harness.batches import UNSUPPORTED, WAYS, Batch
from harness.bundle import Bundle
from harness.coverage import Results
from harness.operations import FAMILIES, Operation
from kernels import Kernel

def test_files_are_seen_as_they_change(sensors: dict[str, str]) -> None:
    assert sensors["files"] == coverage.EVENTS, sensors


@pytest.fixture(scope="module")
def batches() -> dict[tuple[str, str], Batch]:
    return {}


@pytest.fixture
def batch(way: str, family: str, batches: dict[tuple[str, str], Batch],
          agent: Agent, bundle: Callable[[], Bundle],
          mutate: pathlib.Path, kernel: Kernel,
          sensors: dict[str, str]) -> Batch:
    if (way, family) not in batches:
        with bundle() as container:
            batches[way, family] = batching.run(
                container, way, family, mutate, agent,
                # An agent without the sensor would be waited for in vain.
                attributed=kernel.outcome(way) == coverage.EVENTS
                and sensors["files"] == coverage.EVENTS)
    return batches[way, family]


def _cases() -> Iterator:
    for way, family, target, operation in batching.cases():
        yield pytest.param(way, family, target, operation,
                           id=batching.name(way, target, operation))


@pytest.mark.parametrize("way,family,target,operation", list(_cases()))
def test_operation_is_recorded(batch: Batch, way: str, family: str, target: str,
                               operation: Operation, kernel: Kernel,
                               results: Results) -> None:
    code = batch.codes[target, operation.case]
    if not kernel.has(operation.name, way):
        assert code == UNSUPPORTED, f"expected to be refused, ended with {code}"
        return
    assert code == 0, f"ended with {code}"
    wrong = []
    expected = operations.expectations(operation, target)
    for suffix, (letter, kinds) in expected.items():
        path = operations.path(family, target, operation) + suffix
        lines = {line for line in batch.lines if line[2:] == path.encode()}
        wanted = {f"{letter} {path}".encode()} if letter else set()
        if lines != wanted:
            wrong.append(f"{lines}, not {wanted}")
        if kinds:
            change = batch.changes.get(path)
            outcome = coverage.outcome(change, batch.origin, kinds)
            results.add(coverage.named(change, kinds), outcome,
                        operation=operation.case, target=target, way=way, upper=kernel.upper)
            if outcome != kernel.outcome(way):
                wrong.append(f"{path}: {outcome}, not {kernel.outcome(way)}:"
                             f" {change}")
    assert not wrong, "\n".join(wrong)


def _expected_paths(family: str, way: str) -> Iterator[str]:
    for target in batching.targets(way):
        for operation in FAMILIES[family]:
            expected = operations.expectations(operation, target) or {}
            for suffix in expected:
                yield operations.path(family, target, operation) + suffix


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_else_changed(batch: Batch, family: str, way: str) -> None:
    expected = set(_expected_paths(family, way))
    parents = {"/data", "/new", *(operations.directory(family, target)
                                  for target in batching.targets(way))}
    others = []
    for path in batch.changes:
        # A directory's contents come and go with it.
        above = {str(parent) for parent in pathlib.PurePath(path).parents}
        if path not in expected | parents and not above & expected:
            others.append(path)
    assert not others, others


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_each_change_is_reported_once(batch: Batch, family: str,
                                      way: str) -> None:
    reported = collections.Counter(
        (event["path"], event["kind"], event["actor"]["pid"])
        for event in batch.events if event["class"] in ("content", "metadata")
        # What nobody was seen doing is what scans have found, each for itself.
        and event["actor"]["origin"] != "unattributed")
    twice = {key: count for key, count in reported.items() if count > 1}
    assert not twice, twice
