# SPDX-License-Identifier: Apache-2.0
"""What most tests ask of a diff."""

from collections.abc import Callable
from typing import TypeVar

from .agent import Agent
from .podman import Container
from .waiting import wait_for

T = TypeVar("T")
_ATTEMPTS = 5
ATTRIBUTION_SECONDS = 2
# For what must come: waiting longer costs nothing unless it does not.
EVENT_SECONDS = 10


def settles(agent: Agent, name: str) -> dict:
    """The container's row once it is known, compared and still."""
    def still() -> dict | None:
        row = agent.named(name)
        return row if row and row["state"] == "still" else None

    return wait_for(still, EVENT_SECONDS, f"{name} is still")


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


def last_state(agent: Agent, container: str) -> dict:
    """What is left of one that was removed, as if it were still there."""
    def gone() -> dict | None:
        diff = agent.diff(container)
        return diff if "gone" in diff else None

    diff = wait_for(gone, EVENT_SECONDS, f"{container} is gone")
    assert diff["complete"]
    assert diff["gone"]["seen"] and diff["gone"]["left_out"] == 0
    assert agent.ps(container) is None
    return diff


def event(agent: Agent, container: str, kind: str) -> dict:
    """The container's first event of a kind."""
    def first() -> dict | None:
        events = agent.events(container)
        return next((e for e in events if e["kind"] == kind), None)

    return wait_for(first, EVENT_SECONDS, f"event {kind}")


def again_if_missed(agent: Agent, attempt: Callable[[], T], nothing: T) -> T:
    """What came of an attempt; of the last of a few where that was nothing and the
    agent says that programs were not run: a kernel that preempts them misses one
    now and then."""
    for _ in range(_ATTEMPTS):
        missed = _missed_runs(agent)
        came = attempt()
        if came != nothing or _missed_runs(agent) == missed:
            break
    return came


def _missed_runs(agent: Agent) -> float:
    return sum(sum(agent.metric("stillframe_events_lost_total",
                                reason=reason).values())
               for reason in ("program_busy", "mmap_busy"))


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
