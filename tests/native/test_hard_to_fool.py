# SPDX-License-Identifier: Apache-2.0
"""What comes and goes, is repeated or done by many: nothing false is said of
it, and nothing is missed."""

import contextlib
import os
import pathlib
import secrets
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from harness.agent import Agent
from harness.cgroups import hierarchies
from harness.checks import is_still
from harness.image import BUSYBOX
from harness.podman import RUN_OPTIONS, Container, podman
from harness.waiting import wait_for

SECONDS = 10
FILES = 2000

TRANSIENT = {
    "a temporary directory":
        "d=/tmp/b.$$; mkdir $d; echo >$d/f; rm -rf $d",
    "one in a directory of the image that is copied up for it":
        "d=/var/tmp/b.$$; mkdir $d; echo >$d/f; rm -rf $d",
    "a deep one":
        "mkdir -p /tmp/a/b/c/d; echo >/tmp/a/b/c/d/f; rm -rf /tmp/a",
    "one that moved":
        "mkdir /tmp/a; echo >/tmp/a/f; mv /tmp/a /tmp/b; echo >/tmp/b/g;"
        " rm -rf /tmp/b",
    "two hundred":
        "for i in $(seq 200); do mkdir /tmp/t$i; echo >/tmp/t$i/f; done;"
        " rm -rf /tmp/t*",
    "a tree of two thousand files":
        f"mkdir /tmp/t; mutate burst /tmp/t {FILES}; rm -rf /tmp/t",
}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """An agent whose regular scans never help: events alone do."""
    directory = tmp_path_factory.mktemp("patient")
    policy = directory / "policy.yaml"
    policy.write_text(
        "version: 1\nrules:\n- name: own\n  reason: a test\n"
        "  allow:\n  - {origin: [workload], path: [/opt/**]}\n")
    with Agent(directory / "agent") as agent:
        agent.directory.mkdir()
        agent.start("--scan-interval", "24h", "--policy", str(policy))
        yield agent


def drift_events(agent: Agent, container: Container) -> list[dict]:
    return [event for event in agent.events(container.name)
            if event["class"] in ("content", "metadata")]


@pytest.mark.parametrize("case", TRANSIENT)
def test_scratch_that_came_and_went(patient: Agent, start, case: str) -> None:
    container = start()
    is_still(patient, container)
    container.shell(TRANSIENT[case] + "; echo >/tmp/end")

    def ended() -> bool:
        return any(event["path"] == "/tmp/end"
                   for event in drift_events(patient, container))

    wait_for(ended, SECONDS, "event of the last file")
    wait_for(lambda: patient.diff(container.name)["complete"], SECONDS,
             "scan complete")
    events = drift_events(patient, container)
    false = [(e["kind"], e["path"], e["verdict"]) for e in events
             if not e["path"].startswith("/") or e["verdict"] == "violation"]
    assert not false, (len(false), false[:3])
    assert not patient.diff(container.name)["ever_mutated"]


def test_each_of_a_removed_tree_is_told(patient: Agent, start) -> None:
    container = start()
    container.shell(f"mkdir /tmp/t; mutate burst /tmp/t {FILES}")
    wait_for(lambda: len(patient.changes(container.name)) > FILES, SECONDS,
             "files in the diff")
    container.shell("rm -rf /tmp/t")

    def removed() -> int:
        return sum(event["detail"].get("count", 1)
                   for event in drift_events(patient, container)
                   if event["kind"] == "file_delete"
                   or event["kind"] == "unknown_change")

    wait_for(lambda: removed() >= FILES, SECONDS, "removals reported")
    assert removed() == FILES


@pytest.mark.parametrize("who", ["work", "shell"])
def test_a_change_after_a_folded_one(patient: Agent, start, who: str) -> None:
    container = start()
    getattr(container, who)("mutate rewrite_twice /etc/passwd")

    def mutated() -> bool:
        states = patient.metric("stillframe_container_mutated",
                                container_id=f"podman://{container.id}")
        return set(states.values()) == {1.0}

    wait_for(mutated, 4, "mutated, without a diff")


def test_no_crowd_covers_for_a_session(patient: Agent, start) -> None:
    container = start()
    container.work("mkdir /opt; echo >/opt/log")
    container.shell("echo evil >>/opt/log")
    container.work("for i in $(seq 20); do /bin/sh -c 'echo $i >>/opt/log';"
                   " done")

    def listed() -> bool:
        row = patient.changes(container.name).get("/opt/log")
        return row is not None and row["count"] >= 20

    wait_for(listed, SECONDS, "all writers")
    row = patient.changes(container.name)["/opt/log"]
    assert row["verdict"] == "violation"
    assert "exec" in {actor["origin"] for actor in row["actors"]}
    assert row["actors_left_out"] > 0


def test_what_is_kept_of_a_crowd_outlives_the_agent(own_agent: Agent,
                                                    start) -> None:
    own_agent.start()
    container = start()
    for _ in range(20):
        container.shell("echo x >>/root/log")
    before = own_agent.changes(container.name)["/root/log"]
    assert before["actors_left_out"] == 20 - len(before["actors"])
    own_agent.kill()
    own_agent.start()
    after = own_agent.changes(container.name)["/root/log"]
    assert after["actors_left_out"] == before["actors_left_out"]


@contextlib.contextmanager
def posing(directory: pathlib.Path, container_id: str) -> Iterator[None]:
    """A process with a root of its own, in a cgroup named like a container's."""
    root = directory / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    cgroups = []
    for place in hierarchies():
        cgroup = place / f"elsewhere-{os.getpid()}" / f"libpod-{container_id}"
        cgroup.mkdir(parents=True)
        cgroups.append(cgroup)
    # One that has no processors yet (cpuset) takes nobody in.
    enter = "".join(f"echo $$ >{c}/cgroup.procs; " for c in cgroups)
    process = subprocess.Popen(
        ["sh", "-c", f"{enter}exec unshare --mount --pid --fork --kill-child"
         f" chroot {root} /bin/busybox sleep 1000"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
        for cgroup in cgroups:
            wait_for(lambda place=cgroup: not (place / "cgroup.procs")
                     .read_text(), SECONDS, "cgroup empty")
            cgroup.rmdir()
            cgroup.parent.rmdir()


def all_rows(agent: Agent) -> dict[str, dict]:
    rows = agent.rows()
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.mark.parametrize("agent_first", [True, False])
@pytest.mark.parametrize("whose", ["live", "stopped", "created", "nobody"])
def test_a_cgroups_name_proves_nothing(
        own_agent: Agent, start, image: str, tmp_path: pathlib.Path, whose: str,
        agent_first: bool) -> None:
    if agent_first:
        own_agent.start()
    name = f"sfnat-{secrets.token_hex(6)}"
    if whose == "created":
        container_id = podman("create", "--name", name, *RUN_OPTIONS, image,
                              "sleep", "1000").decode().strip()
    elif whose == "nobody":
        container_id = secrets.token_hex(32)
    else:
        container = start("sleep", "1000", name=name)
        container_id = container.id
        if whose == "stopped":
            podman("stop", "-t", "0", name)
    try:
        with posing(tmp_path / "posing", container_id):
            if not agent_first:
                own_agent.start()
            marker = start()
            wait_for(lambda: marker.id in all_rows(own_agent), SECONDS,
                     "a container that came later")
            if whose == "nobody":
                return
            row = wait_for(lambda: all_rows(own_agent).get(container_id), SECONDS,
                           "the container itself")
            assert (row["name"], row["running"]) == (name, whose == "live")
            podman("start", name)

            def runs() -> bool:
                row = all_rows(own_agent)[container_id]
                return row["running"] and row["state"] == "still"

            wait_for(runs, SECONDS, "the container itself, still")
            podman("exec", name, "sh", "-c", "echo x >>/etc/group")
            assert "/etc/group" in own_agent.changes(name)
    finally:
        podman("rm", "-f", "-t", "0", name, check=False)
