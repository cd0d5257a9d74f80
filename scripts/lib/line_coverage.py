# SPDX-License-Identifier: Apache-2.0
"""Prints how many lines of our own ran, for each folder of sources.

usage: line_coverage.py BUILD_DIRECTORY

Reads what programs built with --coverage left behind. A header's line counts
as run if it ran in any program.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = ("agent", "exporters")
# gcov starts once for so many files.
BATCH = 20


def run_gcov(notes: list[pathlib.Path]) -> list[dict]:
    output = subprocess.run(
        ["gcov", "--json-format", "--stdout", *notes], check=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return [json.loads(line) for line in output.splitlines() if line.strip()]


def lines_run(build: pathlib.Path) -> dict[pathlib.Path, dict[int, bool]]:
    """For each source of ours: its lines of code, and whether each ran."""
    # Those of programs that did not run count too: nothing of them ran.
    notes = sorted(build.rglob("*.gcno"))
    batches = [notes[i:i + BATCH] for i in range(0, len(notes), BATCH)]
    ran: dict = collections.defaultdict(dict)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for reports in pool.map(run_gcov, batches):
            for report in reports:
                directory = pathlib.Path(report["current_working_directory"])
                for file in report["files"]:
                    path = (directory / file["file"]).resolve()
                    if not path.is_relative_to(ROOT):
                        continue
                    name = path.relative_to(ROOT)
                    if name.parts[0] not in OURS:
                        continue
                    for line in file["lines"]:
                        number = line["line_number"]
                        ran[name][number] = (ran[name].get(number, False)
                                             or line["count"] > 0)
    return ran


def main(build: pathlib.Path) -> int:
    ran = lines_run(build)
    if not ran:
        print(f"{build} holds nothing that was built with --coverage",
              file=sys.stderr)
        return 1
    folders: dict = collections.defaultdict(lambda: [0, 0])
    for name, lines in ran.items():
        for folder in (str(name.parent), "all"):
            folders[folder][0] += sum(lines.values())
            folders[folder][1] += len(lines)
    for folder, (run, lines) in sorted(folders.items(),
                                       key=lambda row: (row[0] == "all", row)):
        print(f"{folder:<24} {run:>6} of {lines:>6} lines"
              f"  {100 * run / lines:5.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
