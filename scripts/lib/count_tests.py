# SPDX-License-Identifier: Apache-2.0
"""Sums up JUnit reports: counts, skips that nobody allowed, failed stages.

usage: count_tests.py ALLOWED_SKIPS REPORT_DIRECTORY [FAILED_STAGE…]

ALLOWED_SKIPS has one fnmatch pattern a line, matched against the test's name,
followed by whitespace and the reason. The last line printed is
`N passed, N failed` or `N passed, N failed, N skipped`. A stage that failed
without a failed test, as a build does, counts as one failure.
"""

import fnmatch
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


LONGEST_REASON = 300


def allowed_patterns(path: pathlib.Path) -> list[str]:
    patterns = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, _, reason = line.partition(" ")
        if not reason.strip():
            sys.exit(f"{path}:{number}: a skip needs a reason")
        patterns.append(pattern)
    return patterns


def allows(pattern: str, name: str) -> bool:
    # Brackets are common in test names and mean themselves.
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def reason(case: ElementTree.Element) -> str:
    """Why it failed, on one line, as the report gives it; "" if it passed."""
    for kind in "failure", "error":
        found = case.find(kind)
        if found is not None:
            words = " ".join(found.get("message", "").split())
            return words[:LONGEST_REASON] or kind
    return ""


def main(allowed: pathlib.Path, reports: pathlib.Path,
         broken: list[str]) -> int:
    patterns = allowed_patterns(allowed)
    passed, skipped, failed, refused = 0, 0, [], []
    explained = set()
    for report in sorted(reports.rglob("*.xml")):
        # STAGE.xml, or several: STAGE-PART.xml, for vm one for each machine, and
        # STAGE/PROGRAM.xml.
        label = str(report.relative_to(reports).with_suffix(""))
        stage = re.split("[-/]", label)[0]
        for case in ElementTree.parse(report).iter("testcase"):
            name = f"{label}: {case.get('name')}"
            if why := reason(case):
                failed.append(f"{name}: {why}")
                explained.add(stage)
            elif case.find("skipped") is not None:
                skipped += 1
                if not any(allows(p, case.get("name", ""))
                           for p in patterns):
                    refused.append(name)
            else:
                passed += 1
    failed += [f"stage {stage}" for stage in broken if stage not in explained]
    for name in failed:
        print(f"failed: {name}")
    for name in refused:
        print(f"failed: {name} was skipped, which {allowed} does not allow")
    failures = len(failed) + len(refused)
    skipped -= len(refused)
    tail = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failures} failed{tail}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]),
                  sys.argv[3:]))
