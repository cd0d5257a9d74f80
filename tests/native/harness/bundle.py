# SPDX-License-Identifier: Apache-2.0
"""Bare runc containers: a rootfs and an OCI bundle, no engine."""

import io
import json
import os
import pathlib
import subprocess
import tarfile
import uuid

from .image import Tree
from .podman import exchange

_CAPABILITIES = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD",
    "CAP_NET_ADMIN", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_ADMIN",
    "CAP_DAC_READ_SEARCH", "CAP_LINUX_IMMUTABLE", "CAP_SETFCAP",
]


def _mount(target: str, kind: str, *options: str) -> dict:
    return {"destination": target, "type": kind, "source": kind,
            "options": list(options)}


def _config(control: pathlib.Path, command: list[str]) -> dict:
    sets = ("bounding", "effective", "permitted")
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": command,
            "env": ["PATH=/bin:/usr/bin"], "cwd": "/",
            "capabilities": {name: _CAPABILITIES for name in sets},
            # Raising any limit needs CAP_SYS_RESOURCE.
            "rlimits": [],
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "bare",
        "mounts": [
            # Writable /proc/sys: no readonlyPaths below.
            _mount("/proc", "proc"),
            _mount("/dev", "tmpfs", "nosuid", "mode=755"),
            {"destination": "/ctl", "type": "bind", "source": str(control),
             "options": ["bind", "rw"]},
        ],
        "linux": {
            "namespaces": [
                {"type": kind}
                for kind in ("pid", "network", "ipc", "uts", "mount")
            ],
        },
    }


class Bundle:
    """A container that only runc knows.

    Its rootfs is an overlay, or (`plain`) a directory with the image in it.
    """

    def __init__(self, directory: pathlib.Path, tree: Tree,
                 command: tuple[str, ...] = ("sh", "/bin/worker"),
                 plain: bool = False) -> None:
        self.id = f"sfnat-{uuid.uuid4().hex[:12]}"
        self.directory = directory / self.id
        self.upper = self.directory / "upper"
        self.control = self.directory / "ctl"
        self.rootfs = self.directory / "rootfs"
        if plain:
            self.upper = self.rootfs  # what the host can write to
        self._scripts = 0
        for name in ("lower", "upper", "work", "rootfs", "ctl"):
            (self.directory / name).mkdir(parents=True)
        os.mkfifo(self.control / "in")
        os.mkfifo(self.control / "out")
        with tarfile.open(fileobj=io.BytesIO(tree.bytes())) as archive:
            image = self.rootfs if plain else self.directory / "lower"
            archive.extractall(image, numeric_owner=True)
        config = json.dumps(_config(self.control, list(command)))
        (self.directory / "config.json").write_text(config)
        if not plain:
            self._mount()
        try:
            with open(self.directory / "log", "wb") as log:
                subprocess.run(
                    ["runc", "run", "-d", "--bundle", str(self.directory),
                     self.id],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    check=True, timeout=30,
                )
        except BaseException:
            self.remove()
            raise

    def _mount(self) -> None:
        layers = (f"lowerdir={self.directory}/lower,upperdir={self.upper},"
                  f"workdir={self.directory}/work")
        _run("mount", "-t", "overlay", "overlay", "-o", layers, str(self.rootfs))

    def work(self, script: str) -> bytes:
        self._scripts += 1
        name = f"script-{self._scripts}"
        (self.control / name).write_text(script)
        exchange(self.control / "in", f"{name}\n".encode())
        status = exchange(self.control / "out", None)
        log = (self.control / "log").read_bytes()
        assert status.strip() == b"0", (status, log)
        return log

    def exec(self, *command: str) -> bytes:
        return _run("runc", "exec", self.id, *command)

    def shell(self, script: str) -> bytes:
        return self.exec("sh", "-c", script)

    @property
    def name(self) -> str:
        return self.id

    @property
    def root(self) -> str:
        state = json.loads(_run("runc", "state", self.id))
        return f"/proc/{state['pid']}/root"

    def remove(self) -> None:
        subprocess.run(["runc", "delete", "-f", self.id], check=False,
                       capture_output=True, timeout=30)
        subprocess.run(["umount", str(self.rootfs)], check=False,
                       capture_output=True, timeout=30)

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_) -> None:
        self.remove()


def _run(*command: str) -> bytes:
    result = subprocess.run(command, capture_output=True, timeout=30,
                            check=False)
    assert result.returncode == 0, (command, result.stderr)
    return result.stdout
