# SPDX-License-Identifier: Apache-2.0
"""A container in which sequences are carried out, each in its own directory."""

import concurrent.futures
import dataclasses
import pathlib
import shlex
import time
from collections.abc import Callable

from harness.image import Tree, base_tree
from harness.podman import PRIVILEGES, Container, Store

from .lane import (
    Lane, Stuck, exec_lane, host_lane, workload_command, workload_lane)
from .oracle import Done
from .sequence import (
    DIRECTORIES, FILES, KILL, MOST_PHASES, MOST_STEPS, RESTART, Sequence, Step)

SLOTS = 40
# Of one that stays as it is in the image.
UNTOUCHED = SLOTS
# Sequences that are carried out at the same time; each has lanes of its own.
PLACES = 2
_PLACE_NAMES = "xy"
# CLOCK_REALTIME_COARSE of <linux/time.h>: ctimes are of it, unless somebody asked for
# the one before (current_time() in fs/inode.c).
_STAMPS_FILES = 5
_PODMAN_RACE = "container state improper"
_NOT_RUN = {2, 126, 127}  # what `mutate` and the shell say then


def slot(number: int) -> str:
    """The directory of the image that is one sequence's own."""
    return f"/data/s{number:03}"


def program(place: int, phase: int, step: int) -> str:
    """The name under which a step's processes run `mutate`: their comm."""
    return f"{_PLACE_NAMES[place]}{phase}-{step}"


def programs() -> list[str]:
    return [program(place, phase, step) for place in range(PLACES)
            for phase in range(MOST_PHASES + 1) for step in range(MOST_STEPS)]


def image(mutate: pathlib.Path) -> Tree:
    tree = base_tree(mutate)
    for name in programs():
        tree.symlink(f"bin/{name}", "mutate")
    for number in range(SLOTS + 1):
        tree.directory(slot(number))
        for name in DIRECTORIES:
            tree.directory(f"{slot(number)}/{name}")
        for name in FILES:
            tree.file(f"{slot(number)}/{name}")
    return tree


class Stage:
    """`tools` has `mutate` under each of its names, for the host."""

    def __init__(self, name: str, container: str, tools: pathlib.Path,
                 kill_agent: Callable[[], None],
                 store: Store | None = None) -> None:
        self._tools = tools
        self._kill_agent = kill_agent
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._next = 0
        self.has_diff = True  # that podman can show
        self._pool = concurrent.futures.ThreadPoolExecutor(
            PLACES * (MOST_STEPS + 1))
        self.container = Container(
            name, *workload_command(PLACES * MOST_STEPS), options=PRIVILEGES,
            name=container, store=store)
        self.root = self.container.root

    def remove(self) -> None:
        self.container.remove()
        self._close_lanes()
        self._pool.shutdown()

    @property
    def slots_left(self) -> int:
        return SLOTS - self._next

    def take_slot(self) -> str:
        self._next += 1
        return slot(self._next - 1)

    def carry_out(self, sequence: Sequence, directory: str,
                  place: int) -> list[Done]:
        done: list[Done] = []
        tick = 0.0
        for number, phase in enumerate(sequence.phases):
            soon = time.clock_gettime(_STAMPS_FILES) == tick
            jobs = []
            for index, step in enumerate(phase):
                if step.way == RESTART:
                    self._restart()
                elif step.way == KILL:
                    jobs.append(self._pool.submit(self._kill_agent))
                else:
                    jobs.append(self._pool.submit(
                        self._do, step, directory, place, number, index))
            for job in jobs:
                done += [dataclasses.replace(one, soon=soon)
                         for one in job.result() or []]
            tick = time.clock_gettime(_STAMPS_FILES)
        return done

    def renew_sessions(self) -> None:
        """The next ones that come in are others."""
        self._close_lanes("exec")

    def _restart(self) -> None:
        self._close_lanes()
        command = "restart", "-t", "0", self.container.name
        try:
            self.container.podman(*command)
        except AssertionError as error:
            # On a busy machine podman signals what it has just stopped itself.
            if _PODMAN_RACE not in str(error):
                raise
            self.container.podman(*command)
        self.root = self.container.root

    def _close_lanes(self, way: str | None = None) -> None:
        for key in [k for k in self._lanes if way in (None, k[0])]:
            self._lanes.pop(key).close()

    def _lane(self, way: str, number: int) -> Lane:
        lane = self._lanes.get((way, number))
        if lane is None:
            lane = (host_lane() if way == "host" else
                    exec_lane(self.container) if way == "exec" else
                    workload_lane(self.container.control, number))
            self._lanes[way, number] = lane
        return lane

    def _do(self, step: Step, directory: str, place: int, phase: int,
            index: int) -> list[Done]:
        name = program(place, phase, index)
        root, tool = "", f"/bin/{name}"
        if step.way == "host":
            root, tool = self.root, str(self._tools / name)
        commands = [
            shlex.join([tool, operation,
                        *(f"{root}{directory}/{p}" for p in paths)])
            for operation, *paths in step.operations]
        codes = self._lane(step.way, place * MOST_STEPS + index).codes(commands)
        if len(codes) != len(commands) or _NOT_RUN.intersection(codes):
            raise Stuck(f"{codes} of {commands}")
        return [Done(step.way, name, phase, operation,
                     tuple(f"{directory}/{p}" for p in paths), code == 0)
                for (operation, *paths), code in zip(step.operations, codes)]
