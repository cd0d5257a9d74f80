# SPDX-License-Identifier: Apache-2.0
"""Mounts, memory and libraries: what is no file of the rootfs."""

from collections.abc import Callable, Iterator

import pytest
from harness import coverage, surroundings
from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import mutations
from harness.coverage import Results
from harness.surroundings import CASES, LIBRARIES, MEMORY, MOUNTS, Case
from kernels import Kernel

# mount_setattr(2) is of 5.12.
_MISSING = {"5.10": {"mount_setattr"}}


def _named(told: bool, *sensors: str) -> list[str]:
    return [name for name, case in CASES.items()
            if case.sensor in sensors and (case.kind is not None) == told]


@pytest.fixture(scope="module")
def container(bundle: Callable[[], Bundle]) -> Iterator[Bundle]:
    """One for all that leaves the container's mounts as they are."""
    with bundle() as started:
        yield started


@pytest.mark.parametrize("sensor", [MEMORY, LIBRARIES, MOUNTS])
def test_sensor_works_here(sensor: str, sensors: dict[str, str]) -> None:
    assert sensors[sensor] == coverage.EVENTS, sensors


def _run(agent: Agent, container: Bundle, name: str, origin: str,
         results: Results) -> None:
    case: Case = CASES[name]
    after = surroundings.latest(agent, container.id)
    (container.shell if origin == "exec" else container.work)(case.script)
    outcome = surroundings.outcome(agent, container.id, case, origin, after)
    assert case.kind is not None
    results.add((case.kind,), outcome, operation=name, way=origin)
    assert outcome == coverage.EVENTS, mutations(agent, container.id)


@pytest.mark.parametrize("name", _named(True, MEMORY, LIBRARIES))
def test_change_is_told(agent: Agent, container: Bundle, name: str,
                        results: Results) -> None:
    _run(agent, container, name, "workload", results)


@pytest.mark.parametrize("name", _named(True, MOUNTS))
def test_mount_is_told(agent: Agent, bundle: Callable[[], Bundle], name: str,
                       kernel: Kernel, results: Results) -> None:
    if name in _MISSING.get(kernel.name, ()):
        return
    with bundle() as started:
        _run(agent, started, name, "workload", results)


def test_others_are_named(agent: Agent, bundle: Callable[[], Bundle],
                          results: Results) -> None:
    with bundle() as started:
        for name in ("ptrace_attach", "map_memfd", "mount_tmpfs"):
            _run(agent, started, name, "exec", results)


def test_what_changes_nothing_is_not_told(
        agent: Agent, bundle: Callable[[], Bundle]) -> None:
    with bundle() as started:
        after = surroundings.latest(agent, started.id)
        for name in _named(False, MEMORY, LIBRARIES, MOUNTS):
            started.work(CASES[name].script)
            told = surroundings.untold(agent, started.id, after)
            assert told == [], (name, told)
