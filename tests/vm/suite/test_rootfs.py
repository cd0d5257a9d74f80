# SPDX-License-Identifier: Apache-2.0
"""Root filesystems that are not overlays: a plain directory, a btrfs subvolume."""

import contextlib
import pathlib
import subprocess
from collections.abc import Callable, Iterator

import pytest
from harness import batches as batching
from harness import coverage, operations, environment
from harness import image as images
from harness.agent import Agent
from harness.batches import UNSUPPORTED, Batch
from harness.bundle import Bundle
from harness.checks import again_if_missed, event, mutations
from harness.coverage import Results
from harness.operations import FAMILIES, IMAGE, NEW, Operation
from harness.programs import CASES as PROGRAMS
from harness.programs import IMAGE_PROGRAMS
from harness.runtimes import runtime
from harness.waiting import wait_for

from kernels import Kernel, this

ROOTFS = ("directory", "btrfs") if this().subvolumes else ("directory",)
WAY = "workload"
READ_EVERYTHING = "mutate readonly /data /bin/busybox; ls -lR / >/dev/null"
# An open that writes nothing changes nothing here: there is no copy-up.
UNCHANGED = ("open_wronly", "open_rdwr", "uring_open_wronly")
# What a comparison of two trees, or of an inode with its past, sees of these is
# less than what was done; that it was done, and by whom, must be reported anyway.
COMPARED = ((IMAGE, "lchown_absolute"), (IMAGE, "opaque_dir"),
            (IMAGE, "uring_link"))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def places(work: pathlib.Path) -> Iterator[dict[str, pathlib.Path]]:
    """A directory for each rootfs' containers."""
    mounted = work / "btrfs"
    mounted.mkdir()
    with open(work / "btrfs.image", "wb") as image:
        image.truncate(512 << 20)
    _run("mkfs.btrfs", "-q", str(work / "btrfs.image"))
    _run("mount", "-o", "loop", str(work / "btrfs.image"), str(mounted))
    _run("btrfs", "subvolume", "create", str(mounted / "subvolume"))
    yield {"directory": work, "btrfs": mounted / "subvolume"}
    _run("umount", "-l", str(mounted))


@pytest.fixture(scope="module")
def tree(mutate: pathlib.Path) -> images.Tree:
    tree = images.base_tree(mutate)
    operations.add_to(tree)
    return tree


@pytest.fixture(scope="module", autouse=True)
def another(places: dict[str, pathlib.Path], tree: images.Tree, agent: Agent,
            kernel: Kernel) -> Iterator[None]:
    """The first such container's first moments are found by scan: this one's."""
    with Bundle(places["directory"], tree, plain=True,
                runtime=runtime()) as container:
        # Until the agent knows it, what sees it may be in use for another one
        # that is gone, and about to be detached.
        wait_for(lambda: agent.ps(container.id) is not None
                 and kernel.whole_sensor in agent.files_sensor(), 20,
                 f"{kernel.whole_sensor} in use")
        yield


@pytest.fixture(scope="module")
def batches() -> dict[tuple[str, str], Batch]:
    return {}


@pytest.fixture
def batch(rootfs: str, family: str, batches: dict[tuple[str, str], Batch],
          places: dict[str, pathlib.Path], tree: images.Tree, agent: Agent,
          mutate: pathlib.Path) -> Batch:
    if (rootfs, family) not in batches:
        with Bundle(places[rootfs], tree, plain=True,
                    runtime=runtime()) as container:
            batches[rootfs, family] = batching.run(
                container, WAY, family, mutate, agent, chosen=(IMAGE, NEW),
                overlay=False)
    return batches[rootfs, family]


def _cases() -> Iterator:
    for rootfs in ROOTFS:
        for family, members in FAMILIES.items():
            for operation in members:
                for target in (IMAGE, NEW):
                    if operations.expectations(operation, target) is None:
                        continue
                    yield pytest.param(rootfs, family, target, operation,
                                       id=f"{rootfs}-{target}-{operation.case}")


@pytest.mark.parametrize("rootfs,family,target,operation", list(_cases()))
def test_operation_is_recorded(batch: Batch, rootfs: str, family: str,
                               target: str, operation: Operation,
                               results: Results) -> None:
    code = batch.codes[target, operation.case]
    if code == UNSUPPORTED:
        return  # which kernel has what, the cases on overlay check
    assert code == 0
    for suffix, (_, kinds) in operations.expectations(operation, target).items():
        path = operations.path(family, target, operation) + suffix
        change = batch.changes.get(path)
        if target == IMAGE and operation.case in UNCHANGED:
            assert change is None, change
            continue
        if not kinds:
            continue
        if operation.case == "opaque_dir" and change and (
                change["kinds"] == ["copy_up"]):
            assert not change["actors"], change  # what was in it says who
            continue
        if (target, operation.case) in COMPARED:
            kinds = tuple(change["kinds"]) if change else kinds
        outcome = coverage.outcome(change, batch.origin, kinds)
        if (target, operation.case) not in COMPARED:
            results.add(coverage.named(change, kinds), outcome, rootfs=rootfs,
                        operation=operation.case, target=target, way=WAY)
        assert outcome == coverage.EVENTS, change


@pytest.mark.parametrize("rootfs", ROOTFS)
def test_reading_changes_nothing(rootfs: str, places: dict[str, pathlib.Path],
                                 tree: images.Tree, agent: Agent) -> None:
    with Bundle(places[rootfs], tree, plain=True,
                runtime=runtime()) as container:
        container.work(READ_EVERYTHING)
        container.shell(READ_EVERYTHING)
        # Beside it, on the same filesystem.
        nearby = container.directory / "nearby"
        batching.on_host(f"echo x >{nearby}; chmod 600 {nearby}; rm {nearby}")
        assert mutations(agent, container.id) == []
        assert agent.changes(container.id) == {}
        assert agent.ps(container.id)["state"] == "still"


@pytest.fixture(scope="module")
def programs(places: dict[str, pathlib.Path], tree: images.Tree,
             another: None) -> Iterator[dict[str, Bundle]]:
    """One container for all programs: each has a kind of its own."""
    with contextlib.ExitStack() as stack:
        yield {rootfs: stack.enter_context(
            Bundle(places[rootfs], tree, plain=True, runtime=runtime()))
            for rootfs in ROOTFS}


@pytest.mark.parametrize("rootfs", ROOTFS)
def test_programs_of_the_image_are_not_reported(
        rootfs: str, programs: dict[str, Bundle], agent: Agent) -> None:
    container = programs[rootfs]
    container.work(IMAGE_PROGRAMS)
    container.shell(IMAGE_PROGRAMS)
    assert mutations(agent, container.id) == []


@pytest.mark.parametrize("case", PROGRAMS)
@pytest.mark.parametrize("rootfs", ROOTFS)
def test_program_is_reported(rootfs: str, case: str, programs: dict[str, Bundle],
                             agent: Agent, results: Results) -> None:
    script, kind = PROGRAMS[case]
    container = programs[rootfs]

    def attempt() -> str | None:
        container.work(script)
        try:
            return event(agent, container.id, kind)["actor"]["origin"]
        except TimeoutError:
            return None

    assert again_if_missed(agent, attempt, None) == "workload"
    results.add((kind,), coverage.EVENTS, rootfs=rootfs, operation=case,
                way="workload")


@pytest.mark.parametrize("case", ["map_new", "map_changed", "protect_new"])
@pytest.mark.parametrize("rootfs", ROOTFS)
def test_library_is_reported(rootfs: str, case: str, programs: dict[str, Bundle],
                             agent: Agent, results: Results) -> None:
    library = environment.CASES[case]
    container = programs[rootfs]
    outcome = environment.run(agent, container, library, "workload")
    results.add((library.kind,), outcome, rootfs=rootfs, operation=case,
                way="workload")
    assert outcome == coverage.EVENTS, mutations(agent, container.id)
