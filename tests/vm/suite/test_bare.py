# SPDX-License-Identifier: Apache-2.0
"""A container that only its runtime knows, which writes that down as it runs."""

from collections.abc import Callable

from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import settles
from harness.runtimes import runtime


def test_its_own_files_name_it(agent: Agent,
                               bundle: Callable[[], Bundle]) -> None:
    with bundle() as container:
        row = settles(agent, container.name)
        assert (row["id"], row["runtime"]) == (container.id, runtime())
        assert row["workload"] == container.name
