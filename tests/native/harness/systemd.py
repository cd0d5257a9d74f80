# SPDX-License-Identifier: Apache-2.0
"""A systemd that is the first process of namespaces of its own, on this machine's files
or a copy of them that goes with it: it starts the units it is given and nothing else."""

import pathlib
import subprocess

from .cgroups import UNIFIED
from .runtimes import runtime
from .waiting import patience, wait_for

# What units ask for by default, and what would tidy up the machine's own files: nothing.
_EMPTY = ("sysinit.target", "basic.target", "shutdown.target",
          "network-online.target")
_UNITS = "/run/systemd/system"
# The machine's own: where its runtime says what runs.
_STATES = f"/run/{runtime()}"
# What is mounted for a service, its credentials, has to get out of a namespace: as on a
# machine that runs, mounts are shared at the end, but with nobody outside.
_START = f"""
mount --make-rprivate / && mount -t proc proc /proc &&
{{ umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; }} &&
mkdir -p {_STATES} && exec 9<{_STATES} &&
mount -t tmpfs run /run && mkdir -p {_UNITS} {_STATES} /run/lock &&
mount -c --bind /proc/self/fd/9 {_STATES} && exec 9<&- &&
for unit in {" ".join(_EMPTY)}; do
  printf '[Unit]\\nDefaultDependencies=no\\n' >{_UNITS}/$unit
done &&
printf '[Unit]\\nDefaultDependencies=no\\n' >{_UNITS}/stage.target &&
mount --make-rshared / &&
exec env container=test /lib/systemd/systemd --system --unit=stage.target
"""
# Everything below / is a temporary layer's, and containers have an upper directory of
# their own there, which cannot be on an overlay.
_COPY = f"""
mount --make-rprivate / && mount -t tmpfs -o size=2g copy /mnt &&
mkdir /mnt/upper /mnt/work /mnt/root /mnt/containers &&
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work copy /mnt/root &&
mount -t proc proc /mnt/root/proc && mount --rbind /sys /mnt/root/sys &&
mount --rbind /dev /mnt/root/dev && mkdir -p /mnt/root/var/lib/containers &&
mount --bind /mnt/containers /mnt/root/var/lib/containers &&
cd /mnt/root && pivot_root . mnt && cd / && umount -l /mnt &&
mount -t tmpfs tmp /tmp && ip link set lo up &&
"""


class Systemd:
    """In a cgroup of this name, which is there already, in the unified hierarchy."""

    def __init__(self, cgroup: str, log: pathlib.Path, copy: bool = False) -> None:
        """`copy`: what is written there is in nobody else's files, and its ports
        are its own."""
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", f'echo $$ >{UNIFIED / cgroup}/cgroup.procs && exec "$@"',
                 "sh", "unshare", "--pid", "--mount", "--uts", "--fork",
                 "--kill-child", *(["--net"] if copy else []), "sh", "-c",
                 (_COPY.rstrip() if copy else "") + _START],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_for(self._answers, 30, f"systemd answers; log {log}")
        except BaseException:
            self.stop()
            raise

    def _pid(self) -> int:
        own = self._process.pid
        children = pathlib.Path(f"/proc/{own}/task/{own}/children").read_text()
        return int(children.split()[0]) if children else 0

    def _answers(self) -> bool:
        assert self._process.poll() is None
        pid = self._pid()
        return bool(pid) and self.path("/run/systemd/private").exists()

    def run(self, *command: str, **more) -> bytes:
        """A command there."""
        result = self.attempt(*command, **more)
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        return result.stdout

    def attempt(self, *command: str, **more) -> subprocess.CompletedProcess:
        """One that may fail."""
        return subprocess.run(
            ["nsenter", "-t", str(self._pid()), "-m", "-n", "-p", *command],
            capture_output=True, timeout=patience(120), check=False, **more)

    def path(self, path: str) -> pathlib.Path:
        """A file there, as it is seen from here."""
        return pathlib.Path(f"/proc/{self._pid()}/root", path.lstrip("/"))

    def add_service(self, name: str, text: str) -> None:
        place = self.path(_UNITS)
        (place / name).write_text(text)
        (place / f"{name}.d").mkdir()
        (place / f"{name}.d/own.conf").write_text("[Unit]\nDefaultDependencies=no\n")
        self.run("systemctl", "daemon-reload")

    def __enter__(self) -> "Systemd":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """All that runs there ends with it."""
        self._process.kill()
        self._process.wait(patience(30))
