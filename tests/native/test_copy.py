# SPDX-License-Identifier: Apache-2.0
"""`podman cp`: the host writes, and no process of the container takes part."""

import pathlib

import pytest

from harness.agent import Agent
from harness.checks import is_still, mutations, recorded, same_diff
from harness.coverage import EVENTS, Results
from harness.podman import podman

CASES = {
    "new file": ("file", "/new/copied", "/new/copied", "file_create"),
    "over an image file": ("file", "/etc/group", "/etc/group", "file_write"),
    "into a directory": ("file", "/data/tree", "/data/tree/file",
                         "file_create"),
    "new directory": ("directory", "/new/copied", "/new/copied/inner",
                      "file_create"),
}


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "file").write_text("copied\n")
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory/inner").write_text("copied\n")
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_copy_is_the_hosts(agent: Agent, start, sources: pathlib.Path,
                           case: str, results: Results) -> None:
    source, target, path, kind = CASES[case]
    container = start()
    podman("cp", str(sources / source), f"{container.name}:{target}")
    same_diff(agent, container)
    change = recorded(agent, container.name, path, "host")
    assert {a["tool"] for a in change["actors"]} == {"cp"}
    assert kind in change["kinds"] or "file_rename" in change["kinds"], change
    results.add((kind,), EVENTS, operation="podman_cp", way="host")


def test_copy_out_changes_nothing(agent: Agent, start,
                                  tmp_path: pathlib.Path) -> None:
    container = start()
    podman("cp", f"{container.name}:/etc/group", str(tmp_path / "group"))
    is_still(agent, container)
    assert mutations(agent, container.name) == []
