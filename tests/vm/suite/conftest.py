# SPDX-License-Identifier: Apache-2.0
"""One agent, one image unpacked once, containers of the fastest runtime.

Made for the machines of tests/vm/run, but runs on any: there, the kernel is
called newest if it has the ctime tracepoints.
"""

import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from harness import agent as agents
from harness import image as images
from harness import operations
from harness.agent import Agent
from harness.bundle import Bundle, unpack
from harness.coverage import Results
from harness.runtimes import runtime

import kernels


def pytest_configure(config: pytest.Config) -> None:
    if os.geteuid() != 0:
        pytest.exit("the suite needs root", returncode=1)
    # For test_rootfs. Before the agent starts, which then knows btrfs' types; a
    # kernel that has them built in has no such modules.
    subprocess.run(["modprobe", "-a", "loop", "btrfs"], check=False)


@pytest.fixture(scope="session")
def kernel() -> kernels.Kernel:
    return kernels.this()


@pytest.fixture(scope="session")
def mutate() -> pathlib.Path:
    default = agents.binary().parent / "tests/mutators/mutate"
    return pathlib.Path(os.environ.get("STILLFRAME_MUTATE", default))


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """On a disk: an overlay's upper directory cannot be on an overlay."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def lower(mutate: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    tree = images.base_tree(mutate)
    operations.add_to(tree)
    return unpack(tree, work / "lower")


@pytest.fixture(scope="session")
def agent(work: pathlib.Path) -> Iterator[Agent]:
    directory = work / "agent"
    directory.mkdir()
    with Agent(directory).start() as running:
        yield running
        name = os.environ.get("STILLFRAME_VM_NAME")
        if name:
            shutil.copy(running.log, agents.REPOSITORY / f"build/reports/{name}.agent.log")
        lost = running.metric("stillframe_events_lost_total")
        # Whether programs are preempted is the kernel's matter.
        assert {reason for reason, count in lost.items() if count} <= {
            'reason="program_busy"', 'reason="mmap_busy"'}, lost


@pytest.fixture(scope="session")
def sensors() -> dict[str, str]:
    """What the agent says that each of its sensors covers here."""
    report = json.loads(agents.command_line("doctor", "-o", "json").stdout)
    return {row["sensor"]: row["coverage"] for row in report["sensors"]}


@pytest.fixture(scope="session")
def results(kernel: kernels.Kernel) -> Iterator[Results]:
    kept = Results(os.environ.get("STILLFRAME_VM_NAME", f"vm-{kernel.name}"))
    yield kept
    kept.write()


@pytest.fixture(scope="session")
def bundle(work: pathlib.Path, lower: pathlib.Path,
           agent: Agent) -> Callable[[], Bundle]:
    """Makes a container; to be used in a `with` statement."""
    return lambda: Bundle(work, None, lower=lower, runtime=runtime())
