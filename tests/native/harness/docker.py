# SPDX-License-Identifier: Apache-2.0
"""A dockerd of its own, in a directory that no configuration names."""

import os
import pathlib
import subprocess

from .podman import RUN_OPTIONS
from .waiting import patience, wait_for


class Daemon:
    """Needs no network and no running docker; leaves nothing behind."""

    def __init__(self, directory: pathlib.Path, *options: str) -> None:
        self.directory = directory
        self.log = directory / "log"
        self.socket = f"unix://{directory}/s.sock"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                ["dockerd", "--host", self.socket,
                 "--data-root", str(directory / "data"),
                 "--exec-root", str(directory / "exec"),
                 "--pidfile", str(directory / "pid"), "--bridge=none",
                 "--iptables=false", "--ip6tables=false",
                 # Root without CAP_SYS_RESOURCE cannot raise limits.
                 "--default-ulimit", "nofile=1024:1024", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        wait_for(self._answers, 60, f"dockerd answers; log {self.log}")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(self.log.read_text()[-4000:])
        return self._run("info").returncode == 0

    def _run(self, *args: str, buildkit: bool = False,
             **more) -> subprocess.CompletedProcess:
        # The daemon's own: later ones need a plugin for BuildKit.
        program = "/usr/bin/docker" if buildkit else "docker"
        return subprocess.run(
            [program, "--host", self.socket, *args], capture_output=True,
            timeout=patience(120), check=False,
            env={**os.environ, "DOCKER_BUILDKIT": str(int(buildkit))}, **more,
        )

    def docker(self, *args: str, **more) -> str:
        result = self._run(*args, **more)
        if result.returncode != 0:
            raise AssertionError(f"docker {args!r}: {result.stderr!r}")
        return result.stdout.decode().strip()

    def run(self, name: str, image: str, *options: str) -> str:
        """A container that sleeps; its id."""
        return self.docker("run", "-d", "--name", name, *RUN_OPTIONS[2:],
                           *options, image, "sleep", "1000")

    def stop(self) -> None:
        for container in self.docker("ps", "-aq").split():
            self.docker("rm", "-f", container)
        self._process.terminate()
        self._process.wait(patience(30))
