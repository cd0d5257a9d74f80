# SPDX-License-Identifier: Apache-2.0
"""Containers and the agent itself stop, start and die; the ledger goes on."""

import os
import pathlib
import re
import signal
import subprocess

from harness.agent import Agent
from harness.checks import recorded, same_diff
from harness.podman import Container, podman
from harness.waiting import wait_for


def test_first_write_of_the_entrypoint_has_its_actor(agent: Agent,
                                                     start) -> None:
    container = start("sh", "-c", "echo x >>/etc/passwd; exec sleep 1000")
    change = recorded(agent, container.name, "/etc/passwd", "workload")
    assert "file_write" in change["kinds"]
    same_diff(agent, container)


def test_kill_keeps_state_and_actors(own_agent: Agent, start) -> None:
    own_agent.start()
    container = start()
    container.shell("echo x >>/etc/group")
    container.work("rm /data/alias")
    recorded(own_agent, container.name, "/etc/group", "exec")
    recorded(own_agent, container.name, "/data/alias", "workload")
    before = max(e["seq"] for e in own_agent.events())
    own_agent.kill()
    container.shell("echo x >/new/while-dead")
    own_agent.start()
    recorded(own_agent, container.name, "/etc/group", "exec")
    recorded(own_agent, container.name, "/data/alias", "workload")
    recorded(own_agent, container.name, "/new/while-dead", "unattributed")
    same_diff(own_agent, container)
    container.shell("echo x >/new/after")
    recorded(own_agent, container.name, "/new/after", "exec")
    assert max(e["seq"] for e in own_agent.events()) > before


def _in_use_warnings() -> int:
    log = subprocess.run(["dmesg"], capture_output=True, check=True).stdout
    return log.count(b"is in-use as upperdir")


def _mounts_of(upper: str, pid: str) -> list[str]:
    text = pathlib.Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
    return [line for line in text.splitlines() if upper in line]


def _open_below(pid: int, directory: str) -> list[str]:
    found = []
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue  # closed since it was listed
        if target.startswith(directory):
            found.append(target)
    return found


def test_stop_and_start_while_watched(agent: Agent, start) -> None:
    container: Container = start()
    container.shell("echo x >>/etc/group")
    recorded(agent, container.name, "/etc/group", "exec")
    merged = container.inspect()["GraphDriver"]["Data"]["MergedDir"]
    warnings = _in_use_warnings()

    podman("stop", "-t", "0", container.name)
    wait_for(lambda: not agent.ps(container.id)["running"], 5, "stopped")
    same_diff(agent, container)
    for pid in ("self", str(agent.process.pid)):
        assert _mounts_of(container.upper, pid) == []
    assert _open_below(agent.process.pid, merged) == []

    podman("start", container.name)
    wait_for(lambda: agent.ps(container.id)["running"], 5, "started")
    container.work("echo x >/new/again")
    recorded(agent, container.name, "/etc/group", "exec")
    recorded(agent, container.name, "/new/again", "workload")
    same_diff(agent, container)
    assert _in_use_warnings() == warnings


def test_copy_into_a_stopped_container_survives_its_start(
        agent: Agent, start, tmp_path: pathlib.Path) -> None:
    container = start()
    podman("stop", "-t", "0", container.name)
    (tmp_path / "file").write_text("copied\n")
    podman("cp", str(tmp_path / "file"), f"{container.name}:/new/copied")
    podman("start", container.name)
    same_diff(agent, container)
    change = agent.changes(container.name)["/new/copied"]
    assert {a["origin"] for a in change["actors"]} <= {"host", "unattributed"}
    assert change["verdict"] == "violation"


def test_no_thread_takes_signals_from_the_loop(own_agent: Agent) -> None:
    """One that does not block them would end the agent by their default."""
    own_agent.start()
    tasks = pathlib.Path(f"/proc/{own_agent.process.pid}/task")
    for task in tasks.iterdir():
        blocked = re.search(r"SigBlk:\s*([0-9a-f]+)",
                            (task / "status").read_text())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            assert int(blocked[1], 16) >> number - 1 & 1, (task, number)


def test_sigterm_ends_quickly(own_agent: Agent) -> None:
    own_agent.start()
    assert own_agent.stop(deadline=3) == 0
    assert not own_agent.socket.exists()


def test_orphan_of_an_exec_stays_of_the_exec(agent: Agent, start) -> None:
    container = start()
    container.exec("mutate", "orphan", "/new/orphan")
    recorded(agent, container.name, "/new/orphan", "exec")
    container.work("mutate orphan /new/own")
    recorded(agent, container.name, "/new/own", "workload")


def test_what_is_made_again_is_reported_again(agent: Agent, start) -> None:
    container = start()
    # One shell makes them all; the filesystem gives each the same inode number.
    container.shell("for i in 1 2 3; do echo x >/new/again;"
                    " mutate unlink /new/again; done")
    agent.ps(container.id)
    reported = [e for e in agent.events(container.name)
                if e.get("path") == "/new/again"]
    kinds = [e["kind"] for e in reported]
    assert (kinds.count("file_create"), kinds.count("file_delete")) == (3, 3)
    assert {e["actor"]["origin"] for e in reported} == {"exec"}


def test_a_session_starts_and_ends_once(agent: Agent, start) -> None:
    container = start()
    container.shell("echo x >/new/file; rm /data/alias; rm /new/file")
    agent.ps(container.id)  # a scan, which may find more of what it did
    kinds = [e["kind"] for e in agent.events(container.name)]
    assert (kinds.count("session_started"), kinds.count("session_ended")) == (1, 1)
