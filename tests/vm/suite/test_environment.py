# SPDX-License-Identifier: Apache-2.0
"""Mounts, memory, libraries, limits and devices: what is not a file of the rootfs."""

from collections.abc import Callable, Iterator

import pytest
from harness import coverage, environment
from harness.agent import Agent
from harness.bundle import Bundle
from harness.cgroups import control_files
from harness.checks import ATTRIBUTION_SECONDS, event, mutations
from harness.coverage import Results
from harness.environment import CASES, LIBRARIES, MEMORY, MOUNTS, Case
from harness.waiting import wait_for

from kernels import Kernel

# mount_setattr(2) is of 5.12.
_MISSING = {"5.10": {"mount_setattr"}}


def _named(reported: bool, *sensors: str) -> list[str]:
    return [name for name, case in CASES.items()
            if case.sensor in sensors and (case.kind is not None) == reported]


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
    assert case.kind is not None
    outcome = environment.run(agent, container, case, origin)
    results.add((case.kind,), outcome, operation=name, way=origin)
    assert outcome == coverage.EVENTS, mutations(agent, container.id)


@pytest.mark.parametrize("name", _named(True, MEMORY, LIBRARIES))
def test_change_is_reported(agent: Agent, container: Bundle, name: str,
                            results: Results) -> None:
    _run(agent, container, name, "workload", results)


@pytest.mark.parametrize("name", _named(True, MOUNTS))
def test_mount_is_reported(agent: Agent, bundle: Callable[[], Bundle], name: str,
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


def test_what_changes_nothing_is_not_reported(
        agent: Agent, bundle: Callable[[], Bundle]) -> None:
    with bundle() as started:
        after = environment.latest(agent, started.id)
        for name in _named(False, MEMORY, LIBRARIES, MOUNTS):
            started.work(CASES[name].script)
            reported = environment.unreported(agent, started.id, after)
            assert reported == [], (name, reported)


def test_limit_is_reported(agent: Agent, bundle: Callable[[], Bundle],
                           results: Results) -> None:
    with bundle() as started:
        agent.ps(started.id)
        files = control_files(started.pid, "pids.max")
        assert files, "no control file of the container's cgroup"
        for value in ("200", "200", "300"):
            for file in files:
                file.write_text(value)
        reported = wait_for(
            lambda: [e for e in agent.events(started.id)
                     if e["kind"] == "limit_change"
                     and e["detail"]["new"] == "300"],
            ATTRIBUTION_SECONDS, "limit_change")
        assert {e["path"] for e in reported} == {"pids.max"}
        # Where the kernel says who wrote, it was this test.
        assert {e["actor"]["origin"] for e in reported} <= {"unattributed",
                                                            "host"}
        row = agent.changes(started.id)["pids.max"]
        assert (row["class"], row["kinds"]) == ("limits", ["limit_change"])
        results.add(("limit_change",), coverage.STATE, way="host")


def test_disk_is_reported(agent: Agent, bundle: Callable[[], Bundle],
                          results: Results) -> None:
    with bundle() as started:
        agent.ps(started.id)
        # Devices that a container has anyway are none of its doing.
        started.work("cat /dev/null; echo >/dev/null")
        # A RAM disk's number: whether there is one does not matter.
        started.work("mutate device_make /new/disk 1 0")
        reported = event(agent, started.id, "device_access")
        assert reported["path"] == "/dev/block/1:0"
        assert reported["actor"]["origin"] == "workload"
        assert [e["path"] for e in mutations(agent, started.id)
                if e["class"] == "kernel"] == ["/dev/block/1:0"]
        results.add(("device_access",), coverage.EVENTS, way="workload")
