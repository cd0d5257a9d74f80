# SPDX-License-Identifier: Apache-2.0
"""In-place updates by the tools that people use: each run is one, and named by
the tool that was run, with what it installed."""

import io
import os
import pathlib
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import debian
from harness import image as images
from harness.agent import Agent
from harness.ansible import play
from harness.checks import recorded
from harness.podman import Container
from harness.waiting import patience, wait_for

SECONDS = 20  # an update from outside is over after ten


@pytest.fixture(scope="module")
def debian_image() -> Iterator[str]:
    name = f"localhost/stillframe-debian:{os.getpid()}"
    debian.import_debian(name)
    yield name
    images.remove_image(name)


@pytest.fixture
def container(debian_image: str) -> Iterator[Container]:
    path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
    with Container(debian_image, "sleep", "1000",
                   options=("-e", path)) as running:
        yield running


def updates(agent: Agent, container: Container, kind: str) -> list[dict]:
    return [e for e in agent.events(container.name)
            if e["class"] == "lifecycle" and e["kind"] == kind]


def ended(agent: Agent, container: Container, count: int = 1) -> list[dict]:
    """The details of the updates that are over; no other was begun."""
    def all_of_them() -> bool:
        return len(updates(agent, container, "update_ended")) >= count

    wait_for(all_of_them, SECONDS, f"{count} updates of {container.name}")
    found = [e["detail"] for e in updates(agent, container, "update_ended")]
    begun = [e["detail"]["id"]
             for e in updates(agent, container, "update_started")]
    # One that has no packages to be looked up may be over before another.
    assert sorted(begun) == sorted(one["id"] for one in found)
    return found


def counted(agent: Agent, container: Container) -> dict[str, float]:
    """The counter of updates, by tool."""
    found = {}
    mark = f'workload="{container.name}"'
    for line in agent.get("/metrics").splitlines():
        if line.startswith("stillframe_in_place_updates_total{") \
                and mark in line:
            tool = line.split('tool="')[1].split('"')[0]
            found[tool] = float(line.split()[-1])
    return found


def only(agent: Agent, container: Container, tool: str) -> dict:
    """The one update that there was, by this tool."""
    (update,) = ended(agent, container)
    assert update["tool"] == tool

    def shown() -> bool:
        return counted(agent, container) == {tool: 1}

    wait_for(shown, SECONDS, f"one update by {tool}")
    (listed,) = agent.diff(container.name)["updates"]
    assert (listed["id"], listed["tool"]) == (update["id"], tool)
    assert update["paths"] > 0
    return update


def tools_of(agent: Agent, container: Container, path: str) -> set[str]:
    return {a["tool"] for a in agent.changes(container.name)[path]["actors"]}


DEEP = "sh -c 'sh -c \"/bin/true; touch /opt/deep\"; true'; true"


@pytest.mark.parametrize("command, tool, version", [
    ("dpkg -i /ctl/hello.deb", "dpkg", "2.0-1"),
    ("sh -c 'apt-get install -q -y /ctl/hello.deb; :'", "apt", "2.0-1"),
    ("bash -c 'sh -c \"apt-get install -q -y /ctl/hello.deb\"; :'", "apt",
     "2.0-1"),
    ("apt-get remove -q -y vim-tiny", "apt", None),
])
def test_a_package_manager_is_named_with_its_packages(
        agent: Agent, container: Container, command: str, tool: str,
        version: str | None) -> None:
    debian.deb(container.control, "hello", "2.0-1", DEEP)
    container.exec("sh", "-c", f"exec {command}")
    update = only(agent, container, tool)
    assert {"manager": "dpkg", "name": "hello" if version else "vim-tiny",
            "version": version, "removed": not version} in update["packages"]
    assert update["command"].startswith(("apt-get", "dpkg"))
    if version:
        assert len(update["packages"]) == 1
        assert tools_of(agent, container, "/opt/deep") == {tool}
        assert tools_of(agent, container, "/opt/hello") == {tool}
    text = agent.run("diff", container.name).decode()
    # An update is said with the culprit whose it is.
    (said,) = [line for line in text.splitlines()
               if line.split()[:1] == ["update"]
               and line.split()[1].rstrip(",") == tool]
    assert "packages: " in said and "paths" in said


@pytest.mark.parametrize("pip", ["pip3", "python3 -m pip"])
def test_pip_is_named_with_its_packages(agent: Agent, container: Container,
                                        pip: str) -> None:
    wheel = debian.wheel(container.control, "sfprobe", "1.2.3")
    container.exec(
        "sh", "-c", f"{pip} install --no-index --break-system-packages"
        f" --root-user-action=ignore /ctl/{wheel.name}; :")
    update = only(agent, container, "pip")
    assert update["packages"] == [{
        "manager": "pip", "name": "sfprobe", "version": "1.2.3",
        "removed": False}]


EDITORS = {
    "ed": "printf '1i\\nedited\\n.\\nw\\nq\\n' | ed -s /etc/profile",
    "vim": "vim.tiny -es -u NONE -c 'set backup writebackup backupdir=/etc'"
           " -c '1d' -c 'wq' /etc/profile; :",
}


@pytest.mark.parametrize("editor", EDITORS)
def test_an_edit_is_one(agent: Agent, container: Container,
                        editor: str) -> None:
    container.shell(EDITORS[editor])
    only(agent, container, "editor")
    assert tools_of(agent, container, "/etc/profile") == {"editor"}


def test_what_a_shell_does_besides_is_its_own(agent: Agent,
                                              container: Container) -> None:
    debian.deb(container.control, "hello", "1")
    container.shell("dpkg -i /ctl/hello.deb; echo x >>/etc/profile;"
                    " find /etc/hostname -exec touch /etc/new ';';"
                    " dpkg -r hello")
    found = ended(agent, container, 3)
    assert sorted(one["tool"] for one in found) == ["dpkg", "dpkg", "shell"]
    assert [one["packages"] for one in found if one["tool"] == "dpkg"][1] == [{
        "manager": "dpkg", "name": "hello", "version": None, "removed": True}]
    assert tools_of(agent, container, "/etc/new") == {"shell"}
    wait_for(lambda: counted(agent, container) == {"dpkg": 2, "shell": 1},
             SECONDS, "each run counted once")


def test_a_copy_from_outside_is_one(agent: Agent, container: Container,
                                    tmp_path: pathlib.Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    container.podman("cp", str(tmp_path), f"{container.name}:/opt/copied")
    recorded(agent, container.name, "/opt/copied/c", "host")
    only(agent, container, "cp")


def test_what_kubectl_cp_runs_is_a_copy(agent: Agent,
                                        container: Container) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("a", "b"):
            tar.addfile(tarfile.TarInfo(name))
    container.exec("tar", "-xmf", "-", "-C", "/opt", options=("-i",),
                   input=packed.getvalue())
    only(agent, container, "cp")
    assert tools_of(agent, container, "/opt/b") == {"cp"}


# By the shape of their processes: a script of the tool's name, run as it is.
SHAPES = {
    "puppet": "puppet", "chef-client": "chef", "salt-call": "salt",
    "logrotate": "logrotate", "systemd-tmpfiles": "systemd-tmpfiles",
    "npm": "npm", "gem": "gem", "cargo": "cargo", "apk": "apk", "rpm": "rpm",
    "dnf": "dnf", "yum": "yum",
}


@pytest.mark.parametrize("program", SHAPES)
def test_a_tool_is_known_by_its_name(agent: Agent, start: Callable,
                                     program: str) -> None:
    container = start()
    script = container.control / program
    script.write_text("#!/bin/sh\nsh -c 'sh -c \"echo >/new/deep; :\"; :'\n")
    script.chmod(0o755)
    container.exec("sh", "-c", f"/ctl/{program}; :")
    assert only(agent, container, SHAPES[program])["paths"] == 1
    assert tools_of(agent, container, "/new/deep") == {SHAPES[program]}


def test_what_the_workload_runs_is_no_update(agent: Agent,
                                             start: Callable) -> None:
    container = start()
    script = container.control / "apt-get"
    script.write_text("#!/bin/sh\nsh -c 'echo >/new/own; :'\n")
    script.chmod(0o755)
    container.work("/ctl/apt-get")
    recorded(agent, container.name, "/new/own", "workload")
    assert tools_of(agent, container, "/new/own") == {"apt"}
    assert agent.diff(container.name)["updates"] == []
    assert counted(agent, container) == {}


def test_what_changes_nothing_is_no_update(agent: Agent,
                                           container: Container) -> None:
    def check(number: int) -> None:
        container.exec(*(("dpkg", "-l") if number % 2 else ("true",)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(check, range(100)))
    assert agent.diff(container.name)["updates"] == []
    assert counted(agent, container) == {}
    assert updates(agent, container, "update_started") == []


def test_what_the_host_updates_is_its_own(agent: Agent, container: Container,
                                          tmp_path: pathlib.Path) -> None:
    package = debian.deb(tmp_path, "hello", "1")
    root = tmp_path / "root"
    for path in ("var/lib/dpkg/info", "var/lib/dpkg/updates"):
        (root / path).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    subprocess.run(["dpkg", f"--root={root}", "--log=/dev/null", "-i", package],
                   check=True, capture_output=True, timeout=patience(60))
    (tmp_path / "Containerfile").write_text(
        f"FROM {container.inspect()['ImageName']}\nCOPY hello.deb /\n")
    container.podman("build", "-q", "--network", "none", "-t",
                     f"{container.name}-built", str(tmp_path))
    container.podman("rmi", f"{container.name}-built")
    assert agent.diff(container.name)["updates"] == []
    assert counted(agent, container) == {}


def test_a_playbook_is_one(agent: Agent, container: Container,
                           tmp_path: pathlib.Path) -> None:
    debian.deb(container.control, "hello", "2", DEEP)
    (tmp_path / "motd.j2").write_text("{{ inventory_hostname }}\n")
    play(container, tmp_path, [
        {"template": {"src": "motd.j2", "dest": "/etc/motd"}},
        {"apt": {"deb": "/ctl/hello.deb"}},
        {"service": {"name": "hello", "state": "started"},
         "ignore_errors": True},
    ])
    update = only(agent, container, "ansible")
    for path in ("/etc/motd", "/opt/deep"):
        assert tools_of(agent, container, path) == {"ansible"}
    assert {"manager": "dpkg", "name": "hello", "version": "2",
            "removed": False} in update["packages"]
