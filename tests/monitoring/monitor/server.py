# SPDX-License-Identifier: Apache-2.0
"""A server on loopback, with a directory of its own, that ends with the test."""

import json
import pathlib
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from harness.agent import free_port
from harness.waiting import wait_for

READY_SECONDS = 30


class Server:
    def __init__(self, directory: pathlib.Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = directory / "log"
        self._process: subprocess.Popen | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.directory,
            )
        wait_for(self._ready, READY_SECONDS, f"ready; log {self._log}")

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(self._log.read_text(errors="replace")[-4000:])
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=10):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path: str, **parameters: str):
        query = urllib.parse.urlencode(parameters)
        url = f"{self.url}{path}?{query}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{url}: {error.read()!r}") from None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
