# SPDX-License-Identifier: Apache-2.0
"""Events that go on to where others read them."""

import json
import pathlib
import re
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from harness.agent import REPOSITORY, Agent
from harness.journald import Journald, raw
from harness.podman import Container
from harness.waiting import patience, wait_for


@pytest.fixture
def journald() -> Iterator[Journald]:
    one = Journald()
    try:
        yield one
    finally:
        one.remove()


@pytest.fixture
def beside(journald: Journald, tmp_path: pathlib.Path) -> Iterator[Agent]:
    """An agent not yet started, whose machine has that journald."""
    directory = tmp_path / "agent"
    directory.mkdir()
    with Agent(directory, prefix=journald.in_its_place()) as agent:
        yield agent


def of_kind(journald: Journald, kind: str, container: Container) -> list[dict]:
    return journald.entries(SYSLOG_IDENTIFIER="stillframe",
                            STILLFRAME_KIND=kind,
                            STILLFRAME_CONTAINER_ID=container.id)


def test_journald_has_each_event_with_its_fields(
        journald: Journald, beside: Agent,
        start: Callable[..., Container]) -> None:
    journald.start()
    beside.start("--events.journald")
    box = start()
    wait_for(lambda: beside.named(box.name), 10, "the container")
    path = b"/a\nSTILLFRAME_VERDICT=allowed\nPRIORITY=7\n\xff"
    # Podman passes on no argument that is not UTF-8.
    box.shell("touch \"$(printf '/a\\nSTILLFRAME_VERDICT=allowed\\n"
              "PRIORITY=7\\n\\377')\"")

    (entry,) = wait_for(lambda: of_kind(journald, "file_create", box), 10,
                        "the entry")
    (event,) = (e for e in beside.events(box.id) if e["kind"] == "file_create")
    assert raw(entry["STILLFRAME_PATH"]) == path
    assert json.loads(entry["STILLFRAME_EVENT"]) == event
    assert entry["STILLFRAME_SEQ"] == str(event["seq"])
    assert entry["STILLFRAME_CONTAINER_NAME"] == box.name
    assert entry["STILLFRAME_CLASS"] == "content"
    assert entry["STILLFRAME_VERDICT"] == "violation"
    assert entry["STILLFRAME_ORIGIN"] == "exec"
    assert entry["PRIORITY"] == "4"
    assert box.name in entry["MESSAGE"]
    assert "file_create" in entry["MESSAGE"]
    # By the kernel's word, not the sender's.
    assert entry["_PID"] == str(beside.process.pid)
    assert entry["_TRANSPORT"] == "journal"

    assert beside.stop() == 0
    assert journald.entries(STILLFRAME_KIND="stopped")
    numbers = [int(e["STILLFRAME_SEQ"])
               for e in journald.entries(SYSLOG_IDENTIFIER="stillframe")]
    assert numbers == sorted(set(numbers))


def test_journald_gets_what_happened_while_it_was_away(
        journald: Journald, beside: Agent,
        start: Callable[..., Container]) -> None:
    beside.start("--events.journald")
    box = start()
    wait_for(lambda: beside.named(box.name), 10, "the container")

    for path in "/never-there", "/stopped-since":
        box.exec("touch", path)
        wait_for(lambda: any(e["path"] == path for e in beside.events(box.id)),
                 10, "the event")
        journald.start()
        wait_for(lambda: journald.entries(STILLFRAME_PATH=path), 10,
                 "the entry")
        journald.stop()

    def said(what: str) -> int:
        return beside.log.read_text(errors="replace").count(what)

    assert said("journald is not there") == 2
    lost = beside.metric("stillframe_journald_lost_total")
    assert len(lost) == 2
    assert set(lost.values()) == {0}
    (sent,) = beside.metric("stillframe_journald_events_total").values()
    assert sent == len(journald.entries(SYSLOG_IDENTIFIER="stillframe"))


def test_a_journald_that_does_not_read_holds_nothing_up(
        journald: Journald, beside: Agent,
        start: Callable[..., Container]) -> None:
    journald.start()
    beside.start("--events.journald")
    box = start()
    wait_for(lambda: beside.named(box.name), 10, "the container")

    def sent() -> float:
        (count,) = beside.metric("stillframe_journald_events_total").values()
        return count

    with journald.paused():
        # Some hundred entries are as much as the kernel keeps for it.
        box.work("for i in $(seq 1000); do >/new/$i; done; >/last")
        wait_for(lambda: any(e["path"] == "/last"
                             for e in beside.events(box.id)), 30, "the events")
        assert beside.diff(box.name)["state"] == "mutated"
        assert sent() < 1000
        assert beside.stop() == 0


class Collector(socketserver.ThreadingTCPServer):
    """Where syslog is sent: each message with its length before it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Connection)
        self.lines: list[bytes] = []

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while size := self.length():
                message = self.rfile.read(size)
                # Version, time, host, application, process, id, data.
                self.server.lines.append(message.split(b" ", 7)[7])

        def length(self) -> int:
            digits = b""
            while (byte := self.rfile.read(1)) not in (b" ", b""):
                digits += byte
            return int(digits or 0)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Rsyslog:
    """rsyslogd with the configuration of docs/shipping.md."""

    def __init__(self, directory: pathlib.Path, journal: pathlib.Path,
                 port: int) -> None:
        page = (REPOSITORY / "docs/shipping.md").read_text()
        (text,) = re.findall(r"```\n(global\(max.*?)```", page, re.DOTALL)
        for ours, documented in ((f"{journal}/", "/var/lib/stillframe/journal/"),
                                 ("127.0.0.1", "logs.example"),
                                 (f'port="{port}"', 'port="514"')):
            assert documented in text
            text = text.replace(documented, ours)
        directory.mkdir()
        self.pid_file = directory / "pid"
        self.config = directory / "rsyslog.conf"
        self.config.write_text(f'global(workDirectory="{directory}")\n{text}')
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", self.config, "-i", self.pid_file],
            stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(patience(20))
            self.process = None

    def __enter__(self) -> "Rsyslog":
        return self

    def __exit__(self, *_) -> None:
        self.stop()


def test_rsyslog_ships_each_line_once_over_closed_files_and_restarts(
        own_agent: Agent, start: Callable[..., Container],
        collector: Collector, tmp_path: pathlib.Path) -> None:
    own_agent.start("--journal.segment-size", "64KiB")
    journal = own_agent.state / "journal"
    box = start()
    wait_for(lambda: own_agent.named(box.name), 10, "the container")

    def files() -> list[pathlib.Path]:
        return sorted(journal.glob("*.jsonl"))

    def written() -> list[bytes]:
        return [line for path in files()
                for line in path.read_bytes().splitlines()]

    def number(line: bytes) -> int:
        return json.loads(line)["entry"]

    def change(name: str) -> None:
        """Some hundred entries, the last of another name."""
        box.work(f"for i in $(seq 200); do >/{name}-$i; done; >/{name}-last")
        wait_for(lambda: any(f'"/{name}-last"'.encode() in line
                             for line in written()), 30, "the entries")

    def all_shipped() -> bool:
        return len(collector.lines) >= len(written())

    with Rsyslog(tmp_path / "rsyslog", journal,
                 collector.server_address[1]) as rsyslog:
        change("before")  # there is something already when it starts
        rsyslog.start()
        change("meanwhile")
        # Longer than what rsyslog takes by default.
        box.work("d=/$(seq -s '' 1 80 | tr 0-9 '\\001');"
                 " mkdir -p $d$d$d$d$d$d$d$d$d$d$d$d$d$d")
        wait_for(lambda: max(map(len, written())) > 8192, 10, "its entry")
        wait_for(all_shipped, 30, "all lines")
        rsyslog.stop()
        # A file that it had begun to read is closed, and one that it never saw.
        before = len(files())
        for part in range(3):
            change(f"away-{part}")
        assert len(files()) > before + 1
        rsyslog.start()
        change("back")
        # Of several files that it finds at once, any may come first.
        wait_for(lambda: sorted(collector.lines, key=number) == written(), 30,
                 "each line, once")
