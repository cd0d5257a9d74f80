# SPDX-License-Identifier: Apache-2.0
"""What one container uses up takes nothing from the others."""

import pathlib
import re
from collections.abc import Iterator

import pytest

from harness.agent import Agent
from harness.checks import origins, recorded
from harness.podman import Container
from harness.waiting import wait_for

SECONDS = 60
HEADER = pathlib.Path(__file__).parents[2] / "bpf/events.h"


def limit(name: str) -> int:
    found = re.search(rf"#define {name}\s+(\d+)", HEADER.read_text())
    assert found, name
    return int(found[1])


@pytest.fixture
def patient(own_agent: Agent) -> Iterator[Agent]:
    """Its regular scans never help."""
    yield own_agent.start("--scan-interval", "24h")


def refused(agent: Agent, reason: str) -> float:
    return sum(agent.metric("stillframe_events_lost_total",
                            reason=reason).values())


def unlisted(agent: Agent) -> float:
    return sum(agent.metric("stillframe_inodes_unlisted_total").values())


def own_cgroup(agent: Agent, container: Container) -> pathlib.Path:
    """In the hierarchy that the agent observes."""
    found = re.search(r"observed at (\S+)", agent.run("doctor").decode())
    assert found
    observed = pathlib.Path(found[1])
    paths = {}
    for line in pathlib.Path(f"/proc/{container.pid}/cgroup").read_text(
            ).splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            paths[name] = path.lstrip("/")
    return observed / (paths.get(observed.name) or paths[""])


def is_served(agent: Agent, other) -> None:
    """Everything that a quiet container and others do to it has its actor."""
    other.shell("echo >/by-session; mutate orphan /by-orphan")
    other.work("echo >/by-workload; mutate mmap_store /etc/passwd")
    (pathlib.Path(other.upper) / "by-host").write_text("x")
    recorded(agent, other.name, "/by-session", "exec")
    recorded(agent, other.name, "/by-orphan", "exec")
    recorded(agent, other.name, "/by-workload", "workload")
    recorded(agent, other.name, "/etc/passwd", "workload")
    recorded(agent, other.name, "/by-host", "host")


def test_processes_without_end(patient: Agent, start) -> None:
    other = start()
    greedy = start(options=("--pids-limit", "-1"))
    count = limit("SF_PROCESSES_MOST") + 100
    greedy.exec("sh", "-c", f"mutate crowd {count} /tmp",
                options=("-d",))

    def all_there() -> bool:
        return "/tmp/orphan" in patient.changes(greedy.name)

    wait_for(all_there, SECONDS, "the last of the crowd")
    wait_for(lambda: refused(patient, "processes_full") >= 100, 5,
             "those that were not followed are counted")
    changes = patient.changes(greedy.name)
    assert origins(changes["/tmp/child"]) == {"exec"}
    assert origins(changes["/tmp/orphan"]) == {"unattributed"}
    is_served(patient, other)
    # Whoever comes into it from outside is known for that.
    greedy.shell("echo >/root/by-session")
    recorded(patient, greedy.name, "/root/by-session", "exec")


def test_files_without_end(patient: Agent, start) -> None:
    other, greedy = start(), start()
    count = limit("SF_INODES_MOST") + 1000
    greedy.work(f"mkdir /many; mutate burst /many {count}")
    wait_for(lambda: unlisted(patient) > 0, SECONDS,
             "more than the container's share")
    assert refused(patient, "inodes_full") == 0
    is_served(patient, other)
    # Nor does it blind the agent to what comes after.
    last = f"/many/b{count - 1:06d}"
    greedy.work(f"echo something >{last}")
    greedy.shell(f"mutate mmap_store {last}")
    (pathlib.Path(greedy.upper) / "by-host").write_text("x")

    def written() -> bool:
        row = patient.changes(greedy.name).get(last)
        return row is not None and "exec" in origins(row)

    wait_for(written, SECONDS, "a store by a mapping")
    recorded(patient, greedy.name, "/by-host", "host")


def test_cgroups_without_end(patient: Agent, start) -> None:
    share = limit("SF_CHILDREN_MOST")
    greedy = [start() for _ in range(limit("SF_CGROUPS_ROOM") // share)]
    made: list[pathlib.Path] = []
    try:
        for container in greedy:
            above = own_cgroup(patient, container)
            for i in range(share):
                made.append(above / f"c{i}")
                made[-1].mkdir()
        other = start()
        is_served(patient, other)
        assert refused(patient, "cgroups_full") == 0
    finally:
        for place in made:
            if place.exists():
                place.rmdir()
