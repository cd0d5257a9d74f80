# SPDX-License-Identifier: Apache-2.0
"""Seven at work in one container at once: each path has its one culprit, with the
tool and the person."""

import json
import os
import pathlib
import pty
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import debian
from harness import image as images
from harness.agent import Agent
from harness.ansible import play
from harness.podman import Container
from harness.waiting import patience, wait_for

SECONDS = 30

# Users that each Debian has, who log in: any number would do.
PEOPLE = {"apt": "daemon", "ansible": "bin", "puppet": "sys", "pip": "games",
          "npm": "man", "cp": "lp", "shell": "mail"}
USER_IDS = {"daemon": 1, "bin": 2, "sys": 3, "games": 5, "man": 6, "lp": 7,
            "mail": 8}


@pytest.fixture
def container() -> Iterator[Container]:
    """Has this machine's programs, npm and Puppet among them, on a volume."""
    name = f"localhost/stillframe-culprits:{os.getpid()}"
    debian.import_debian(name)
    options = ("-v", "/usr:/usr:ro", "--tmpfs", "/var/lib/puppet",
               "--tmpfs", "/var/cache/puppet",
               "-e", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
    with Container(name, "sleep", "1000", options=options) as running:
        yield running
    images.remove_image(name)


def _log_in(person: str) -> Callable[[], None]:
    """What pam_loginuid does."""
    return lambda: pathlib.Path("/proc/self/loginuid").write_text(
        str(USER_IDS[person])) and None


def _run(tool: str, *command: str) -> None:
    subprocess.run(command, check=True, capture_output=True,
                   preexec_fn=_log_in(PEOPLE[tool]), timeout=patience(180))


def _by_hand(agent: Agent, container: Container) -> None:
    """On a terminal, through sudo; who types waits to see what comes of it."""
    own, theirs = pty.openpty()
    with subprocess.Popen(
            ["sudo", "podman", "exec", "-it", container.name, "sh"],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=_log_in(PEOPLE["shell"])) as shell:
        os.close(theirs)
        os.write(own, b"mkdir /opt/hand; echo x >/opt/hand/x\n")
        wait_for(lambda: PATHS["shell"] in agent.changes(container.name),
                 SECONDS, "what was typed is seen")
        os.write(own, b"exit\n")
        while True:
            try:
                if not os.read(own, 4096):
                    break
            except OSError:  # the other end is gone
                break
        assert shell.wait(patience(60)) == 0
    os.close(own)


def _culprits(agent: Agent, container: Container,
              tmp_path: pathlib.Path) -> dict[str, Callable[[], None]]:
    inside = ("podman", "exec", container.name, "sh", "-c")
    control = container.control
    debian.deb(control, "hello", "1", "mkdir /opt/apt; echo x >/opt/apt/deep")
    wheel = debian.wheel(control, "sfprobe", "1.2.3")
    (control / "package.json").write_text(
        json.dumps({"name": "sfprobe", "version": "1.2.3"}))
    (control / "site.pp").write_text(
        "file { '/opt/puppet': ensure => directory }\n"
        "-> file { '/opt/puppet/x': content => 'x' }\n")
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied" / "x").touch()
    return {
        "apt": lambda: _run(
            "apt", *inside, "apt-get install -q -y /ctl/hello.deb; :"),
        "pip": lambda: _run(
            "pip", *inside, "pip3 install --no-index --target /opt/pip"
            f" --root-user-action=ignore /ctl/{wheel.name}; :"),
        "npm": lambda: _run(
            "npm", *inside, "mkdir /tmp/pack; cp /ctl/package.json /tmp/pack;"
            " npm install --offline --no-audit --no-fund --install-links"
            " --prefix /opt/npm /tmp/pack; :"),
        "puppet": lambda: _run(
            "puppet", *inside, "puppet apply /ctl/site.pp; :"),
        "ansible": lambda: play(
            container, tmp_path,
            [{"copy": {"content": "x", "dest": "/opt/ansible"}}],
            preexec_fn=_log_in(PEOPLE["ansible"])),
        "cp": lambda: _run("cp", "podman", "cp", str(tmp_path / "copied"),
                           f"{container.name}:/opt/cp"),
        "shell": lambda: _by_hand(agent, container),
    }


# What each makes, to the last of it.
PATHS = {
    "apt": "/opt/apt/deep", "pip": "/opt/pip/sfprobe.py",
    "npm": "/opt/npm/package.json", "puppet": "/opt/puppet/x",
    "ansible": "/opt/ansible", "cp": "/opt/cp/x", "shell": "/opt/hand/x",
}


def _named(agent: Agent, container: Container) -> dict[str, set]:
    """The tools and people by which the directories were changed."""
    named: dict[str, set] = {}
    for path, change in agent.changes(container.name).items():
        for tool, last in PATHS.items():
            if path.split("/")[1:3] == last.split("/")[1:3]:
                named.setdefault(tool, set()).update(
                    (actor["tool"], actor["login_user"])
                    for actor in change["actors"])
    return named


def test_none_of_seven_at_once_is_mixed_up(
        agent: Agent, container: Container, tmp_path: pathlib.Path) -> None:
    culprits = _culprits(agent, container, tmp_path)
    with ThreadPoolExecutor(len(culprits)) as pool:
        for done in [pool.submit(one) for one in culprits.values()]:
            done.result()

    def all_named() -> bool:
        return _named(agent, container) == {
            tool: {(tool, PEOPLE[tool])} for tool in PATHS}

    try:
        wait_for(all_named, SECONDS, "each by one culprit")
    except TimeoutError:
        raise AssertionError(_named(agent, container)) from None
    (by_hand,) = agent.changes(container.name)[PATHS["shell"]]["actors"]
    assert by_hand["session"]["tty"]
    assert by_hand["session"]["ancestors"][-2:] == ["sudo", "podman"]

    # Running a program off a volume is a change, too, and a shell's own.
    def each_once() -> bool:
        ended = [one["tool"] for one in agent.diff(container.name)["updates"]
                 if one["ended"] and one["tool"] != "shell"]
        return sorted([*ended, "shell"]) == sorted(PATHS)

    wait_for(each_once, SECONDS, "one update by each tool")
