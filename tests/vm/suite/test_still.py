# SPDX-License-Identifier: Apache-2.0
"""What changes nothing is seen as nothing."""

from collections.abc import Callable

from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import mutations

READ_EVERYTHING = "mutate readonly /data /bin/busybox; ls -lR / >/dev/null"


def test_reading_changes_nothing(agent: Agent,
                                 bundle: Callable[[], Bundle]) -> None:
    with bundle() as container:
        container.work(READ_EVERYTHING)
        container.shell(READ_EVERYTHING)
        row = agent.ps(container.id)
        assert row is not None, "the container is not known"
        assert row["state"] == "still", agent.diff(container.id)
        assert row["mutated_paths"] == 0, row
        assert agent.changes(container.id) == {}, agent.diff(container.id)
        reported = mutations(agent, container.id)
        assert reported == [], reported
