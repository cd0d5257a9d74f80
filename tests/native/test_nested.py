# SPDX-License-Identifier: Apache-2.0
"""A container within a container: it has a runtime of its own, in there."""

import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from harness import image as images
from harness.agent import Agent
from harness.bundle import unpack
from harness.checks import EVENT_SECONDS
from harness.image import Tree
from harness.podman import Container
from harness.waiting import wait_for

INNER = "sfnat-inner"
# Its overlay is on a volume, as inner runtimes' are: an overlay takes no upper
# directory on an overlay. The cgroup is beside the outer one's where there is a
# unified hierarchy next to the others, and below it elsewhere.
START = f"""
mount -t overlay overlay -o lowerdir=/vol/lower,upperdir=/vol/up,workdir=/vol/work /vol/merged
cd /vol/bundle
runc spec
sed -i 's|"rootfs"|"/vol/merged"|; s|"terminal": true|"terminal": false|
        s|"readonly": true|"readonly": false|; s|"sh"|"sleep","1000"|' config.json
# Raising a limit takes a right that the outer one may lack.
sed -i '/"rlimits"/,/]/d' config.json
runc --root /run/inner run --detach --no-pivot {INNER} </dev/null >/vol/log 2>&1
"""


@pytest.fixture
def outer(tmp_path: pathlib.Path, tree: Tree) -> Iterator[tuple]:
    """A privileged container with runc and a volume; the volume on the host."""
    volume = tmp_path / "vol"
    unpack(tree, volume / "lower")
    for name in ("up", "work", "merged", "bundle"):
        (volume / name).mkdir()
    rootfs = unpack(tree, tmp_path / "image")
    runc = pathlib.Path(shutil.which("runc") or "/usr/sbin/runc")
    needed = subprocess.run(["ldd", runc], capture_output=True, check=True,
                            text=True, timeout=60).stdout
    libraries = [word for word in needed.split() if word.startswith("/")]
    for file in (str(runc), *libraries):
        target = rootfs / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    name = f"localhost/stillframe-nested:{os.getpid()}"
    archive = subprocess.run(["tar", "-C", rootfs, "-c", "."],
                             capture_output=True, check=True, timeout=60)
    images.import_bytes(name, archive.stdout)
    options = ("--privileged", "--cgroupns=host",
               "-v", "/sys/fs/cgroup:/sys/fs/cgroup", "-v", f"{volume}:/vol",
               "--env", "PATH=/bin:/sbin:/usr/bin:/usr/sbin")
    with Container(name, "sleep", "1000", options=options) as container:
        yield container, volume
    images.remove_image(name)


def _inner(agent: Agent, container: Container) -> dict | None:
    return next((row for row in agent.rows()
                 if row.get("outer") == container.id), None)


def test_the_innermost_container_gets_the_mutation(
        own_agent: Agent, outer: tuple[Container, pathlib.Path]) -> None:
    own_agent.start("--scan-interval", "1s")
    container, volume = outer
    container.shell(START)
    row = wait_for(lambda: _inner(own_agent, container), EVENT_SECONDS,
                   "the inner container is known")
    wait_for(lambda: own_agent.ps(row["id"])["state"] == "still", EVENT_SECONDS,
             f"it is still; log {(volume / 'log').read_text()}")
    container.shell(f"runc --root /run/inner exec {INNER}"
                    " sh -c 'echo x >>/data/f1'")
    wait_for(lambda: "/data/f1" in own_agent.changes(row["id"]), EVENT_SECONDS,
             "its change")
    change = own_agent.changes(row["id"])["/data/f1"]
    assert change["verdict"] == "violation"
    assert {actor["origin"] for actor in change["actors"]} == {"container"}
    assert "/data/f1" not in own_agent.changes(container.name)
    container.shell(f"runc --root /run/inner delete -f {INNER}")
