# SPDX-License-Identifier: Apache-2.0
"""Who must be named, who must not, and what is no change at all.

Two hands: somebody who entered the container (`exec`) and its own process
(`workload`).
"""

import os
import pathlib
import subprocess

import pytest

from harness.agent import Agent
from harness.checks import origins, recorded
from harness.podman import PRIVILEGES, Container
from harness.waiting import patience, wait_for

SECONDS = 5


@pytest.fixture
def container(start) -> Container:
    return start(options=tuple(PRIVILEGES))


def _files(agent: Agent, container: Container) -> list[dict]:
    return [e for e in agent.events(container.name)
            if e["class"] in ("content", "metadata")]


def _told(agent: Agent, container: Container, path: str, kind: str,
          origin: str) -> None:
    """Waits for an event."""
    def there() -> bool:
        return any((e["path"], e["kind"], e["actor"]["origin"])
                   == (path, kind, origin) for e in _files(agent, container))

    wait_for(there, SECONDS, f"{kind} of {path} by {origin}")


LOGIN = 1000


def _log_in() -> None:
    """What pam_loginuid does to a process before it becomes a user's shell."""
    pathlib.Path("/proc/self/loginuid").write_text(str(LOGIN))


def _people(agent: Agent, container: Container, path: str,
            origin: str) -> list[dict]:
    return recorded(agent, container.name, path, origin)["actors"]


def _logins(agent: Agent, container: Container, path: str,
            origin: str) -> set[int | None]:
    return {one["login_uid"] for one in _people(agent, container, path, origin)}


def test_who_had_logged_in_is_named(
        agent: Agent, container: Container) -> None:
    """Also of what outlives the command and leaves its process group."""
    script = "echo x >/new/f; setsid sh -c 'echo x >/new/g' &"
    container.exec("sh", "-c", script, preexec_fn=_log_in)
    container.shell("echo x >/new/h")
    container.work("echo x >/new/i")
    assert _logins(agent, container, "/new/f", "exec") == {LOGIN}
    assert _logins(agent, container, "/new/g", "exec") == {LOGIN}
    assert _logins(agent, container, "/new/h", "exec") == {None}
    assert _logins(agent, container, "/new/i", "workload") == {None}


def _through(command: list[str]) -> list[str]:
    """A login's shell, and what was made of it: calls for the command."""
    return ["sh", "-c", 'echo "$(cat /proc/self/sessionid)"; "$@"; :', "sh",
            "setpriv", "--nnp", "sh", "-c", '"$@"; :', "sh", *command]


def test_who_called_is_named_with_their_login(
        agent: Agent, container: Container, tmp_path: pathlib.Path) -> None:
    """From a shell by podman, and from the host without the runtime."""
    copied = tmp_path / "copied"
    copied.touch()
    script = "echo x >/new/f; (setsid sh -c 'echo x >/new/g' &) ; read _"
    # Those that wait are there when it is looked by whom they were called.
    ways = {
        "/new/f": ["podman", "exec", "-i", container.name, "sh", "-c", script],
        "/new/copied": ["podman", "cp", str(copied), f"{container.name}:/new"],
        "/new/host": ["sh", "-c", f"echo x >{container.root}/new/host; read _"],
    }
    started = {path: subprocess.Popen(
        _through(command), preexec_fn=_log_in, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE) for path, command in ways.items()}
    said = {path: one.stdout.readline().decode().strip()
            for path, one in started.items()}
    _people(agent, container, "/new/host", "host")
    _people(agent, container, "/new/g", "exec")
    for one in started.values():
        one.communicate(b"\n", timeout=patience(60))
        assert one.returncode == 0
    (inside,) = _people(agent, container, "/new/f", "exec")
    (later,) = _people(agent, container, "/new/g", "exec")
    (copy,) = _people(agent, container, "/new/copied", "host")
    (host,) = _people(agent, container, "/new/host", "host")
    assert inside["session"]["ancestors"][-3:] == ["sh", "sh", "podman"]
    assert later["session"] == inside["session"]
    assert copy["comm"].startswith("podman")
    assert host["ancestors"][-2:] == ["sh", "sh"]
    for path, actor in ("/new/f", inside), ("/new/copied", copy), (
            "/new/host", host):
        assert actor["login_uid"] == LOGIN
        assert str(actor["audit_session"]) == said[path]
    assert (inside["user"], host["user"]) == (None, "root")


def test_the_number_of_an_audited_request_is_kept(
        agent: Agent, container: Container) -> None:
    """In the environment, behind much else too, and where `env` sets it."""
    name = "SPO_EXEC_REQUEST_UID"
    padding = tuple(word for i in range(20)
                    for word in ("-e", f"A{i}={'x' * 1000}"))
    ways = {
        "/new/a": (("-e", f"{name}=7a"), ()),
        "/new/b": ((), ("env", f"{name}=7b")),
        "/new/c": ((*padding, "-e", f"{name}=7c"), ()),
    }
    os.mkfifo(container.control / "go")  # until which they live
    for path, (options, before) in ways.items():
        container.exec(*before, "sh", "-c", f"echo x >{path}; cat /ctl/go",
                       options=("-d", *options))
    wanted = {}
    for path in ways:
        (actor,) = _people(agent, container, path, "exec")
        wanted[path] = actor["session"]["request_uid"]
    assert wanted == {"/new/a": "7a", "/new/b": "7b", "/new/c": "7c"}


def test_nobody_is_blamed_by_a_login_set_in_the_container(
        agent: Agent, container: Container) -> None:
    forge = f"echo {LOGIN} >/proc/self/loginuid; cat /proc/self/loginuid"
    said = container.shell(f"{forge}; echo x >/new/f")
    assert said.split()[-1] == str(LOGIN).encode()
    assert _logins(agent, container, "/new/f", "exec") == {None}
    container.work(f"{forge}; echo x >/new/g")
    assert _logins(agent, container, "/new/g", "workload") == {None}


def test_removals_by_two_hands_are_told_apart(agent: Agent,
                                              container: Container) -> None:
    """Overlay makes all whiteouts links of one inode."""
    container.work("mutate unlink /data/entries/unlink")
    recorded(agent, container.name, "/data/entries/unlink", "workload")
    container.shell("mutate uring_unlink /data/uring/uring_unlink")
    recorded(agent, container.name, "/data/uring/uring_unlink", "exec")
    recorded(agent, container.name, "/data/entries/unlink", "workload")
    for event in _files(agent, container):
        if event["path"] == "/data/entries/unlink":
            assert event["actor"]["origin"] == "workload"


@pytest.mark.parametrize("prepare", [
    "mkdir /new/a /new/b; echo c >/new/a/c",
    "mkdir /new/a; echo b >/new/b",
], ids=["directories", "directory_and_file"])
def test_both_sides_of_an_exchange_are_told(agent: Agent, prepare: str,
                                            container: Container) -> None:
    container.work(prepare)
    recorded(agent, container.name, "/new/b", "workload")
    container.shell("mutate rename_exchange /new/a /new/b")
    for path in ("/new/a", "/new/b"):
        _told(agent, container, path, "file_rename", "exec")
    changes = agent.changes(container.name)
    for path in ("/new/a", "/new/b"):
        assert origins(changes[path]) == {"workload", "exec"}
        assert "file_rename" in changes[path]["kinds"]


def test_a_second_rename_within_a_second_is_told(agent: Agent,
                                                 container: Container) -> None:
    container.work("echo x >/new/f")
    recorded(agent, container.name, "/new/f", "workload")
    container.shell("mutate rename_twice /new/f /new/one /new/two")
    _told(agent, container, "/new/two", "file_rename", "exec")


def test_a_directory_that_is_as_it_was_shows_no_mode(
        agent: Agent, container: Container) -> None:
    container.work("chmod 700 /data/entries")
    recorded(agent, container.name, "/data/entries", "workload")
    container.work("chmod 755 /data/entries")
    container.shell("echo x >/data/entries/new")
    recorded(agent, container.name, "/data/entries/new", "exec")
    assert "mode_change" not in agent.changes(
        container.name)["/data/entries"]["kinds"]


def test_what_uring_does_to_a_file_is_not_its_making(
        agent: Agent, container: Container) -> None:
    container.work("echo x >/new/f")
    recorded(agent, container.name, "/new/f", "workload")
    container.shell("mutate uring_setxattr /new/f; mutate uring_write /new/f")
    _told(agent, container, "/new/f", "file_write", "exec")
    assert not [e for e in _files(agent, container)
                if e["path"] == "/new/f" and e["kind"] == "file_create"
                and e["actor"]["origin"] == "exec"]


NOTHING = {
    "chmod": "mutate chmod_same /new/f",
    "chown": "mutate chown_same /new/f",
    "times": "mutate utimensat_same /new/f",
    "directory_mode": "mutate chmod_same /new/d",
    "refused_attribute": "mutate setxattr_refused /new/f",
    "refused_clone": "mutate ficlone /data/named /new/f || :",
    "dedupe": "mutate fideduperange /data/named /new/f",
    "unnamed_file": "mutate o_tmpfile /new || :",
    "image_mode": "mutate chmod_same /data/big",
    "image_owner": "mutate chown_same /data/big",
    "image_refused_attribute": "mutate setxattr_refused /data/big",
}


@pytest.mark.parametrize("operation", NOTHING)
def test_what_changes_nothing_is_no_change(agent: Agent, operation: str,
                                           container: Container) -> None:
    container.work("echo x >/new/f; mkdir /new/d")
    recorded(agent, container.name, "/new/f", "workload")
    container.shell(NOTHING[operation])
    # A later change is reported after it.
    container.shell("echo last >/new/last")
    _told(agent, container, "/new/last", "file_create", "exec")
    agent.changes(container.name)
    found = [(e["kind"], e["path"]) for e in _files(agent, container)
             if e["actor"]["origin"] == "exec" and e["path"] != "/new/last"]
    # To copy a file up is none to its content.
    assert [f for f in found if f[0] != "copy_up"] == []


NAMES = {
    "moved": ("mv /new/b /new/b2", [("file_rename", "/new/b2")]),
    "moved to another directory":
        ("mv /new/c /new/d/c", [("file_rename", "/new/d/c")]),
    "the first moved": ("mv /new/a /new/a2", [("file_rename", "/new/a2")]),
    "removed": ("rm /new/c", [("file_delete", "/new/c")]),
    "the first removed": ("rm /new/a", [("file_delete", "/new/a")]),
    "all removed": ("rm /new/b; rm /new/a; rm /new/c",
                    [("file_delete", f"/new/{name}") for name in "abc"]),
    "linked": ("ln /new/b /new/d/n", [("file_link", "/new/d/n")]),
    "one of the image linked":
        ("ln /etc/passwd /new/n", [("file_link", "/new/n")]),
    "lost to another file":
        ("echo >/new/e; mv /new/e /new/b", [("file_rename", "/new/b")]),
}


@pytest.mark.parametrize("case", NAMES)
def test_of_several_names_the_right_one_is_told(
        agent: Agent, container: Container, case: str) -> None:
    container.work("mkdir /new/d; echo >/new/a; ln /new/a /new/b;"
                   " ln /new/a /new/c")
    recorded(agent, container.name, "/new/c", "workload")
    script, expected = NAMES[case]
    container.shell(f"{script}; echo >/tmp/end")
    _told(agent, container, "/tmp/end", "file_create", "exec")

    def told() -> list[tuple[str, str]]:
        agent.ps(container.name)
        return sorted(
            (e["kind"], e["path"]) for e in _files(agent, container)
            if e["actor"]["origin"] != "workload"
            and e["kind"] in ("file_link", "file_rename", "file_delete"))

    wait_for(lambda: told() == sorted(expected), SECONDS,
             f"{expected}, not {told()}")
