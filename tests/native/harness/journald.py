# SPDX-License-Identifier: Apache-2.0
"""A journald of systemd's beside the machine's own: one of a namespace."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterator

from .waiting import patience, wait_for

PROGRAM = "/usr/lib/systemd/systemd-journald"
OWN = pathlib.Path("/run/systemd/journal")


class Journald:
    """Started without systemd; may be stopped and started again."""

    def __init__(self) -> None:
        self.namespace = f"sfnat{os.getpid()}"
        self.directory = OWN.with_name(f"{OWN.name}.{self.namespace}")
        self.directory.mkdir(parents=True)
        self.made_own = not OWN.exists()
        OWN.mkdir(exist_ok=True)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, self.namespace], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # It makes its socket anew, and then says that it has begun.
        wait_for(lambda: self.entries(_PID=str(self.process.pid)), 20,
                 "journald's start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(patience(20))
            self.process = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """It is there and does nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.stop()
        machine = pathlib.Path("/etc/machine-id").read_text().strip()
        for place in "/run/log/journal", "/var/log/journal":
            shutil.rmtree(f"{place}/{machine}.{self.namespace}",
                          ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(f"/run/log/{self.directory.name}", ignore_errors=True)
        if self.made_own:
            OWN.rmdir()

    def in_its_place(self) -> tuple[str, ...]:
        """Runs what follows where this one is the machine's, as systemd does
        for services with LogNamespace=."""
        return ("unshare", "--mount", "--propagation", "slave", "sh", "-ec",
                f'mount --bind {self.directory} {OWN}; exec "$@"', "sh")

    def entries(self, **fields: str) -> list[dict]:
        wanted = (f"{name}={value}" for name, value in fields.items())
        result = subprocess.run(
            ["journalctl", f"--namespace={self.namespace}", "--all", "-q",
             "-o", "json", *wanted],
            capture_output=True, timeout=patience(20), check=True)
        return [json.loads(line) for line in result.stdout.splitlines()]


def raw(value: str | list[int]) -> bytes:
    """A field's bytes: journalctl has those that are no text as numbers."""
    return bytes(value) if isinstance(value, list) else value.encode()
