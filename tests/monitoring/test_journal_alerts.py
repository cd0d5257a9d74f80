# SPDX-License-Identifier: Apache-2.0
"""The alerts about what an agent writes down, fired and resolved."""

import contextlib
import pathlib
import shutil
import subprocess
from collections.abc import Callable

from conftest import Watched
from harness.agent import command_line
from harness.podman import Container
from harness.waiting import wait_for

LONG = "x" * 250


def test_a_journal_that_was_removed(watched: Watched) -> None:
    watched.scraped()
    assert watched.agent.stop() == 0
    shutil.rmtree(watched.agent.state / "journal")
    watched.start()
    found = watched.fires("StillframeJournalSetBack")
    assert found["labels"]["severity"] == "critical"
    watched.lasting.append(found)


def test_a_journald_that_does_not_come(
        watched: Watched, make_image: Callable[[str], str]) -> None:
    with Container(make_image("journald")) as box:
        watched.journald.stop()

        def lost() -> float:
            """Four MiB wait for it: of long paths, that is soon too little."""
            box.work(f"d=$(mktemp -d /new/XXXXXX)/{LONG}/{LONG}/{LONG};"
                     " mkdir -p $d; mutate burst $d 1000")
            return watched.counted("stillframe_journald_lost_total",
                                   reason="queue_full")

        wait_for(lost, 40, "more entries than wait for it")
        found = watched.fires("StillframeJournaldIncomplete")
        watched.journald.start()
        wait_for(lambda: watched.said("journald is there again"), 20,
                 "it gets the latest")
        watched.is_over(found)


def _fill(disk: pathlib.Path) -> None:
    with open(disk / "filler", "ab", buffering=0) as file, \
            contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_journal_on_a_full_disk(
        watched: Watched, make_image: Callable[[str], str]) -> None:
    with Container(make_image("full")) as box:

        def failed() -> float:
            # The oldest of the journal makes room for a while.
            _fill(watched.agent.state)
            box.work("echo >/f$$-$RANDOM")
            return watched.counted("stillframe_journal_write_errors_total")

        wait_for(failed, 30, "an error")
        found = watched.fires("StillframeJournalIncomplete")
        # What the runbook leads to.
        full = subprocess.run(["df", "-h", watched.agent.state], check=True,
                              capture_output=True, text=True)
        assert "100%" in full.stdout
        (watched.agent.state / "filler").unlink()
        box.work("echo >/again")
        watched.is_over(found)
    # As the runbook promises.
    verified = command_line("audit", "verify",
                            str(watched.agent.state / "journal"))
    assert verified.returncode == 0, verified.stdout
