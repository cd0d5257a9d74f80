# SPDX-License-Identifier: Apache-2.0
"""Podman containers, and what podman itself says has changed in them."""

import json
import os
import pathlib
import subprocess
import tempfile
import uuid

from .runtimes import runtime
from .waiting import patience

# Root without CAP_SYS_RESOURCE cannot raise limits to podman's defaults.
RUN_OPTIONS = (
    f"--runtime {runtime()} --network none"
    " --ulimit nofile=1024:1024 --ulimit nproc=1024:1024"
).split()
# All that operations need and the default profile withholds, so that what is
# refused is refused by the kernel or the filesystem alone.
PRIVILEGES = (
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    " --cap-add MKNOD --cap-add LINUX_IMMUTABLE --cap-add DAC_READ_SEARCH"
    " --cap-add SETFCAP"
).split()


class Store:
    """A place of its own for images and containers, with another driver."""

    def __init__(self, directory: pathlib.Path, driver: str,
                 mount: str = "", program: str = "") -> None:
        """`program`: mounts in the kernel's stead."""
        self.directory = directory
        self.driver = driver
        self.options = (
            "--root", str(directory / "root"),
            "--runroot", str(directory / "run"), "--storage-driver", driver,
        )
        if mount:
            self.options += "--storage-opt", f"{driver}.mountopt={mount}"
        if program:
            self.options += ("--storage-opt",
                             f"{driver}.mount_program={program}")

    def remove(self) -> None:
        podman("rm", "-fa", "-t", "0", store=self, check=False)
        podman("rmi", "-fa", store=self, check=False)


def podman(*args: str | bytes, check: bool = True, store: Store | None = None,
           **more) -> bytes:
    place = store.options if store else ()
    result = subprocess.run(
        ["podman", *place, *args], capture_output=True, timeout=patience(120),
        check=False, **more
    )
    if check and result.returncode != 0:
        raise AssertionError(
            f"podman {args!r} gave {result.returncode}: {result.stderr!r}"
        )
    return result.stdout


class Container:
    """One podman container. Its volume /ctl is where scripts come in."""

    # A file on the upper directory's filesystem, to copy from.
    spare = "/bin/busybox"

    def __init__(self, image: str, *command: str, options: tuple = (),
                 name: str | None = None, store: Store | None = None) -> None:
        self.store = store
        self.name = name or f"sfnat-{uuid.uuid4().hex[:12]}"
        self.control = pathlib.Path(tempfile.mkdtemp(prefix="sfnat-ctl-"))
        os.mkfifo(self.control / "in")
        os.mkfifo(self.control / "out")
        self._scripts = 0
        try:
            self.id = self.podman(
                "run", "-d", "--name", self.name, *RUN_OPTIONS,
                "-v", f"{self.control}:/ctl", *options, image,
                *(command or ("sh", "/bin/worker")),
            ).decode().strip()
        except BaseException:
            self.remove()
            raise

    def podman(self, *args: str | bytes, **more) -> bytes:
        return podman(*args, store=self.store, **more)

    def remove(self) -> None:
        self.podman("rm", "-f", "-t", "0", self.name, check=False)
        for entry in self.control.glob("*"):
            entry.unlink()
        self.control.rmdir()

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_) -> None:
        self.remove()

    def exec(self, *command: str | bytes, check: bool = True,
             options: tuple = (), **more) -> bytes:
        return self.podman("exec", *options, self.name, *command, check=check,
                           **more)

    def shell(self, script: str | bytes) -> bytes:
        """Runs a script as `podman exec` does: entered from outside."""
        return self.exec("sh", "-c", script)

    def work(self, script: str | bytes) -> bytes:
        """Has the container's own process run a script; its output."""
        self._scripts += 1
        name = f"script-{self._scripts}"
        text = script.encode() if isinstance(script, str) else script
        (self.control / name).write_bytes(text)
        exchange(self.control / "in", f"{name}\n".encode())
        status = exchange(self.control / "out", None)
        log = (self.control / "log").read_bytes()
        if status.strip() != b"0":
            raise AssertionError(f"script ended with {status!r}: {log!r}")
        return log

    def inspect(self) -> dict:
        return json.loads(self.podman("inspect", self.name))[0]

    @property
    def pid(self) -> int:
        return self.inspect()["State"]["Pid"]

    @property
    def root(self) -> str:
        """The container's root as the host reaches it through its process."""
        return f"/proc/{self.pid}/root"

    @property
    def upper(self) -> str:
        """What the host can write to: of a rootfs that is not an overlay, all."""
        if self.store and self.store.driver != "overlay":
            state = pathlib.Path(f"/run/runc/{self.id}/state.json")
            return json.loads(state.read_text())["config"]["rootfs"]
        return self.inspect()["GraphDriver"]["Data"]["UpperDir"]

    def diff_lines(self) -> set[bytes]:
        """What podman says, as raw lines."""
        return set(self.podman("diff", self.name).splitlines())


def exchange(fifo: pathlib.Path, message: bytes | None) -> bytes:
    """Writes to or reads from a fifo; a container that hangs is an error."""
    command = ["cat", str(fifo)] if message is None else ["dd", f"of={fifo}"]
    result = subprocess.run(
        command, input=message, capture_output=True, timeout=patience(60),
        check=True
    )
    return result.stdout
