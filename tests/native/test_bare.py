# SPDX-License-Identifier: Apache-2.0
"""runc and crun by hand, with their states in any directory."""

import pathlib
import shutil
import subprocess

import pytest

from harness.agent import Agent, command_line
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


# The kernel says nothing of either: they are found with the next look at all.
SHORT = ("--scan-interval", "5s")


@pytest.mark.parametrize("agent_first", [True, False])
def test_of_twins_on_one_overlay_one_is_unknown(
        own_agent: Agent, tmp_path: pathlib.Path, tree: Tree,
        agent_first: bool) -> None:
    if agent_first:
        own_agent.start(*SHORT)
    with Bundle(tmp_path, tree) as one, \
            Bundle(tmp_path, None, ("sleep", "1000"),
                   rootfs=one.rootfs) as twin:
        if not agent_first:
            own_agent.start(*SHORT)

        def both() -> list[dict] | None:
            rows = [own_agent.named(c.name) for c in (one, twin)]
            return rows if all(rows) else None

        rows = wait_for(both, 30, "both are listed")
        assert sorted(row["state"] for row in rows) == ["still", "unknown"]
        hidden = next(row for row in rows if row["state"] == "unknown")
        assert "another container's" in _why(own_agent, hidden["id"])


def test_one_with_the_hosts_root_is_unknown(own_agent: Agent,
                                            tmp_path: pathlib.Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["mount", "--bind", "/", root], check=True, timeout=60)
    try:
        with Bundle(tmp_path, None, ("sleep", "1000"),
                    rootfs=root) as container:
            own_agent.start(*SHORT)
            row = wait_for(lambda: own_agent.named(container.name), 30,
                           "it is listed")
            assert (row["state"], row["running"]) == ("unknown", True)
            assert "host's own" in _why(own_agent, row["id"])
    finally:
        subprocess.run(["umount", root], check=True, timeout=60)


def _why(agent: Agent, container: str) -> str:
    result = command_line("diff", container, "--socket", str(agent.socket))
    return (result.stdout + result.stderr).decode()
