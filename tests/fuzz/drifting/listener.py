# SPDX-License-Identifier: Apache-2.0
"""All events of one container: what the agent keeps of them, others can use up."""

import json
import pathlib
import subprocess
import threading

from harness.agent import binary

_KEPT = "10m"  # no container is in use for so long


class Listener:
    """For as long as the agent lives, and again when there is another."""

    def __init__(self, socket: pathlib.Path, container: str) -> None:
        self._command = [str(binary()), "events", "--socket", str(socket),
                         "--follow", "--since", _KEPT, "--output", "json",
                         "--container", container]
        self._lines: list[bytes] = []
        self._process: subprocess.Popen | None = None
        self._reader: threading.Thread | None = None

    def events(self) -> list[dict]:
        """Of those that went out a moment ago the last may be missing."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._listen()
        return [json.loads(line) for line in list(self._lines)]

    def close(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        self._reader.join()
        self._process.wait()
        self._process = None

    def _listen(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL)
        self._reader = threading.Thread(target=self._read,
                                        args=(self._process.stdout,))
        self._reader.start()

    def _read(self, lines) -> None:
        known = set(self._lines)  # another listener gets what is kept again
        with lines:
            for line in lines:
                if line not in known:
                    self._lines.append(line)
