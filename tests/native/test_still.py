# SPDX-License-Identifier: Apache-2.0
"""What changes nothing must be seen as nothing."""

import pathlib
import subprocess
from concurrent.futures import ThreadPoolExecutor

from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import (
    EVENT_SECONDS,
    is_still,
    mutations,
    recorded,
    same_diff,
    settles,
)
from harness.coverage import STATE, Results
from harness.image import Tree
from harness.podman import Container, podman
from harness.waiting import wait_for

# As many as ten a second are in a minute.
HEALTH_CHECKS = 600
READ_EVERYTHING = "mutate readonly /data /bin/busybox; ls -lR / >/dev/null"


def test_reading_workload_stays_still(agent: Agent, start) -> None:
    container = start()
    container.work(READ_EVERYTHING)
    container.shell(READ_EVERYTHING)
    is_still(agent, container)
    assert mutations(agent, container.name) == []
    same_diff(agent, container)


def test_health_checks_leave_no_record(agent: Agent, tmp_path: pathlib.Path,
                                       tree: Tree) -> None:
    with Bundle(tmp_path, tree) as container:
        settles(agent, container.name)
        ledger = agent.state / "containers" / f"{container.id}.jsonl"
        before = ledger.read_bytes(), agent.events(container.id)

        def check(_: int) -> None:
            container.shell("test -s /etc/group && cat /etc/passwd >/dev/null")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(check, range(HEALTH_CHECKS)))
        found = agent.diff(container.id)
        assert (found["state"], found["changes"], found["updates"]) == (
            "still", [], [])
        assert (ledger.read_bytes(), agent.events(container.id)) == before

        def counted() -> dict[str, float]:
            return agent.metric("stillframe_mutations_total",
                                workload=container.name)

        assert counted() == {}
        # One that writes is one.
        container.shell("cat /etc/passwd >/new/checked")
        recorded(agent, container.id, "/new/checked", "exec")
        wait_for(counted, EVENT_SECONDS, "it is counted")


def test_reader_of_a_stored_mapping_is_not_an_actor(agent: Agent,
                                                    start) -> None:
    container = start()
    holder = subprocess.Popen(
        ["podman", "exec", "-i", container.name, "mutate", "mmap_hold",
         "/data/big"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline().strip() == b"stored"
        container.work("mutate read /data/big; cat /data/big >/dev/null")
        change = recorded(agent, container.name, "/data/big", "exec")
        assert {a["comm"] for a in change["actors"]} == {"mutate"}
    finally:
        holder.stdin.close()
        holder.wait(20)
        holder.stdout.close()
    recorded(agent, container.name, "/data/big", "exec")


def test_untouched_user_container_is_still_after_restart(own_agent: Agent,
                                                         start) -> None:
    own_agent.start()
    container = start("sleep", "1000", options=("--user", "1000"))
    is_still(own_agent, container)
    same_diff(own_agent, container)
    own_agent.stop()
    own_agent.start()
    is_still(own_agent, container)
    same_diff(own_agent, container)


def test_older_containers_are_right(own_agent: Agent, start,
                                    results: Results) -> None:
    mutated: Container = start()
    untouched: Container = start()
    user: Container = start("sleep", "1000", options=("--user", "1000"))
    mutated.shell("echo x >>/etc/group; rm /data/alias; echo n >/new/file")
    own_agent.start()
    for container in (mutated, untouched, user):
        same_diff(own_agent, container)
    is_still(own_agent, untouched)
    is_still(own_agent, user)
    assert own_agent.ps(mutated.id)["state"] == "mutated"
    for path in ("/etc/group", "/data/alias", "/new/file"):
        recorded(own_agent, mutated.name, path, "unattributed")
        results.add(("unknown_change",), STATE, way="before the agent")


def test_ps_tells_still_from_mutated(agent: Agent, start) -> None:
    still: Container = start()
    mutated: Container = start()
    mutated.shell("echo x >>/etc/group")
    recorded(agent, mutated.name, "/etc/group", "exec")
    is_still(agent, still)
    row = agent.ps(mutated.id)
    assert (row["state"], row["running"], row["mutated_paths"] >= 1,
            row["last_actor"]["origin"]) == ("mutated", True, True, "exec")
    table = agent.run("ps").decode()
    for container, state in ((still, "still"), (mutated, "mutated")):
        lines = [row for row in table.splitlines() if container.name in row]
        assert len(lines) == 1 and state in lines[0].split()


def test_removed_container_leaves_ps(agent: Agent, image: str) -> None:
    with Container(image) as container:
        assert agent.ps(container.id)["running"]
        podman("rm", "-f", "-t", "0", container.name)
        row = agent.ps(container.id)
        assert row is None or not row["running"]
