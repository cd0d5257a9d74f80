# SPDX-License-Identifier: Apache-2.0
"""Whose a process is and what its programs are judged by, wherever it works."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from harness.agent import Agent
from harness.bundle import Bundle
from harness.cgroups import hierarchies
from harness.checks import event, is_still, mutations, recorded
from harness.coverage import EVENTS, Results
from harness.image import Tree
from harness.podman import Container
from harness.waiting import wait_for
from harness.ways import HOST_PATH, enter

# Each runs a program that the image lacks from a root of its own. /ctl is a volume.
ELSEWHERE = {
    "chroot into a volume": (
        "cp /bin/busybox /ctl/sh && mutate exec_chroot /ctl /sh -c true",
        "exec_volume"),
    "chroot into the rootfs": (
        "mkdir /new/jail && cp /bin/busybox /new/jail/sh &&"
        " mutate exec_chroot /new/jail /sh -c true", "exec_new"),
    "an overlay of its own": (
        "mkdir /new/lower && cp /bin/busybox /new/lower/sh &&"
        " mutate exec_in_overlay /new/lower:/usr /tmp /sh -c true",
        "exec_volume"),
    "an overlay of a volume": (
        "cp /bin/busybox /ctl/sh &&"
        " mutate exec_in_overlay /ctl:/usr /tmp /sh -c true",
        "exec_volume"),
}


@pytest.mark.parametrize("case", ELSEWHERE)
@pytest.mark.parametrize("origin", ["exec", "workload"])
def test_a_changed_root_hides_no_program(agent: Agent, start, case: str,
                                         origin: str,
                                         results: Results) -> None:
    container = start(options=("--security-opt", "seccomp=unconfined",
                               "--security-opt", "apparmor=unconfined",
                               "--cap-add", "SYS_ADMIN"))
    script, kind = ELSEWHERE[case]
    (container.shell if origin == "exec" else container.work)(script)
    seen = event(agent, container.name, kind)
    assert (seen["class"], seen["actor"]["origin"]) == ("code", origin)
    assert seen["path"].endswith("/sh")
    results.add((kind,), EVENTS, way=origin,
                operation="chroot" if "chroot" in script else "userns")


def test_a_script_below_another_root_is_found(agent: Agent, start) -> None:
    container = start()
    container.shell("mkdir -p /new/jail/bin; cp /bin/busybox /new/jail/bin/sh;"
                    " printf '#!/bin/sh\\ntrue\\n' >/new/jail/s;"
                    " chmod +x /new/jail/s; mutate exec_chroot /new/jail /s")
    assert event(agent, container.name, "script_changed")["path"] == "/new/jail/s"


@pytest.mark.parametrize("options", [("-m",), ("-a",), ("-m", "-p")])
def test_who_enters_from_outside_is_seen(agent: Agent, start,
                                         options: tuple,
                                         results: Results) -> None:
    container = start()
    enter(container.pid, "busybox true; /bin/script", *options)
    assert mutations(agent, container.name) == []
    enter(container.pid, "cp /bin/busybox /new/sh; /new/sh -c true", *options)
    seen = event(agent, container.name, "exec_new")
    assert (seen["path"], seen["actor"]["origin"]) == ("/new/sh", "host")
    recorded(agent, container.name, "/new/sh", "host")
    results.add(("exec_new", "file_create"), EVENTS, operation="nsenter",
                way="host")


def test_a_root_may_be_entered_without_its_mounts(agent: Agent, start) -> None:
    container = start()
    merged = container.inspect()["GraphDriver"]["Data"]["MergedDir"]
    subprocess.run(["chroot", merged, "/bin/sh", "-c",
                    "cp /bin/busybox /new/sh; /new/sh -c true"], check=True,
                   env=HOST_PATH, timeout=60)
    seen = event(agent, container.name, "exec_new")
    assert (seen["path"], seen["actor"]["origin"]) == ("/new/sh", "host")


@contextlib.contextmanager
def _cgroup(name: str) -> Iterator[list[pathlib.Path]]:
    """A cgroup of that name below each hierarchy's root."""
    made = []
    try:
        for hierarchy in hierarchies():
            with contextlib.suppress(OSError):  # some take no more
                (hierarchy / name).mkdir()
                made.append(hierarchy / name)
        yield made
    finally:
        for path in made:
            path.rmdir()


def test_who_enters_from_a_cgroup_begins_no_container(agent: Agent,
                                                      start) -> None:
    container = start()
    agent.ps(container.id)
    with _cgroup(f"sfnat-{uuid.uuid4().hex[:12]}.scope") as cgroups:
        joins = "".join(f"echo $$ >{path}/cgroup.procs; " for path in cgroups)
        subprocess.run(
            ["sh", "-c", f"{joins} exec nsenter -t {container.pid} -m --"
             " /bin/busybox sh -c 'echo x >/new/entered; /bin/busybox true'"],
            check=True, timeout=60)
        recorded(agent, container.name, "/new/entered", "host")
    pathlib.Path(container.upper, "new/direct").write_text("x")
    row = agent.ps(container.id)
    assert row is not None and row["running"]
    container.work("echo x >/new/own")
    recorded(agent, container.name, "/new/own", "workload")


class _Begun(Bundle):
    """Begun by a container that has the host's namespaces."""

    def __init__(self, directory: pathlib.Path, tree: Tree,
                 maker: Container) -> None:
        self._maker = maker
        super().__init__(directory, tree)

    def _start(self, log: BinaryIO, attached: bool) -> None:
        self._maker.work(
            f"busybox nsenter -t {os.getpid()} -m -u -n -p --"
            f" {shutil.which('runc')} run --bundle {self.directory} -d"
            f" {self.id} </dev/null >/ctl/made 2>&1")


def test_who_was_begun_by_a_container_is_itself(
        own_agent: Agent, start, tree: Tree, tmp_path: pathlib.Path) -> None:
    own_agent.start("--scan-interval", "5s")
    maker = start(options=("--privileged", "--pid=host"))
    with _Begun(tmp_path, tree, maker) as container:
        wait_for(lambda: own_agent.named(container.name), 30, "it is listed")
        container.work("echo x >>/etc/group")
        recorded(own_agent, container.name, "/etc/group", "workload")
        container.shell("echo x >>/etc/passwd")
        recorded(own_agent, container.name, "/etc/passwd", "exec")
        maker.work(f"busybox nsenter -t {os.getpid()} -m -u -n -p --"
                   f" {shutil.which('runc')} exec {container.id}"
                   " sh -c 'echo x >/etc/sent' </dev/null >/ctl/made 2>&1")
        recorded(own_agent, container.name, "/etc/sent", "container")


@pytest.mark.parametrize("origin", ["exec", "workload"])
def test_leaving_its_cgroup_changes_nothing(agent: Agent, start,
                                            origin: str,
                                            results: Results) -> None:
    container = start(options=("--privileged", "--cgroupns", "host",
                               "-v", "/sys/fs/cgroup:/new/cg"))
    leave = "".join(
        f"(echo $$ >/new/cg/{path.relative_to('/sys/fs/cgroup')}/cgroup.procs);"
        for path in hierarchies())
    script = (f"sh -c '{leave} echo x >>/etc/group;"
              " cp /bin/busybox /new/sh; /new/sh -c true'")
    (container.shell if origin == "exec" else container.work)(script)
    recorded(agent, container.name, "/etc/group", origin)
    seen = event(agent, container.name, "exec_new")
    assert (seen["path"], seen["actor"]["origin"]) == ("/new/sh", origin)
    results.add(("exec_new", "file_write"), EVENTS, operation="cgroup_escape",
                way=origin)


def test_image_programs_of_the_entrypoint_are_silent(agent: Agent,
                                                     start) -> None:
    container = start()
    is_still(agent, container)
    container.shell("mutate exec_chroot / /bin/busybox true; /bin/script")
    assert mutations(agent, container.name) == []
