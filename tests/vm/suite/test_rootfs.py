# SPDX-License-Identifier: Apache-2.0
"""Root filesystems that are no overlay: a plain directory, a btrfs subvolume."""

import pathlib
import subprocess
from collections.abc import Callable, Iterator

import pytest
from harness import batches as batching
from harness import coverage, operations
from harness import image as images
from harness.agent import Agent
from harness.batches import UNSUPPORTED, Batch
from harness.bundle import Bundle
from harness.coverage import Results
from harness.operations import FAMILIES, IMAGE, NEW, Operation
from harness.runtimes import runtime

from kernels import Kernel

ROOTFS = ("directory", "btrfs")
WAY = "workload"
# An open that writes nothing changes nothing here: there is no copy-up.
UNCHANGED = ("open_wronly", "open_rdwr", "uring_open_wronly")
# What a comparison of two trees, or of an inode with its past, sees of these is
# less than what was done; that it was done, and by whom, must be told all the same.
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


@pytest.fixture(scope="module")
def batches() -> dict[tuple[str, str], Batch]:
    return {}


@pytest.fixture
def batch(rootfs: str, family: str, batches: dict[tuple[str, str], Batch],
          places: dict[str, pathlib.Path], tree: images.Tree, agent: Agent,
          mutate: pathlib.Path, kernel: Kernel) -> Batch:
    if (rootfs, family) not in batches:
        with Bundle(places[rootfs], tree, plain=True,
                    runtime=runtime()) as container:
            batches[rootfs, family] = batching.run(
                container, WAY, family, mutate, agent,
                attributed=kernel.by_time_stamps, chosen=(IMAGE, NEW))
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
                               kernel: Kernel, results: Results) -> None:
    code = batch.codes[target, operation.case]
    if code == UNSUPPORTED:
        return  # which kernel has what, the cases on overlay check
    assert code == 0
    # Below 6.13 programs sit at overlay's own operations, or ask for an overlay.
    wanted = coverage.EVENTS if kernel.by_time_stamps else coverage.STATE
    if rootfs == "btrfs" and kernel.name == "5.10":
        # No types of modules: a subvolume's device is not what stat(2) says, and
        # the container cannot be matched with its directory.
        wanted = coverage.NONE
    for suffix, (_, kinds) in operations.expectations(operation, target).items():
        path = operations.path(family, target, operation) + suffix
        change = batch.changes.get(path)
        if target == IMAGE and operation.case in UNCHANGED:
            assert change is None, change
            continue
        if not kinds:
            continue
        if (target, operation.case) in COMPARED:
            kinds = tuple(change["kinds"]) if change else kinds
        outcome = coverage.outcome(change, batch.origin, kinds)
        if (target, operation.case) not in COMPARED:
            results.add(coverage.named(change, kinds), outcome, rootfs=rootfs,
                        operation=operation.case, target=target, way=WAY)
        assert outcome == wanted, change
