# SPDX-License-Identifier: Apache-2.0
"""What overlay does of its own accord, by the options of the mount: it shows what
no upper directory holds, and keeps attributes of its own."""

import os
import pathlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator

import pytest

from harness import image as images
from harness.agent import Agent
from harness.bundle import Bundle, unpack
from harness.checks import (EVENT_SECONDS, is_still, mutations, recorded,
                            same_diff)
from harness.image import Tree
from harness.podman import Container, Store
from harness.waiting import wait_for

IMAGE_NAME = "localhost/stillframe-marks:1"
OPTIONS = {
    "moves": "nodev,metacopy=on,redirect_dir=on",
    "index": "nodev,index=on",
    "plain": "nodev",
}
LARGE = 70_000_000
COMPARED_SECONDS = 20


@pytest.fixture(scope="module")
def archive(mutate: pathlib.Path) -> bytes:
    tree = images.base_tree(mutate)
    for path in ("opt", "opt/app", "opt/app/deep", "opt/app/deep/er"):
        tree.directory(path)
    for path in ("a", "b", "deep/c", "deep/er/d"):
        tree.file(f"opt/app/{path}", path.encode())
    tree.file("opt/h1", b"hard")
    tree.hardlink("opt/h2", "opt/h1")
    tree.hardlink("usr/h3", "opt/h1")
    tree.file("opt/large", bytes(LARGE))
    return tree.bytes()


@pytest.fixture
def start_with(archive: bytes) -> Iterator[Callable[..., Container]]:
    """Starts a container of a store whose overlays are mounted so."""
    stores: list[tuple[Store, tempfile.TemporaryDirectory]] = []
    running: list[Container] = []

    def start_one(options: str) -> Container:
        directory = tempfile.TemporaryDirectory(prefix="sfnat-marks-")
        store = Store(pathlib.Path(directory.name), "overlay", OPTIONS[options])
        stores.append((store, directory))
        images.import_bytes(IMAGE_NAME, archive, store.options)
        running.append(Container(IMAGE_NAME, store=store))
        return running[-1]

    yield start_one
    for container in running:
        container.remove()
    for store, directory in stores:
        store.remove()
        subprocess.run(["umount", "-R", f"{directory.name}/root/overlay"],
                       check=False, stderr=subprocess.DEVNULL)
        directory.cleanup()


def row(agent: Agent, container: Container, path: str) -> tuple:
    change = agent.changes(container.name).get(path)
    if change is None:
        return ()
    return change["change"], change["verdict"], *change["kinds"]


# Directories and files that moved.

MOVES = {
    "away": ("mv /opt/app /opt/moved", ["", "/a", "/b", "/deep", "/deep/c",
                                        "/deep/er", "/deep/er/d"]),
    "on": ("mv /opt/app /opt/one; mv /opt/one /data/two; mv /data/two /opt/moved",
           ["", "/a", "/b", "/deep", "/deep/c", "/deep/er", "/deep/er/d"]),
    "and changed": (
        "mv /opt/app /opt/moved; echo x >>/opt/moved/deep/c; rm /opt/moved/a;"
        " echo new >/opt/moved/new",
        ["", "/b", "/deep", "/deep/c", "/deep/er", "/deep/er/d", "/new"]),
}


@pytest.mark.parametrize("case", MOVES)
def test_all_below_a_moved_directory_is_in_the_diff(agent: Agent, start_with,
                                                    case: str) -> None:
    script, below = MOVES[case]
    container = start_with("moves")
    is_still(agent, container)
    container.work(script)
    for path in below:
        recorded(agent, container.name, f"/opt/moved{path}", "workload")
    changes = agent.changes(container.name)
    there = {path for path in changes if path.startswith("/opt/moved")}
    assert there == {f"/opt/moved{path}" for path in below}
    assert all(changes[path]["change"] == "A" for path in there)
    assert changes["/opt/app"]["change"] == "D"
    assert agent.diff(container.name)["complete"]
    same_diff(agent, container)


def test_a_directory_moved_back_is_restored(agent: Agent, start_with) -> None:
    container = start_with("moves")
    container.work("mv /opt/app /opt/moved; mv /opt/moved /opt/app;"
                   " mv /opt/h1 /opt/h; mv /opt/h /opt/h1")
    changes = agent.changes(container.name)
    assert not any(path.startswith("/opt/app/") for path in changes)
    assert row(agent, container, "/opt/h1")[:2] == ("C", "restored")
    same_diff(agent, container)


def test_metadata_alone_is_no_change_of_content(agent: Agent, start_with) -> None:
    container = start_with("moves")
    container.work("chmod 600 /opt/app/a")
    change = recorded(agent, container.name, "/opt/app/a", "workload")
    assert change["kinds"] == ["mode_change"]
    same_diff(agent, container)


# Names of one file.

def test_all_names_of_a_changed_file_are_changed(agent: Agent,
                                                 start_with) -> None:
    container = start_with("index")
    container.work("echo more >>/opt/h2")
    assert container.work("cat /usr/h3").strip() == b"hardmore"
    for path in ("/opt/h1", "/opt/h2", "/usr/h3"):
        change = recorded(agent, container.name, path, "workload")
        assert change["change"] == "C"
        assert "file_write" in change["kinds"]
    same_diff(agent, container)


# Attributes that mean something to overlay under another prefix.

ATTRIBUTES = {
    "opaque": ("/opt/app", b"y"),
    "redirect": ("/opt/app/deep", b"/opt"),
    "metacopy": ("/opt/app/a", b""),
    "origin": ("/opt/app/b", b"a payload"),
    "whiteout": ("/opt/h1", b"y"),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
@pytest.mark.parametrize("late", [False, True], ids=["seen", "found"])
def test_user_attributes_are_data(agent: Agent, start_with, name: str, late: bool,
                                  own_agent: Agent) -> None:
    path, value = ATTRIBUTES[name]
    container = start_with("plain")
    os.setxattr(f"{container.root}{path}", f"user.overlay.{name}", value)
    asked = own_agent.start() if late else agent
    wait_for(lambda: row(asked, container, path) ==
             ("C", "violation", "xattr_change"), COMPARED_SECONDS,
             f"xattr_change of {path}")
    changes = asked.changes(container.name)
    assert not [p for p, c in changes.items() if c["change"] == "D"]
    same_diff(asked, container)


# Flags of chattr(1).

def test_flags_are_found_without_an_event(start, own_agent: Agent,
                                          mutate: pathlib.Path) -> None:
    container = start()
    outcome = subprocess.run([mutate, "setflags_noatime",
                              f"{container.root}/data/named"],
                             check=False)
    assert outcome.returncode == 0
    own_agent.start()
    assert "flags_change" in row(own_agent, container, "/data/named")
    assert own_agent.diff(container.name)["state"] == "mutated"
    same_diff(own_agent, container)


# Files too large to be read at once.

LARGE_CHANGES = {
    "in the beginning": 1000,
    "in the middle": LARGE // 2,
    "at the end": LARGE - 1,
}


def poke(container: Container, at: int, byte: bytes) -> None:
    """Size and mtime stay."""
    path = f"{container.root}/opt/large"
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(byte)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("where", LARGE_CHANGES)
def test_large_files_are_compared(start_with, own_agent: Agent,
                                  where: str) -> None:
    container = start_with("plain")
    poke(container, LARGE_CHANGES[where], b"X")
    own_agent.start()
    assert own_agent.diff(container.name)["state"] != "still"
    assert row(own_agent, container, "/opt/large") == (
        "C", "violation", "unknown_change")
    wait_for(lambda: own_agent.diff(container.name)["state"] == "mutated",
             COMPARED_SECONDS, "all of it compared")
    same_diff(own_agent, container)


def test_equal_large_files_are_restored_when_all_was_read(
        start_with, own_agent: Agent) -> None:
    container = start_with("plain")
    poke(container, LARGE // 2, b"\0")
    own_agent.start()
    assert own_agent.diff(container.name)["state"] != "mutated"
    wait_for(lambda: own_agent.diff(container.name)["state"] == "still",
             COMPARED_SECONDS, "all of it compared")
    assert row(own_agent, container, "/opt/large")[1] == "restored"
    assert not [e for e in mutations(own_agent, container.name)
                if e["verdict"] == "violation"]
    same_diff(own_agent, container)


def test_a_volatile_overlay_is_as_any_other(agent: Agent,
                                            tmp_path: pathlib.Path,
                                            tree: Tree) -> None:
    with Bundle(tmp_path, tree, options=",volatile") as container:
        wait_for(lambda: agent.diff(container.name)["state"] == "still",
                 EVENT_SECONDS, "it is still")
        container.work("echo x >>/etc/group")
        recorded(agent, container.name, "/etc/group", "workload")


def test_a_file_of_a_data_only_layer_is_compared_with_its_contents(
        agent: Agent, tmp_path: pathlib.Path, tree: Tree) -> None:
    """As composefs has all files: names in one layer, contents in another."""
    lower = unpack(tree, tmp_path / "names")
    data = tmp_path / "data"
    data.mkdir()
    (data / "blob").write_text("hello")
    named = lower / "blob"
    named.touch()
    os.truncate(named, 5)
    os.setxattr(named, "trusted.overlay.metacopy", b"")
    os.setxattr(named, "trusted.overlay.redirect", b"/blob")
    with Bundle(tmp_path, None, lower=pathlib.Path(f"{lower}::{data}"),
                options=",metacopy=on,redirect_dir=on") as container:
        assert container.work("cat /blob") == b"hello"
        wait_for(lambda: agent.diff(container.name)["state"] == "still",
                 EVENT_SECONDS, "it is still")
        container.work("chmod 600 /blob")
        wait_for(lambda: agent.changes(container.name).get("/blob", {}).get(
            "kinds") == ["mode_change"], EVENT_SECONDS, "its mode alone")
        container.work("rm /blob")
        wait_for(lambda: "/blob" in agent.changes(container.name),
                 EVENT_SECONDS, "its removal is seen")
        assert agent.diff(container.name)["state"] == "mutated"
