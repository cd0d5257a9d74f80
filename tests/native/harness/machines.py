# SPDX-License-Identifier: Apache-2.0
"""System containers: LXC's by its own tools, systemd-nspawn's without systemd."""

import pathlib
import shutil
import subprocess
import uuid

from .bundle import unpack
from .cgroups import hierarchies
from .image import Tree
from .waiting import patience, wait_for

_INIT = ("/bin/sleep", "10000")
_LXC = pathlib.Path("/var/lib/lxc")


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, check=False,
                            stdin=subprocess.DEVNULL, timeout=patience(60))
    if result.returncode != 0:
        raise AssertionError(f"{command!r}: {result.stdout!r} {result.stderr!r}")
    return result.stdout.decode()


class LxcContainer:
    """Made, started and stopped by LXC; `overlay`: a clone over a directory."""

    def __init__(self, tree: Tree, overlay: bool = False) -> None:
        self.name = f"sfnat-{uuid.uuid4().hex[:12]}"
        self.directory = _LXC / self.name
        rootfs = unpack(tree, self.directory / "rootfs")
        for name in ("dev", "proc", "sys"):
            (rootfs / name).mkdir(exist_ok=True)
        path = f"dir:{rootfs}"
        if overlay:
            (self.directory / "overlay/delta").mkdir(parents=True)
            path = f"overlay:{rootfs}:{self.directory}/overlay/delta"
        (self.directory / "config").write_text(
            "lxc.include = /usr/share/lxc/config/common.conf\n"
            f"lxc.rootfs.path = {path}\n"
            f"lxc.uts.name = {self.name}\n"
            "lxc.net.0.type = empty\n"
            "lxc.apparmor.profile = unconfined\n"
            f"lxc.init.cmd = {' '.join(_INIT)}\n")

    def start(self) -> None:
        _run("lxc-start", "-n", self.name)

    def stop(self) -> None:
        _run("lxc-stop", "-k", "-n", self.name)

    def shell(self, script: str) -> None:
        _run("lxc-attach", "-n", self.name, "--", "/bin/sh", "-c", script)

    def remove(self) -> None:
        subprocess.run(["lxc-stop", "-k", "-n", self.name], check=False,
                       capture_output=True, timeout=patience(60))
        shutil.rmtree(self.directory)


class NspawnMachine:
    """A machine in a cgroup that is named as systemd names those of its units."""

    def __init__(self, directory: pathlib.Path, tree: Tree,
                 *options: str) -> None:
        self.name = f"sfnat-{uuid.uuid4().hex[:12]}"
        self.rootfs = unpack(tree, directory / self.name)
        # nspawn takes a directory for a system only when these are there.
        for name in ("usr/lib", "etc", "dev", "proc", "sys", "run", "tmp"):
            (self.rootfs / name).mkdir(parents=True, exist_ok=True)
        (self.rootfs / "usr/lib/os-release").write_text("ID=test\n")
        self._log = directory / f"{self.name}.log"
        self._options = options
        self._cgroups = [
            place / f"machine.slice/systemd-nspawn@{self.name}.service"
            for place in hierarchies()]
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        joins = ""
        for cgroup in self._cgroups:
            cgroup.mkdir(parents=True, exist_ok=True)
            joins += f"echo $$ 2>/dev/null >{cgroup}/cgroup.procs; "
        command = ["systemd-nspawn", "--register=no", "--keep-unit", "--quiet",
                   "--resolv-conf=off", "--timezone=off", *self._options, "-M",
                   self.name, "-D", str(self.rootfs), *_INIT]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", joins + 'exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._init, 30, f"{self.name} runs; log {self._log}")

    def _init(self) -> int | None:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(self._log.read_text()[-2000:])
        for cgroup in self._cgroups:
            for procs in cgroup.rglob("cgroup.procs"):
                for pid in procs.read_text().split():
                    try:
                        command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                    except OSError:
                        continue
                    if command.split(b"\0")[0] == _INIT[0].encode():
                        return int(pid)
        return None

    def shell(self, script: str) -> None:
        pid = wait_for(self._init, 30, "its init")
        _run("nsenter", "-t", str(pid), "-m", "-p", "-r", "/bin/sh", "-c",
             script)

    def stop(self) -> None:
        pid = self._init()
        if pid is not None:
            _run("kill", "-9", str(pid))
        assert self._process is not None
        self._process.wait(patience(30))
        self._process = None
        self._remove_cgroups()

    def _remove_cgroups(self) -> None:
        """As systemd does when the unit is over."""
        for top in self._cgroups:
            below = sorted(top.glob("**/"), reverse=True) if top.exists() else []
            for cgroup in below:
                wait_for(lambda path=cgroup: _removed(path), 30, f"no {cgroup}")

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.rootfs)


def _removed(cgroup: pathlib.Path) -> bool:
    try:
        cgroup.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
