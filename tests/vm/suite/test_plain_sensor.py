# SPDX-License-Identifier: Apache-2.0
"""What sees a rootfs that is not an overlay is attached as long as there is one."""

import pathlib
import shutil

from harness import image as images
from harness.agent import Agent
from harness.bundle import Bundle
from harness.runtimes import runtime
from harness.waiting import wait_for

from kernels import Kernel


def test_the_host_pays_only_while_there_is_one(
        work: pathlib.Path, mutate: pathlib.Path, kernel: Kernel) -> None:
    if kernel.by_time_stamps:
        return  # the same programs see everything
    directory = work / "watcher"
    directory.mkdir()
    with Agent(directory) as agent:
        agent.start("--scan-interval", "1s")
        assert kernel.whole_sensor not in agent.files_sensor()
        tree = images.base_tree(mutate)
        with Bundle(work, tree, plain=True, runtime=runtime()) as container:
            wait_for(lambda: kernel.whole_sensor in agent.files_sensor(), 30,
                     "attached")
        # As long as its rootfs is there the container is, too.
        shutil.rmtree(container.directory)
        wait_for(lambda: kernel.whole_sensor not in agent.files_sensor(), 10,
                 "detached")
