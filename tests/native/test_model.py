# SPDX-License-Identifier: Apache-2.0
"""Where podman itself gives up, our own model stands."""

import pytest

from harness.agent import Agent
from harness.checks import recorded

CASES = {
    "file became a directory with children": (
        "rm /data/named; mkdir /data/named; echo x >/data/named/child",
        {"/data/named": "C", "/data/named/child": "A"}),
    "directory became a file": (
        "rm -r /data/tree; echo x >/data/tree",
        {"/data/tree": "C"}),
    "symlink became a directory with children": (
        "rm /data/relative; mkdir /data/relative; echo x >/data/relative/child",
        {"/data/relative": "C", "/data/relative/child": "A"}),
}


@pytest.mark.parametrize("case", CASES)
def test_change_of_type(agent: Agent, start, case: str) -> None:
    script, expected = CASES[case]
    container = start()
    container.work(script)
    for path, letter in expected.items():
        change = recorded(agent, container.name, path, "workload")
        assert change["change"] == letter
    assert agent.diff(container.name)["state"] == "mutated"
