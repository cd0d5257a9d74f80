# SPDX-License-Identifier: Apache-2.0
"""What was changed before the agent came up is found anyway."""

import pathlib
from collections.abc import Callable

from harness import coverage
from harness.agent import Agent
from harness.bundle import Bundle
from harness.coverage import Results

EXPECTED = {"/etc/group": "C", "/data/alias": "D", "/new/file": "A"}


def test_older_changes_are_found(bundle: Callable[[], Bundle],
                                 tmp_path: pathlib.Path,
                                 results: Results) -> None:
    with bundle() as container:
        container.shell("echo x >>/etc/group; rm /data/alias; echo n >/new/file")
        with Agent(tmp_path).start() as agent:
            changes = agent.changes(container.id)
    found = {path: changes[path]["change"] for path in EXPECTED
             if path in changes}
    assert found == EXPECTED, changes
    for path in EXPECTED:
        outcome = coverage.outcome(changes[path], "exec", ("unknown_change",))
        results.add(("unknown_change",), outcome, way="before the agent")
        assert outcome == coverage.STATE, changes[path]
