# SPDX-License-Identifier: Apache-2.0
"""Events that go on to where others read them."""

import json
import pathlib
from collections.abc import Callable, Iterator

import pytest
from harness.agent import Agent
from harness.journald import Journald, raw
from harness.podman import Container
from harness.waiting import wait_for


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
