# SPDX-License-Identifier: Apache-2.0
"""What a real Prometheus scraped of a journal is held against it."""

import json
import pathlib
import shutil

from conftest import Fleet
from harness.agent import command_line
from harness.waiting import wait_for


def verify(journal: pathlib.Path, fleet: Fleet) -> tuple[int, dict]:
    result = command_line(
        "audit", "verify", str(journal), "-o", "json", "--prometheus",
        f"http://127.0.0.1:{fleet.prometheus.port}")
    assert result.returncode in (0, 1), result.stderr
    return result.returncode, json.loads(result.stdout)


def test_a_journal_whose_end_was_cut_off_is_found(fleet: Fleet,
                                                  tmp_path) -> None:
    journal = fleet.agent.state / "journal"

    def scraped() -> bool:
        (entries,) = fleet.agent.metric(
            "stillframe_journal_entries_total").values()
        seen = fleet.prometheus.query("stillframe_journal_entries_total")
        return entries > 5 and [float(s["value"][1]) for s in seen] == [entries]

    wait_for(scraped, 30, "a scrape of the last entry")
    code, good = verify(journal, fleet)
    assert code == 0, good
    assert good["witness"]["agreed"] > 0

    # Cut off, and the checkpoint with it: the files alone are sound.
    cut = tmp_path / "cut"
    shutil.copytree(journal, cut)
    (segment,) = cut.glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-2]))
    (cut / "checkpoint").unlink()
    code, found = verify(cut, fleet)
    assert code == 1
    assert "witness" in {fault["kind"] for fault in found["faults"]}, found
