# SPDX-License-Identifier: Apache-2.0
"""Known ways to slip past a detector, and what comes of them here."""

import pathlib
from collections.abc import Iterator

import pytest

from harness import coverage, ways
from harness.agent import Agent
from harness.bundle import Bundle
from harness.coverage import Results
from harness.environment import latest
from harness.image import Tree
from harness.ways import CLONE, SILENT, WAYS


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("ways")


@pytest.fixture(scope="module")
def container(place: pathlib.Path, tree: Tree, agent: Agent) -> Iterator[Bundle]:
    """One for all: each case has files of its own."""
    with Bundle(place, tree, options=ways.OPTIONS,
                volumes=ways.VOLUMES) as started:
        yield started


def _lacks(name: str) -> None:
    pytest.skip(f"{name}: not on this kernel")


@pytest.mark.parametrize("name", WAYS)
def test_way_is_reported(agent: Agent, container: Bundle, name: str,
                         results: Results) -> None:
    way = WAYS[name]
    outcome = ways.go(agent, container, way)
    if outcome is None:
        _lacks(name)
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
                             results: Results) -> None:
    outcome = ways.keep_silent(agent, container, SILENT[name])
    if outcome is None:
        _lacks(name)
    results.add((), outcome, operation=SILENT[name].operation, way="workload")


def test_names_that_change_in_a_call(agent: Agent, container: Bundle,
                                     results: Results) -> None:
    outcome = ways.race(agent, container)
    results.add(("file_create",), outcome, operation="create_racing",
                way="workload")
    assert outcome == coverage.EVENTS, outcome


def test_replaced_source_of_a_mount(agent: Agent, place: pathlib.Path, tree: Tree,
                                    results: Results) -> None:
    source = place / "source"
    source.write_text("old\n")
    with Bundle(place, tree, volumes={"/etc/group": source}) as container:
        outcome = ways.replace_source(agent, container, source, "/etc/group")
    results.add((), outcome, operation="replace_source", way="host")


def test_clone_is_reported(agent: Agent, place: pathlib.Path, tree: Tree,
                           results: Results) -> None:
    with ways.filesystem(place, "btrfs") as mounted:
        with Bundle(mounted, tree) as container:
            after = latest(agent, container.id)
            assert ways.run(container, CLONE.quiet) == 0
            assert ways.reported(agent, container, after) == []
            outcome = ways.go(agent, container, CLONE)
    results.add((), str(outcome), operation=CLONE.operation,
                way="workload", upper="btrfs")
    assert outcome == coverage.EVENTS, outcome


def test_seal(agent: Agent, place: pathlib.Path, tree: Tree,
              mutate: pathlib.Path, results: Results) -> None:
    if not ways.VERITY.exists():
        pytest.skip("fs-verity and quotas: not in this kernel")
    with ways.filesystem(place, "ext4", *ways.SEALS) as mounted:
        with Bundle(mounted, tree) as container:
            outcome = ways.seal(agent, container, mutate)
    results.add((), outcome, operation="enable_verity", way="host")
    assert outcome in (coverage.STATE, coverage.EVENTS), outcome
