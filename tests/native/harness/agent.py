# SPDX-License-Identifier: Apache-2.0
"""The real agent, and its command line as users have it."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from .waiting import patience, wait_for

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
READY_SECONDS = 60


def binary() -> pathlib.Path:
    default = REPOSITORY / "build/ci/stillframe"
    return pathlib.Path(os.environ.get("STILLFRAME_BINARY", default))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command_line(*args: str | bytes, prefix: tuple[str, ...] = (),
                 timeout: float = 60,
                 input: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run(
        [*prefix, binary(), *args], capture_output=True, input=input,
        timeout=patience(timeout), check=False,
    )


class Agent:
    """`stillframe run` in a directory of its own; can be killed and restarted."""

    def __init__(self, directory: pathlib.Path, log: str = "debug",
                 prefix: tuple[str, ...] = ()) -> None:
        """`prefix`: a command that runs another in its own place."""
        self.prefix = prefix
        self.directory = directory
        self.log_level = log
        self.state = directory / "state"
        self.socket = directory / "s.sock"
        self.log = directory / "agent.log"
        self.port = free_port()
        self.process: subprocess.Popen | None = None

    def arguments(self) -> list[str]:
        return [
            "run", "--state-dir", str(self.state), "--socket", str(self.socket),
            "--web.listen-address", f"127.0.0.1:{self.port}",
            "--log.level", self.log_level,
        ]

    def launch(self, *more: str) -> None:
        """Starts it and does not wait for anything."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, binary(), *self.arguments(), *more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def start(self, *more: str) -> "Agent":
        self.launch(*more)
        wait_for(self.ready, READY_SECONDS, f"agent ready; log {self.log}")
        return self

    def ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(
                f"agent ended with {self.process.returncode}:"
                f" {self.log.read_text(errors='replace')[-4000:]}"
            )
        try:
            return self.get("/-/ready") is not None
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=patience(10)) as answer:
            return answer.read().decode()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, deadline: float = 10) -> int:
        """SIGTERM; the exit code. An agent that does not end is killed."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience(deadline))
        finally:
            if self.process.poll() is None:
                self.kill()

    def run(self, *args: str) -> bytes:
        result = command_line(*args, "--socket", str(self.socket))
        assert result.returncode == 0, (args, result.stderr)
        return result.stdout

    def diff(self, container: str) -> dict:
        return json.loads(self.run("diff", container, "-o", "json"))

    def changes(self, container: str) -> dict[str, dict]:
        """The diff by path."""
        return {c["path"]: c for c in self.diff(container)["changes"]}

    def docker_lines(self, container: str) -> set[bytes]:
        return set(self.run("diff", container, "-o", "docker").splitlines())

    def files_sensor(self) -> list[str]:
        """The implementations of the files sensor that are in use."""
        report = json.loads(self.run("doctor", "-o", "json"))
        files = next(s for s in report["sensors"] if s["sensor"] == "files")
        return [t["implementation"] for t in files["tried"] if t["in_use"]]

    def rows(self) -> list[dict]:
        """Of the containers that are there, whether they run or not."""
        rows = json.loads(self.run("ps", "-a", "-o", "json"))["containers"]
        return [row for row in rows if "gone" not in row]

    def named(self, name: str) -> dict | None:
        return next((r for r in self.rows() if r["name"] == name), None)

    def ps(self, container_id: str) -> dict | None:
        return next((r for r in self.rows() if r["id"] == container_id), None)

    def events(self, container: str | None = None) -> list[dict]:
        chosen = ("--container", container) if container else ()
        lines = self.run("events", "-o", "json", *chosen).splitlines()
        return [json.loads(line) for line in lines]

    def metric(self, name: str, /, **labels: str) -> dict[str, float]:
        """Samples of one metric by their label text, where `labels` match."""
        found = {}
        for line in self.get("/metrics").splitlines():
            series, _, value = line.rpartition(" ")
            metric, _, text = series.partition("{")
            wanted = (f'{key}="{value}"' for key, value in labels.items())
            if metric == name and all(w in text for w in wanted):
                found[text.rstrip("}")] = float(value)
        return found

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_) -> None:
        if self.process is not None:
            self.stop()
