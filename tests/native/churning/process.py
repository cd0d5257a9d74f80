# SPDX-License-Identifier: Apache-2.0
"""What the agent's process holds, and what the sanitizers said of it."""

import dataclasses
import os
import pathlib
import re

# Reports go to files of their own: standard error of a client is judged.
_COMMON = "halt_on_error=1:print_stacktrace=1:log_path={log}"
_OPTIONS = {
    # What is freed is held back for a while, which must not pass for growth.
    "ASAN_OPTIONS": _COMMON + ":quarantine_size_mb=8",
    "UBSAN_OPTIONS": _COMMON,
    "TSAN_OPTIONS": _COMMON + ":second_deadlock_stack=1",
}
MORE_DESCRIPTORS = 16
MORE_MEMORY = 1.25
MORE_MEGABYTES = 24


def sanitizer_environment(directory: pathlib.Path) -> dict[str, str]:
    return {name: text.format(log=directory / "sanitizer")
            for name, text in _OPTIONS.items()}


def sanitizer_reports(directory: pathlib.Path) -> list[pathlib.Path]:
    return sorted(directory.glob("sanitizer*"))


@dataclasses.dataclass
class Held:
    descriptors: int
    megabytes: float

    @staticmethod
    def by(pid: int) -> "Held":
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+) kB", status)
        return Held(len(os.listdir(f"/proc/{pid}/fd")),
                    int(resident[1]) / 1024 if resident else 0)

    def within(self, other: "Held", memory: bool) -> bool:
        """No more than `other`, but for what chance adds."""
        if self.descriptors > other.descriptors + MORE_DESCRIPTORS:
            return False
        most = other.megabytes * MORE_MEMORY + MORE_MEGABYTES
        return not memory or self.megabytes <= most

    def __str__(self) -> str:
        return f"{self.descriptors} descriptors, {self.megabytes:.0f} MiB"
