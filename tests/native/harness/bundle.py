# SPDX-License-Identifier: Apache-2.0
"""Containers of a bare runtime: an overlay mount and an OCI bundle, no engine."""

import io
import json
import os
import pathlib
import subprocess
import tarfile
import uuid
from typing import BinaryIO

from .cgroups import V2, only_unified
from .image import Tree
from .podman import exchange
from .waiting import patience, wait_for

_CAPABILITIES = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
    "CAP_KILL", "CAP_LINUX_IMMUTABLE", "CAP_MKNOD", "CAP_NET_ADMIN",
    "CAP_SETFCAP", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_ADMIN",
    "CAP_SYS_CHROOT",
]


def _mount(target: str, kind: str, *options: str) -> dict:
    return {"destination": target, "type": kind, "source": kind,
            "options": list(options)}


def _bind(source: pathlib.Path, target: str) -> dict:
    return {"destination": target, "type": "bind", "source": str(source),
            "options": ["rbind", "rw"]}


def _config(control: pathlib.Path, command: list[str],
            volumes: dict[str, pathlib.Path]) -> dict:
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
            _bind(control, "/ctl"),
            *(_bind(source, target) for target, source in volumes.items()),
        ],
        "linux": {
            "namespaces": [
                {"type": kind}
                for kind in ("pid", "network", "ipc", "uts", "mount")
            ],
        },
    }


def unpack(tree: Tree, directory: pathlib.Path) -> pathlib.Path:
    """A lower directory, which several bundles may share."""
    directory.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(tree.bytes())) as archive:
        archive.extractall(directory, numeric_owner=True)
        for entry in archive:
            for key, value in entry.pax_headers.items():
                if key.startswith("SCHILY.xattr."):
                    os.setxattr(directory / entry.name,
                                key.removeprefix("SCHILY.xattr."),
                                value.encode())
    return directory


class Bundle:
    """A container that only its runtime knows: runc or crun."""

    def __init__(self, directory: pathlib.Path, tree: Tree | None,
                 command: tuple[str, ...] = ("sh", "/bin/worker"),
                 runtime: str = "runc",
                 lower: pathlib.Path | None = None,
                 plain: bool = False, options: str = "",
                 volumes: dict[str, pathlib.Path] | None = None,
                 states: pathlib.Path | None = None,
                 attached: bool = False, data: pathlib.Path | None = None,
                 writable: pathlib.Path | None = None,
                 rootfs: pathlib.Path | None = None) -> None:
        """`plain`: the rootfs is a directory with the image in it.
        `options`: more of the overlay's, each after a comma. `volumes`: what is
        mounted where. `states`: where the runtime keeps its own; None: where it
        does by itself. `attached`: the runtime stays for as long as it runs. `data`: a
        data-only layer. `writable`: where the upper directory lies.
        `rootfs`: another's, or the host's, as it is, and without /ctl."""
        # crun refuses a host with both kinds of hierarchies.
        alone = [] if V2 or runtime != "crun" else only_unified()
        self._command = [*alone, runtime]
        if states is not None:
            self._command += ["--root", str(states)]
        self._attached: subprocess.Popen | None = None
        self.id = f"sfnat-{uuid.uuid4().hex[:12]}"
        self.name = self.id
        self.directory = directory / self.id
        self.upper = (writable or self.directory) / "upper"
        work = (writable or self.directory) / "work"
        self.control = self.directory / "ctl"
        self.rootfs = rootfs or self.directory / "rootfs"
        self._mounted = not (plain or rootfs)
        self._scripts = 0
        places = [self.directory / "ctl"]
        if self._mounted:
            places += self.upper, work, self.rootfs
        for place in places:
            place.mkdir(parents=True)
        if plain:
            assert tree is not None
            self.upper = lower = unpack(tree, self.rootfs)
        os.mkfifo(self.control / "in")
        os.mkfifo(self.control / "out")
        if lower is None and rootfs is None:
            assert tree is not None
            lower = unpack(tree, self.directory / "lower")
        # A file on the upper directory's filesystem, to copy from.
        self.spare = str((lower or self.rootfs) / "bin/busybox")
        contents = _config(self.control, list(command), volumes or {})
        if rootfs is not None:
            contents["root"]["path"] = str(rootfs)
            contents["mounts"] = [mount for mount in contents["mounts"]
                                  if mount["destination"] != "/ctl"]
        (self.directory / "config.json").write_text(json.dumps(contents))
        if self._mounted:
            below = f"{lower}::{data}" if data else str(lower)
            layers = (f"lowerdir={below},upperdir={self.upper},"
                      f"workdir={work}{options}")
            _run("mount", "-t", "overlay", "overlay", "-o", layers,
                 str(self.rootfs))
        try:
            with open(self.directory / "log", "wb") as log:
                self._start(log, attached)
        except subprocess.CalledProcessError as error:
            self.remove()
            raise AssertionError(
                f"{error}: {(self.directory / 'log').read_text()}") from None
        except BaseException:
            self.remove()
            raise

    def _start(self, log: BinaryIO, attached: bool) -> None:
        command = [*self._command, "run", "--bundle", str(self.directory)]
        if attached:
            self._attached = subprocess.Popen(
                [*command, self.id], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
            wait_for(self._runs, 30, f"{self.id} runs")
            return
        subprocess.run([*command, "-d", self.id], stdin=subprocess.DEVNULL,
                       stdout=log, stderr=log, check=True, timeout=patience(30))

    def _runs(self) -> bool:
        assert self._attached is not None and self._attached.poll() is None
        state = subprocess.run([*self._command, "state", self.id],
                               capture_output=True, check=False,
                               timeout=patience(30))
        return (state.returncode == 0
                and json.loads(state.stdout)["status"] == "running")

    @property
    def pid(self) -> int:
        return int(json.loads(_run(*self._command, "state", self.id))["pid"])

    @property
    def root(self) -> str:
        """The container's root as the host reaches it through its process."""
        return f"/proc/{self.pid}/root"

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
        return _run(*self._command, "exec", self.id, *command)

    def shell(self, script: str) -> bytes:
        """Runs a script as somebody who comes in from outside."""
        return self.exec("sh", "-c", script)

    def remove(self) -> None:
        subprocess.run([*self._command, "delete", "-f", self.id], check=False,
                       capture_output=True, timeout=patience(30))
        if self._attached is not None:
            self._attached.wait(patience(30))
        if self._mounted:
            subprocess.run(["umount", str(self.rootfs)], check=False,
                           capture_output=True, timeout=patience(30))

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_) -> None:
        self.remove()


def _run(*command: str) -> bytes:
    result = subprocess.run(command, capture_output=True, timeout=patience(60),
                            check=False)
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout
