# SPDX-License-Identifier: Apache-2.0
"""Root filesystems that are not overlays: podman's vfs driver, bare directories."""

import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator

import pytest

from harness import batches as runs
from harness import coverage
from harness import image as images
from harness import operations
from harness.agent import Agent
from harness.batches import UNSUPPORTED, WAYS, Batch, on_host
from harness.bundle import Bundle
from harness.checks import (EVENT_SECONDS, event, is_still, mutations, origins,
                            recorded, same_diff)
from harness.coverage import Results
from harness.image import Tree
from harness.operations import FAMILIES, IMAGE, NEW, Operation
from harness.podman import PRIVILEGES, Container, Store
from harness.programs import CASES as PROGRAMS
from harness.programs import IMAGE_PROGRAMS
from harness.waiting import wait_for

IMAGE_NAME = "localhost/stillframe-vfs:1"
READ_EVERYTHING = "mutate readonly /data /bin/busybox; ls -lR / >/dev/null"


@pytest.fixture(scope="module")
def store(tree: Tree) -> Iterator[Store]:
    # Not below pytest's own directory: that one's path is too long for podman.
    with tempfile.TemporaryDirectory(prefix="sfnat-vfs-") as directory:
        place = Store(pathlib.Path(directory), "vfs")
        images.import_bytes(IMAGE_NAME, tree.bytes(), place.options)
        yield place
        place.remove()


@pytest.fixture
def start_copy(store: Store) -> Iterator[Callable[..., Container]]:
    """Starts podman containers whose rootfs is a copy of the image's."""
    running: list[Container] = []

    def start_one(*command: str, **more) -> Container:
        running.append(Container(IMAGE_NAME, *command, store=store, **more))
        return running[-1]

    yield start_one
    for container in running:
        container.remove()


@pytest.fixture
def start_bare(tmp_path: pathlib.Path, tree: Tree) -> Iterator[Callable]:
    """Starts runc containers on a plain directory."""
    running: list[Bundle] = []

    def start_one(*command: str) -> Bundle:
        more = {"command": command} if command else {}
        running.append(Bundle(tmp_path, tree, plain=True, **more))
        return running[-1]

    yield start_one
    for bundle in running:
        bundle.remove()


# Every operation, every way.

@pytest.fixture(scope="module")
def batches() -> dict[tuple[str, str, str], tuple[Batch, set[bytes]]]:
    return {}


@pytest.fixture
def reported(kind: str, way: str, family: str, batches: dict, agent: Agent,
             store: Store, tree: Tree, mutate: pathlib.Path,
             tmp_path: pathlib.Path) -> tuple[Batch, set[bytes]]:
    """What came of it, and what podman says."""
    key = (kind, way, family)
    if key in batches:
        return batches[key]
    made = (Container(IMAGE_NAME, options=tuple(PRIVILEGES), store=store)
            if kind == "copy" else Bundle(tmp_path, tree, plain=True))
    with made as container:
        batch = runs.run(container, way, family, mutate, agent,
                         chosen=(IMAGE, NEW), overlay=False)
        shown_by_runtime = container.diff_lines() if kind == "copy" else set()
    batches[key] = batch, shown_by_runtime
    return batches[key]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["copy"])
def test_docker_lines_are_podmans(reported: tuple[Batch, set[bytes]]) -> None:
    batch, shown_by_runtime = reported
    assert batch.lines == shown_by_runtime


# What is said of these is what a comparison of two trees sees: a link that
# changed its owner; a directory as it was, without what was in it; a file whose
# inode changed in the course of a call that nobody can name.
COMPARED = ((IMAGE, "lchown_absolute"), (IMAGE, "opaque_dir"),
            (IMAGE, "uring_link"))
# An open that writes nothing changes nothing here: there is no copy-up.
UNCHANGED = ("open_wronly", "open_rdwr", "uring_open_wronly")


def _cases() -> Iterator:
    for kind in ("copy", "bare"):
        for way in WAYS:
            for family, members in FAMILIES.items():
                for operation in members:
                    for target in IMAGE, NEW:
                        if operations.expectations(operation, target) is None:
                            continue
                        name = f"{kind}-{way}-{target}-{operation.case}"
                        yield pytest.param(kind, way, family, target, operation,
                                           id=name)


@pytest.mark.parametrize("kind,way,family,target,operation", list(_cases()))
def test_operation_is_recorded(reported: tuple[Batch, set[bytes]], kind: str,
                               family: str, target: str, operation: Operation,
                               results: Results) -> None:
    batch, _ = reported
    outcome = batch.codes[target, operation.case]
    if outcome == UNSUPPORTED:
        pytest.skip(f"{operation.name}: not on this kernel or filesystem")
    assert outcome == 0
    expected = operations.expectations(operation, target)
    for suffix, (letter, kinds) in expected.items():
        path = operations.path(family, target, operation) + suffix
        if target == IMAGE and operation.case in UNCHANGED:
            assert path not in batch.changes
            continue
        if not kinds:
            continue
        assert path in batch.changes
        change = batch.changes[path]
        who = {a["origin"] for a in change["actors"]}
        if kind == "copy" and (target, operation.case) == (IMAGE, "opaque_dir"):
            assert not who, change  # those of what was in it say who
            continue
        assert who == {batch.origin}, change
        if (target, operation.case) in COMPARED:
            continue
        assert set(kinds) & set(change["kinds"]), change
        # Of a bare directory, what was made in its first instants may have been
        # taken for the image's.
        if letter == "D" or (letter == "A" and kind == "copy"):
            assert change["change"] == letter
        results.add(coverage.named(change, kinds), coverage.EVENTS,
                    rootfs="directory", way=batch.way, target=target,
                    operation=operation.case)


# Stillness.

def test_reading_copy_stays_still(agent: Agent, start_copy) -> None:
    container = start_copy()
    container.work(READ_EVERYTHING)
    container.shell(READ_EVERYTHING)
    is_still(agent, container)
    assert mutations(agent, container.name) == []
    same_diff(agent, container)


def test_reading_directory_stays_still(agent: Agent, start_bare) -> None:
    bundle = start_bare()
    bundle.work(READ_EVERYTHING)
    bundle.shell(READ_EVERYTHING)
    is_still(agent, bundle)
    assert agent.diff(bundle.name)["complete"]
    assert mutations(agent, bundle.name) == []
    assert agent.docker_lines(bundle.name) == set()


def test_users_entry_is_podmans_own(own_agent: Agent, start_copy) -> None:
    own_agent.start()
    container = start_copy("sleep", "1000", options=("--user", "1000"))
    is_still(own_agent, container)
    same_diff(own_agent, container)
    own_agent.stop()
    own_agent.start()
    is_still(own_agent, container)
    same_diff(own_agent, container)


# Life.

def test_first_write_of_the_entrypoint_has_its_actor(
        agent: Agent, start_copy, start_bare) -> None:
    command = ("sh", "-c", "echo x >>/etc/passwd; exec sleep 1000")
    for container in start_copy(*command), start_bare(*command):
        change = recorded(agent, container.name, "/etc/passwd", "workload")
        assert change["change"] == "C"


def test_restart_continues_the_ledger(agent: Agent, start_copy) -> None:
    container = start_copy()
    container.shell("echo x >>/etc/group; rm /data/alias")
    recorded(agent, container.name, "/etc/group", "exec")
    container.podman("stop", "-t", "0", container.name)
    wait_for(lambda: not agent.ps(container.id)["running"], 5, "stopped")
    same_diff(agent, container)
    container.podman("start", container.name)
    wait_for(lambda: agent.ps(container.id)["running"], 5, "started")
    container.work("echo x >/new/again")
    recorded(agent, container.name, "/etc/group", "exec")
    recorded(agent, container.name, "/data/alias", "exec")
    recorded(agent, container.name, "/new/again", "workload")
    same_diff(agent, container)


def test_agent_that_was_killed_finds_what_was_done(own_agent: Agent, start_copy,
                                                   start_bare) -> None:
    own_agent.start()
    both = start_copy(), start_bare()
    for container in both:
        container.shell("echo x >>/etc/group; rm /data/alias")
        recorded(own_agent, container.name, "/data/alias", "exec")
    own_agent.kill()
    for container in both:
        container.shell("echo x >/new/while-dead; rm /data/named")
    own_agent.start()
    for container in both:
        recorded(own_agent, container.name, "/etc/group", "exec")
        recorded(own_agent, container.name, "/data/alias", "exec")
        added = recorded(own_agent, container.name, "/new/while-dead",
                         "unattributed")
        gone = recorded(own_agent, container.name, "/data/named",
                        "unattributed")
        assert (added["change"], gone["change"]) == ("A", "D")
        container.shell("echo x >/new/after")
        recorded(own_agent, container.name, "/new/after", "exec")
        assert own_agent.diff(container.name)["complete"]
    same_diff(own_agent, both[0])


def test_older_containers_are_compared(own_agent: Agent, start_copy,
                                       start_bare) -> None:
    mutated, untouched = start_copy(), start_copy()
    bare = start_bare()
    change = "echo x >>/etc/group; rm /data/alias; echo n >/new/file"
    mutated.shell(change)
    bare.shell(change)
    own_agent.start()
    same_diff(own_agent, mutated)
    same_diff(own_agent, untouched)
    is_still(own_agent, untouched)
    for path in ("/etc/group", "/data/alias", "/new/file"):
        recorded(own_agent, mutated.name, path, "unattributed")
    # Nothing says what a directory held before anybody looked.
    diff = own_agent.diff(bare.name)
    found = {c["path"]: c["change"] for c in diff["changes"]
             if c["verdict"] == "violation"}
    assert found["/etc/group"] == "C" and found["/new/file"] == "A"
    assert "/data/alias" not in found
    assert not diff["complete"]
    bare.shell("rm /data/named")
    assert recorded(own_agent, bare.name, "/data/named",
                    "exec")["change"] == "D"


def test_removed_bundle_leaves_ps_and_its_directory_is_free(
        agent: Agent, start_bare) -> None:
    bundle = start_bare()
    bundle.shell("echo x >>/etc/group")
    recorded(agent, bundle.name, "/etc/group", "exec")
    bundle.remove()
    wait_for(lambda: agent.ps(bundle.id) is None, 5, "removed")
    assert bundle.rootfs.is_dir()


# Who else writes there.

def test_host_writing_beside_a_rootfs_is_not_in_it(
        agent: Agent, start_bare) -> None:
    bundle = start_bare()
    is_still(agent, bundle)
    on_host(f"echo x >{bundle.directory}/nearby; rm {bundle.directory}/nearby;"
            f" echo x >{bundle.control}/volume")
    bundle.work("echo x >/ctl/volume; mkdir /ctl/d; rmdir /ctl/d")
    is_still(agent, bundle)
    assert mutations(agent, bundle.name) == []


def test_host_writing_deep_inside_is_named(agent: Agent, start_bare) -> None:
    bundle = start_bare()
    deep = "/new/" + "/".join("abcdefghijkl")
    bundle.work(f"mkdir -p {deep}")
    recorded(agent, bundle.name, deep, "workload")
    on_host(f"echo x >{bundle.rootfs}{deep}/file")
    recorded(agent, bundle.name, deep + "/file", "host")


# Code.

@pytest.mark.parametrize("case", PROGRAMS)
def test_exec_is_recorded(agent: Agent, start_copy, start_bare, case: str,
                          results: Results) -> None:
    script, kind = PROGRAMS[case]
    for container in start_copy(), start_bare():
        container.work(script)
        seen = event(agent, container.name, kind)
        assert (seen["class"], seen["actor"]["origin"]) == ("code", "workload")
        results.add((kind,), coverage.EVENTS, rootfs="directory")


def test_image_programs_are_not_recorded(agent: Agent, start_copy,
                                         start_bare) -> None:
    for container in start_copy(), start_bare():
        container.work(IMAGE_PROGRAMS)
        container.shell(IMAGE_PROGRAMS)
        assert mutations(agent, container.name) == []


# A program in the kernel's stead.

def test_of_what_a_program_serves_nobody_is_blamed(
        own_agent: Agent, tree: Tree) -> None:
    """FUSE sets a file's times in the name of whoever reads it, too."""
    own_agent.start()
    with tempfile.TemporaryDirectory(prefix="sfnat-fuse-") as directory:
        store = Store(pathlib.Path(directory), "overlay",
                      program=shutil.which("fuse-overlayfs") or "")
        images.import_bytes(IMAGE_NAME, tree.bytes(), store.options)
        try:
            with Container(IMAGE_NAME, store=store) as container:
                container.shell(READ_EVERYTHING)
                is_still(own_agent, container)
                container.shell("echo x >>/data/f1; echo y >/new/made")
                changes = wait_for(
                    lambda: _with(own_agent, container, "/new/made"),
                    EVENT_SECONDS, "the diff has it")
                assert origins(changes["/data/f1"]) == {"unattributed"}
                assert origins(changes["/new/made"]) == {"unattributed"}
        finally:
            store.remove()
            subprocess.run(["umount", "-R", f"{directory}/root/overlay"],
                           check=False, capture_output=True, timeout=60)


def _with(agent: Agent, container: Container, path: str) -> dict | None:
    changes = agent.changes(container.name)
    return changes if path in changes else None
