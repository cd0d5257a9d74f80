# SPDX-License-Identifier: Apache-2.0
"""The journal: what it has of containers that are gone, over restarts."""

import contextlib
import hashlib
import json
import pathlib
import subprocess
from collections.abc import Callable, Iterator

import pytest
from harness.agent import Agent, binary, command_line
from harness.podman import Container
from harness.waiting import patience, wait_for

NO_HASH = "0" * 64


def journal_of(agent: Agent) -> pathlib.Path:
    return agent.state / "journal"


def lines_of(agent: Agent) -> list[bytes]:
    (segment,) = journal_of(agent).glob("*.jsonl")
    return segment.read_bytes().splitlines()


def check_chain(lines: list[bytes]) -> None:
    prev = NO_HASH
    for number, line in enumerate(lines, 1):
        assert line.startswith(
            b'{"prev":"%s","entry":%d,' % (prev.encode(), number)), line
        json.loads(line)
        prev = hashlib.sha256(line).hexdigest()


def changed_paths(events: list[dict]) -> set[tuple[str, str]]:
    return {(e["kind"], e["path"]) for e in events if e["path"]}


def test_what_happened_is_known_when_container_and_agent_are_gone(
        own_agent: Agent, start: Callable[..., Container]) -> None:
    own_agent.start()
    box = start()
    wait_for(lambda: own_agent.named(box.name), 10, "the container")
    box.exec("sh", "-c", "echo x >/born && chmod 600 /born")
    wanted = {("file_create", "/born")}
    wait_for(lambda: wanted <= changed_paths(own_agent.events(box.id)), 10,
             "the change")
    box.podman("rm", "-f", "-t", "0", box.name)
    wait_for(lambda: "removed" in {e["kind"] for e in own_agent.events(box.id)},
             10, "its end")
    before = own_agent.events(box.id)
    assert own_agent.stop() == 0
    own_agent.start()

    for called in (box.name, box.id, box.id[:12]):
        lines = own_agent.run("events", "--container", called, "--since", "1h",
                              "-o", "json").splitlines()
        after = [json.loads(line) for line in lines]
        assert changed_paths(before) == changed_paths(after)
        kinds = [e["kind"] for e in after]
        assert {"created", "live", "session_started", "removed"} <= set(kinds)
        assert [e["time"] for e in after] == sorted(e["time"] for e in after)
    create = next(e for e in after if e["kind"] == "file_create")
    assert create["actor"]["origin"] == "exec"
    assert create["actor"]["session"]["first_cmd"].startswith("sh -c echo x")

    only = own_agent.run("events", "--container", box.name, "--path", "/bor*",
                         "--kind", "file_create", "-o", "json").splitlines()
    assert [json.loads(line)["path"] for line in only] == ["/born"]
    unknown = command_line("events", "--container", "never-was",
                           "--socket", str(own_agent.socket))
    assert unknown.returncode == 1
    assert b"no container 'never-was'" in unknown.stderr

    check_chain(lines_of(own_agent))


def test_entries_and_head_are_in_the_metrics(own_agent: Agent,
                                             start: Callable[..., Container]) -> None:
    own_agent.start()
    box = start()
    wait_for(lambda: own_agent.named(box.name), 10, "the container")

    def witnessed() -> bool:
        (entries,) = own_agent.metric("stillframe_journal_entries_total").values()
        (head,) = own_agent.metric("stillframe_journal_head").values()
        lines = lines_of(own_agent)
        if len(lines) != entries:
            return False
        return head == int(hashlib.sha256(lines[-1]).hexdigest()[:12], 16)

    wait_for(witnessed, 10, "the last entry in the metrics")


def test_repeats_are_counted(own_agent: Agent,
                             start: Callable[..., Container]) -> None:
    own_agent.start()
    box = start()
    wait_for(lambda: own_agent.named(box.name), 10, "the container")
    box.work("echo >/f")

    def chmods_of(events: list[dict]) -> list[dict]:
        return [e for e in events if e["kind"] == "mode_change"]

    # Each of them changes something, and is an event of its own.
    for mode in range(1, 6):
        box.work(f"chmod 60{mode} /f")
        wait_for(lambda: len(chmods_of(own_agent.events(box.id))) >= mode, 10,
                 "its event")
    box.podman("rm", "-f", "-t", "0", box.name)
    wait_for(lambda: any(b'"kind":"removed"' in line
                         for line in lines_of(own_agent)), 10, "its end")
    assert own_agent.stop() == 0
    entries = [json.loads(line) for line in lines_of(own_agent)]
    chmods = chmods_of(entries)
    repeats = {r["seq"]: r["count"] for e in entries if e["kind"] == "repeats"
               for r in e["detail"]["repeats"]}
    seen = len(chmods) + sum(repeats.get(e["seq"], 0) for e in chmods)
    assert seen == 5
    assert len(chmods) == 1


def test_following_goes_on_over_a_restart(
        own_agent: Agent, start: Callable[..., Container],
        tmp_path: pathlib.Path) -> None:
    own_agent.start()
    out = tmp_path / "out"
    with open(out, "wb") as file:
        follower = subprocess.Popen(
            [binary(), "events", "-f", "-o", "json", "--socket",
             str(own_agent.socket)], stdout=file, stderr=subprocess.PIPE)
    try:
        box = start()
        follow(out, lambda e: e["kind"] == "live", "the start")
        assert own_agent.stop() == 0
        own_agent.start()
        box.exec("touch", "/born")
        follow(out, lambda e: e["path"] == "/born", "the change")
        numbers = [e["seq"] for e in read_events(out)]
        assert len(numbers) == len(set(numbers))
    finally:
        follower.terminate()
        follower.wait(patience(10))


def read_events(out: pathlib.Path) -> list[dict]:
    complete = out.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in complete.splitlines()]


def follow(out: pathlib.Path, wanted: Callable[[dict], bool],
           what: str) -> None:
    wait_for(lambda: any(wanted(e) for e in read_events(out)), 20, what)


def test_an_agent_that_was_killed_leaves_a_good_journal(
        own_agent: Agent, start: Callable[..., Container]) -> None:
    for _ in range(3):
        own_agent.start()
        box = start()
        wait_for(lambda: own_agent.named(box.name), 10, "the container")
        box.exec("touch", "/born")
        own_agent.kill()
    # As a crash of the machine may leave it.
    (segment,) = journal_of(own_agent).glob("*.jsonl")
    with open(segment, "ab") as file:
        file.write(b'{"prev":"0123')
    own_agent.start()
    assert own_agent.stop() == 0
    lines = lines_of(own_agent)
    check_chain(lines)
    assert any(json.loads(line)["kind"] == "journal_repaired" for line in lines)


@pytest.fixture
def small_disk(own_agent: Agent) -> Iterator[pathlib.Path]:
    """What fills the filesystem of the agent's state."""
    own_agent.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "stillframe-test",
                    own_agent.state], check=True)
    yield own_agent.state / "filler"
    own_agent.stop()
    subprocess.run(["umount", own_agent.state], check=True)


def fill(filler: pathlib.Path) -> None:
    with open(filler, "ab", buffering=0) as file, \
            contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_costs_entries_and_nothing_else(
        own_agent: Agent, start: Callable[..., Container],
        small_disk: pathlib.Path) -> None:
    own_agent.start()
    box = start()
    wait_for(lambda: own_agent.named(box.name), 10, "the container")
    fill(small_disk)

    def failed() -> bool:
        # Until what was written before takes up its last block.
        box.work("echo >/f$$-$RANDOM")
        (errors,) = own_agent.metric(
            "stillframe_journal_write_errors_total").values()
        return errors > 0

    wait_for(failed, 30, "an error")
    box.work("echo >/while-full")
    assert "/while-full" in own_agent.changes(box.id)
    assert own_agent.stop() == 0
    # Nor does it keep the agent from starting.
    own_agent.start()
    assert "/while-full" in own_agent.changes(box.id)

    small_disk.unlink()
    box.work("echo >/again")
    wait_for(lambda: any(b'"/again"' in line for line in lines_of(own_agent)),
             20, "an entry")
    verified = command_line("audit", "verify", str(journal_of(own_agent)))
    assert verified.returncode == 0, verified.stdout


def test_a_spoiled_journal_is_set_apart(own_agent: Agent) -> None:
    own_agent.start()
    assert own_agent.stop() == 0
    (segment,) = journal_of(own_agent).glob("*.jsonl")
    segment.write_bytes(bytes(3 << 20))
    own_agent.start()
    assert list(own_agent.state.glob("journal.damaged-*"))
    assert "set apart" in own_agent.log.read_text()
    check_chain(lines_of(own_agent))
