# SPDX-License-Identifier: Apache-2.0
"""runc and crun by hand, with their states in any directory."""

import pathlib
import shutil

import pytest

from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import EVENT_SECONDS, recorded, settles
from harness.image import Tree
from harness.waiting import wait_for

RUNTIMES = [pytest.param(name, marks=pytest.mark.skipif(
    shutil.which(name) is None, reason=f"no {name}")) for name in ("runc", "crun")]


def _write_is_seen(agent: Agent, container: Bundle) -> None:
    container.shell("echo x >>/data/f1")
    recorded(agent, container.name, "/data/f1", "exec")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_its_own_files_name_it(own_agent: Agent, tmp_path: pathlib.Path,
                               tree: Tree, runtime: str) -> None:
    own_agent.start()
    with Bundle(tmp_path, tree, runtime=runtime) as container:
        row = settles(own_agent, container.name)
        assert row["id"] == container.id
        assert row["runtime"] == runtime
        _write_is_seen(own_agent, container)


@pytest.mark.parametrize("plain", [False, True], ids=["overlay", "directory"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_command_that_waits_for_it_names_its_files(
        own_agent: Agent, tmp_path: pathlib.Path, tree: Tree, runtime: str,
        plain: bool) -> None:
    with Bundle(tmp_path, tree, runtime=runtime, plain=plain,
                states=tmp_path / "states", attached=True) as container:
        own_agent.start()
        assert settles(own_agent, container.name)["runtime"] == runtime
        _write_is_seen(own_agent, container)


@pytest.mark.parametrize("plain", [False, True], ids=["overlay", "directory"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_its_bundle_names_it_where_no_file_is_found(
        own_agent: Agent, tmp_path: pathlib.Path, tree: Tree, runtime: str,
        plain: bool) -> None:
    with Bundle(tmp_path, tree, runtime=runtime, plain=plain,
                states=tmp_path / "states") as container:
        own_agent.start()
        row = settles(own_agent, container.name)
        assert row["workload"] == container.name
        _write_is_seen(own_agent, container)
        own_agent.stop()
        # Whoever saw it start and whoever comes later call it the same.
        own_agent.start()
        assert own_agent.ps(row["id"])["state"] == "mutated"


def test_a_directory_that_nobody_explains_is_watched(
        own_agent: Agent, tmp_path: pathlib.Path, tree: Tree) -> None:
    with Bundle(tmp_path, tree, plain=True,
                states=tmp_path / "states") as container:
        (container.directory / "config.json").unlink()
        own_agent.start()
        row = wait_for(
            lambda: next((r for r in own_agent.rows()
                          if r["id"].startswith("cgroup-")), None),
            EVENT_SECONDS, "it is listed")
        container.work("echo x >>/data/f1")
        recorded(own_agent, row["id"], "/data/f1", "workload")
