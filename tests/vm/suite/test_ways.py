# SPDX-License-Identifier: Apache-2.0
"""Known ways to slip past a detector, and what comes of them on this kernel."""

import pathlib
import subprocess
from collections.abc import Callable, Iterator

import pytest
from harness import coverage, ways
from harness import image as images
from harness import operations
from harness.agent import Agent
from harness.bundle import Bundle
from harness.coverage import Results
from harness.environment import latest
from harness.runtimes import runtime
from harness.waiting import wait_for
from harness.ways import CLONE, ELSEWHERE, SILENT

from kernels import Kernel

WAYS = ELSEWHERE | ways.WAYS
# AT_EXECVE_CHECK is of 6.14.
MISSING = {name: {"execve_check"} for name in ("5.10", "6.1", "6.12")}
# Where no event reports what a clone or a seal does straight below overlay, and
# a scan finds it or not: what came of it is recorded.
SILENT_BELOW = {"clone": ("5.10", "6.1"), "seal": ("5.10", "6.1", "6.12")}
BURST = 2000


@pytest.fixture(scope="module")
def place(work: pathlib.Path) -> pathlib.Path:
    directory = work / "ways"
    directory.mkdir()
    return directory


@pytest.fixture(scope="module")
def container(work: pathlib.Path, lower: pathlib.Path,
              agent: Agent) -> Iterator[Bundle]:
    """One for all: each case has files of its own."""
    with Bundle(work, None, lower=lower, runtime=runtime(),
                options=ways.OPTIONS, volumes=ways.VOLUMES) as started:
        yield started


@pytest.mark.parametrize("name", WAYS)
def test_way_is_reported(agent: Agent, container: Bundle, name: str,
                         results: Results) -> None:
    way = WAYS[name]
    outcome = ways.go(agent, container, way)
    assert outcome is not None, "the kernel refused it"
    results.add(way.kinds[:1], outcome, operation=way.operation, way="workload")
    assert outcome == coverage.EVENTS, agent.changes(container.id).get(way.path)


def test_same_ways_without_a_change_are_not_reported(
        agent: Agent, container: Bundle) -> None:
    for name, way in WAYS.items():
        after = latest(agent, container.id)
        assert ways.run(container, way.quiet) == 0, name
        assert ways.reported(agent, container, after) == [], name


@pytest.mark.parametrize("name", SILENT)
def test_way_is_not_reported(agent: Agent, container: Bundle, name: str,
                             kernel: Kernel, results: Results) -> None:
    outcome = ways.keep_silent(agent, container, SILENT[name])
    if name in MISSING.get(kernel.name, ()):
        assert outcome is None, "expected to be refused"
        return
    assert outcome == coverage.NONE, outcome
    results.add((), outcome, operation=SILENT[name].operation, way="workload")


def test_names_that_change_in_a_call(agent: Agent, container: Bundle,
                                     results: Results) -> None:
    outcome = ways.race(agent, container)
    results.add(("file_create",), outcome, operation="create_racing",
                way="workload")
    assert outcome == coverage.EVENTS, outcome


def test_who_enters_is_seen(agent: Agent, container: Bundle,
                            results: Results) -> None:
    path = "/new/entered/sh"
    after = latest(agent, container.id)
    ways.enter(container.pid, "busybox true; /bin/setuid", "-m")
    assert ways.reported(agent, container, after) == []
    ways.enter(container.pid, f"mkdir /new/entered; cp /bin/busybox {path};"
               f" {path} -c true", "-m")
    outcome = ways.said(agent, container, path, "host", ("exec_new",))
    results.add(("exec_new",), outcome, operation="nsenter", way="host")
    assert outcome == coverage.EVENTS, agent.changes(container.id).get(path)


def test_burst_loses_nothing(agent: Agent, bundle: Callable[[], Bundle],
                             results: Results) -> None:
    with bundle() as started:
        started.work(f"mutate burst /new {BURST}")
        paths = {f"/new/b{i:06d}" for i in range(BURST)}
        wait_for(lambda: agent.diff(started.id)["complete"], 30, "scan complete")
        changes = agent.changes(started.id)
        outcomes = {coverage.outcome(changes.get(path), "workload",
                                     ("file_create",)) for path in paths}
        outcome = outcomes.pop() if len(outcomes) == 1 else str(outcomes)
        results.add(("file_create",), outcome, operation="burst", way="workload")
        assert outcome == coverage.EVENTS


def test_replaced_source_of_a_mount(agent: Agent, place: pathlib.Path,
                                    lower: pathlib.Path,
                                    results: Results) -> None:
    source = place / "source"
    source.write_text("old\n")
    with Bundle(place, None, lower=lower, runtime=runtime(),
                volumes={"/etc/group": source}) as started:
        outcome = ways.replace_source(agent, started, source, "/etc/group")
    results.add((), outcome, operation="replace_source", way="host")


def test_clone_is_reported(agent: Agent, place: pathlib.Path, results: Results,
                           mutate: pathlib.Path, kernel: Kernel) -> None:
    tree = images.base_tree(mutate)
    operations.add_to(tree)
    with ways.filesystem(place, "btrfs") as mounted:
        with Bundle(mounted, tree, runtime=runtime()) as started:
            after = latest(agent, started.id)
            assert ways.run(started, CLONE.quiet) == 0
            assert ways.reported(agent, started, after) == []
            outcome = ways.go(agent, started, CLONE)
    results.add((), str(outcome), operation=CLONE.operation,
                way="workload", upper="btrfs")
    assert outcome == coverage.EVENTS or kernel.name in SILENT_BELOW["clone"], outcome


def test_seal(agent: Agent, place: pathlib.Path, lower: pathlib.Path,
              mutate: pathlib.Path, results: Results,
              kernel: Kernel) -> None:
    subprocess.run(["modprobe", "-a", "loop", "quota_v2"], check=True)
    with ways.filesystem(place, "ext4", *ways.SEALS) as mounted:
        with Bundle(mounted, None, lower=lower, runtime=runtime()) as started:
            outcome = ways.seal(agent, started, mutate)
    results.add((), outcome, operation="enable_verity", way="host")
    assert (outcome in (coverage.STATE, coverage.EVENTS)
            or kernel.name in SILENT_BELOW["seal"]), outcome
