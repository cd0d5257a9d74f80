# SPDX-License-Identifier: Apache-2.0
"""What most tests ask of a diff."""

from collections.abc import Callable

from .agent import Agent
from .podman import Container
from .waiting import wait_for

ATTRIBUTION_SECONDS = 2
# For what must come: waiting longer costs nothing unless it does not.
EVENT_SECONDS = 10


def same_diff(agent: Agent, container: Container) -> None:
    lines = agent.docker_lines(container.name)
    assert lines == container.diff_lines()


def origins(change: dict) -> set[str]:
    return {actor["origin"] for actor in change["actors"]}


def recorded(agent: Agent, container: str, path: str, origin: str) -> dict:
    """The change of a path once `origin`, and no other, is said to have made it."""
    seen: dict = {}

    def found() -> bool:
        seen.clear()
        seen.update(agent.changes(container))
        return path in seen and origins(seen[path]) == {origin}

    try:
        wait_for(found, ATTRIBUTION_SECONDS, f"{path} by {origin}")
    except TimeoutError as error:
        raise AssertionError(f"{error}; {path}: {seen.get(path)}") from None
    return seen[path]


def event(agent: Agent, container: str, kind: str) -> dict:
    """The container's first event of a kind."""
    def first() -> dict | None:
        events = agent.events(container)
        return next((e for e in events if e["kind"] == kind), None)

    return wait_for(first, EVENT_SECONDS, f"event {kind}")


def event_of(run: Callable[[], object], agent: Agent, container: str,
             kind: str) -> dict:
    """The container's first event of a kind that `run` must cause.

    Where the kernel did not run a program, since another was preempted in it, it is
    done again: that is counted, and the kernel's matter.
    """
    while True:
        missed = agent.metric("stillframe_events_lost_total", reason="program_busy")
        run()
        try:
            return event(agent, container, kind)
        except TimeoutError:
            if missed == agent.metric("stillframe_events_lost_total",
                                      reason="program_busy"):
                raise


def is_still(agent: Agent, container: Container) -> None:
    row = agent.ps(container.id)
    assert row is not None
    assert row["state"] == "still", agent.diff(container.name)
    assert row["mutated_paths"] == 0


def mutations(agent: Agent, container: str) -> list[dict]:
    """Events about the container that are not of its own coming and going."""
    return [e for e in agent.events(container)
            if e["class"] not in ("lifecycle", "agent")
            and e["verdict"] not in ("runtime", "scratch")]
