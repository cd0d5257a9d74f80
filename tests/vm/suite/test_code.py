# SPDX-License-Identifier: Apache-2.0
"""Programs that the image does not hold so, and kernel settings."""

from collections.abc import Callable, Iterator

import pytest
from harness import coverage
from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import ATTRIBUTION_SECONDS, again_if_missed, mutations
from harness.coverage import Results
from harness.programs import CASES, IMAGE_PROGRAMS
from harness.waiting import wait_for


@pytest.fixture(scope="module")
def container(bundle: Callable[[], Bundle]) -> Iterator[Bundle]:
    """One for all cases: each has a kind of its own."""
    with bundle() as started:
        yield started


def _reported(agent: Agent, container: Bundle, kind: str, origin: str) -> str:
    """The outcome, once there is an event of the kind by that origin."""
    def seen() -> bool:
        return any(event["kind"] == kind and event["actor"]["origin"] == origin
                   for event in agent.events(container.id))

    try:
        wait_for(seen, ATTRIBUTION_SECONDS, kind)
    except TimeoutError:
        return coverage.NONE
    return coverage.EVENTS


def test_programs_of_the_image_are_not_reported(
        agent: Agent, bundle: Callable[[], Bundle]) -> None:
    with bundle() as started:
        started.work(IMAGE_PROGRAMS)
        started.shell(IMAGE_PROGRAMS)
        reported = mutations(agent, started.id)
        assert reported == [], reported


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("origin", ["exec", "workload"])
def test_program_is_reported(agent: Agent, container: Bundle, case: str,
                             origin: str, results: Results) -> None:
    script, kind = CASES[case]
    run = container.shell if origin == "exec" else container.work

    def attempt() -> str:
        run(script)
        return _reported(agent, container, kind, origin)

    outcome = again_if_missed(agent, attempt, coverage.NONE)
    results.add((kind,), outcome, operation=case, way=origin)
    assert outcome == coverage.EVENTS, agent.events(container.id)


def test_sysctl_write_is_reported(agent: Agent, container: Bundle,
                                  results: Results) -> None:
    container.work("echo 1 >/proc/sys/net/ipv4/ip_forward")
    outcome = _reported(agent, container, "sysctl_write", "workload")
    results.add(("sysctl_write",), outcome, way="workload")
    assert outcome == coverage.EVENTS, agent.events(container.id)
