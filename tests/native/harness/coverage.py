# SPDX-License-Identifier: Apache-2.0
"""Results that scripts/coverage makes its table of.

A case has the kinds it is about, the rootfs it was run on and an outcome; the
other fields say where it comes from. Which kernel it was, the file says.
"""

import json
import os
import pathlib
import platform

EVENTS, STATE, NONE = "events", "state", "none"
_TRAMPOLINES = pathlib.Path("/sys/kernel/tracing/available_filter_functions")
DIRECTORY = pathlib.Path(__file__).resolve().parents[3] / "build/reports/coverage"


def kernel() -> str:
    """The name of the table's column.

    tests/vm says which of its kernels this is. Else it is this machine's own:
    the release, and whether it refuses programs at functions.
    """
    given = os.environ.get("STILLFRAME_VM_KERNEL")
    if given:
        return given
    series = ".".join(platform.release().split(".")[:2])
    return series if _TRAMPOLINES.exists() else f"restricted {series}"


def outcome(change: dict | None, origin: str, kinds: tuple[str, ...]) -> str:
    """What a diff's entry makes of an operation by `origin`.

    Not one of the three: what is reported, but reported wrongly.
    """
    if change is None:
        return NONE
    origins = {actor["origin"] for actor in change["actors"]}
    if "unattributed" in origins and origins <= {origin, "unattributed"}:
        return STATE  # some of it was seen, which is not enough to say who
    if origins != {origin}:
        return f"by {', '.join(sorted(origins))}"
    if not set(kinds) & set(change["kinds"]):
        return f"as {', '.join(change['kinds'])}"
    return EVENTS


def named(change: dict | None, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the kinds, any of which would do, that a diff's entry has."""
    seen = tuple(kind for kind in kinds
                 if change is not None and kind in change["kinds"])
    return seen or kinds[:1]


class Results:
    """All cases of one run of tests."""

    def __init__(self, name: str) -> None:
        self._path = DIRECTORY / f"{name}.json"
        self._cases: list[dict] = []

    def add(self, kinds: tuple[str, ...], outcome: str, *,
            rootfs: str = "overlay", **more: str) -> None:
        """`more`: operation, target, way, upper and the like."""
        self._cases.append({"kinds": list(kinds), "rootfs": rootfs,
                            "outcome": outcome, **more})

    def write(self) -> None:
        if not self._cases:
            return
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        run = {"kernel": kernel(), "release": platform.release(),
               "cases": self._cases}
        self._path.write_text(json.dumps(run, indent=1) + "\n")
