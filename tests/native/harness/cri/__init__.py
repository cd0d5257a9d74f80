# SPDX-License-Identifier: Apache-2.0
"""The kubelet's side of the Container Runtime Interface."""

import json
import pathlib
import shutil
import subprocess

from ..waiting import patience

_SOURCE = pathlib.Path(__file__).resolve().parent
_FILES = ("call.js", "runtime.proto", "package.json", "package-lock.json")


class CriError(Exception):
    """What the runtime answered."""


class CriClient:
    """Calls over one socket, one at a time."""

    def __init__(self, directory: pathlib.Path, socket: pathlib.Path) -> None:
        self._directory = directory
        self._socket = socket
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "CriClient":
        # A copy, so that nothing is installed into the sources.
        self._directory.mkdir()
        for name in _FILES:
            shutil.copy(_SOURCE / name, self._directory)
        installed = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts",
             "--prefer-offline"], cwd=self._directory, capture_output=True,
            text=True, check=False, timeout=patience(300))
        assert installed.returncode == 0, installed.stdout + installed.stderr
        self._process = subprocess.Popen(
            ["node", "call.js", self._socket], cwd=self._directory, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_) -> None:
        if self._process is not None:
            self._process.communicate(timeout=patience(30))

    def call(self, method: str, service: str = "runtime", **request) -> dict:
        assert self._process is not None
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(
            {"service": service, "method": method, "request": request}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise CriError(f"{method}: {answer['error']}")
        return answer["answer"]
