# SPDX-License-Identifier: Apache-2.0
"""An agent, stages beside it, and what is wrong with what the one says."""

import concurrent.futures
import dataclasses
import os
import pathlib
import queue
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from harness.agent import Agent, binary
from harness.image import import_bytes, remove_image
from harness.podman import Store
from harness.waiting import wait_for

from .leftovers import container_name, copies_in, image_name
from .listener import Listener
from .oracle import Done, Oracle
from .sequence import RESTART, Sequence
from .stage import PLACES, UNTOUCHED, Stage, image, programs, slot
from .walk import walk, walk_faults

T = TypeVar("T")
STAGES = 3
RENEWALS = 0.2  # of turns begin with other sessions
SETTLE_SECONDS = 10
# An agent that has lost events says so; until it has looked at everything again, who
# did what may be unattributed (agent/engine/loss_watch.cpp).
LOSSES = ("ringbuf_full", "roots_full", "cgroups_full")
REPAIR_SECONDS = 20
TRIES = 6  # to see a fault again
# It looks in the image for what is in a directory that has come in a file's place.
# The walk shows what is wrong then.
_PODMAN_FAILS = "not a directory"
Wrong = tuple[Sequence, list[str]]


class Fuzz:
    def __init__(self, seed: str, directory: pathlib.Path,
                 plain: bool = False) -> None:
        """`plain`: of random sequences one container's rootfs is no overlay."""
        self.seed = seed
        self._plain = plain
        self.done = 0
        self.operations = 0
        self.losses = 0  # how often the agent had lost events
        self._rounds = 0
        self._away = 0  # odd while the agent is
        self._lost = 0.0
        self._lost_until = 0.0
        self._over = threading.Event()
        self._wrong: queue.Queue[Wrong | BaseException] = queue.Queue()
        self._counting = threading.Lock()
        self._asking = threading.Lock()
        self._stages: set[Stage] = set()
        self._listeners: dict[Stage, Listener] = {}
        self._names = 0
        self._quiet: dict[bool, Stage] = {}  # by whether it is plain
        mutate = pathlib.Path(os.environ.get(
            "STILLFRAME_MUTATE", binary().parent / "tests/mutators/mutate"))
        mutate = mutate.resolve()
        self._tools = directory / "bin"
        self._tools.mkdir()
        for name in programs():
            (self._tools / name).symlink_to(mutate)
        self.agent = Agent(directory)
        self._copies = copies_in(directory)
        try:
            packed = image(mutate).bytes()
            for store in None, self._copies:
                import_bytes(image_name(), packed,
                             store.options if store else ())
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._over.set()
        try:
            for stage in list(self._stages):
                self._discard(stage)
        finally:
            if self.agent.process is not None:
                self.agent.kill()
            remove_image(image_name())
            self._copies.remove()

    def _start(self) -> None:
        self.agent.start("--scan-interval", "24h")

    def _kill_agent(self) -> None:
        with self._asking:
            self._away += 1
            self.agent.kill()
            self._start()
            self._away += 1

    def _ask(self, question: Callable[..., T], *arguments: str) -> T:
        """Not while the agent is away."""
        with self._asking:
            return question(*arguments)

    def _losing(self) -> bool:
        """Whether the agent has lost events not long ago: there was no room, since
        somebody on this machine made too many."""
        lost = sum(value for labels, value in self._ask(
            self.agent.metric, "stillframe_events_lost_total").items()
            if any(reason in labels for reason in LOSSES))
        with self._counting:
            if lost != self._lost:
                # None after it was started again.
                if lost > 0:
                    self.losses += 1
                    self._lost_until = time.monotonic() + REPAIR_SECONDS
                self._lost = lost
            return time.monotonic() < self._lost_until

    def _new_stage(self, plain: bool) -> Stage:
        with self._counting:
            self._names += 1
            name = container_name(self._names)
        stage = Stage(image_name(), name, self._tools, self._kill_agent,
                      self._copies if plain else None)
        self._stages.add(stage)
        self._listeners[stage] = Listener(self.agent.socket, name)
        return stage

    def _discard(self, stage: Stage) -> None:
        """Also of one that another thread has discarded meanwhile."""
        self._stages.discard(stage)
        listener = self._listeners.pop(stage, None)
        if listener is None:
            return
        listener.close()
        stage.remove()

    def _next(self, chance: random.Random, plain: bool) -> Sequence:
        one = Sequence.random(f"{self.seed}/{chance.getrandbits(64)}")
        return dataclasses.replace(one, plain=plain)

    def _worker(self, name: str, plain: bool) -> None:
        # The same seed makes the same sequences, in the same order.
        chance = random.Random(f"{self.seed}/{name}")
        stage = after = None
        try:
            while not self._over.is_set():
                if stage is None or not stage.has_diff or (
                        stage.slots_left < PLACES):
                    if stage:
                        self._discard(stage)
                    stage = self._new_stage(plain)
                if chance.random() < RENEWALS:
                    stage.renew_sessions()
                sequences = [after or self._next(chance, plain)]
                after = None
                if not sequences[0].disturbs(RESTART):
                    after = self._next(chance, plain)
                    # Its container is restarted: nothing else is done in it.
                    if not after.disturbs(RESTART):
                        sequences.append(after)
                        after = None
                wrong = self._turn(stage, sequences)
                with self._counting:
                    self.done += len(sequences)
                    self.operations += sum(s.size for s in sequences)
                for one in wrong:
                    self._wrong.put(one)
                if wrong:
                    # What is wrong once stays wrong.
                    self._discard(stage)
                    stage = None
        except BaseException as error:
            self._over.set()
            self._wrong.put(error)
        finally:
            if stage:
                self._discard(stage)

    def _turn(self, stage: Stage, sequences: list[Sequence]) -> list[Wrong]:
        """Carries them out at once; those that were wrong, and why."""
        away = self._away
        self._ask(self._listeners[stage].events)  # it listens from here on
        slots = [stage.take_slot() for _ in sequences]
        with concurrent.futures.ThreadPoolExecutor(PLACES) as pool:
            logs = list(pool.map(stage.carry_out, sequences, slots,
                                 range(len(sequences))))
        wrong: list[Wrong] = []

        def right() -> bool:
            try:
                wrong[:] = self._judge(stage, sequences, slots, logs, away)
            except AssertionError as error:  # no answer, for now
                wrong[:] = [(sequences[0], [str(error)])]
            return not wrong

        try:
            # What is folded is looked at when its second is over.
            wait_for(right, SETTLE_SECONDS, "all is right")
        except TimeoutError:
            pass
        return wrong

    def _judge(self, stage: Stage, sequences: list[Sequence],
               slots: list[str], logs: list[list[Done]],
               away: int) -> list[Wrong]:
        """`away`: as that was before anything was done."""
        changes = self._ask(self.agent.changes, stage.container.name)
        events = self._ask(self._listeners[stage].events)
        losing = self._losing()
        gap = losing or away % 2 == 1 or self._away != away
        untouched = walk(stage.root, slot(UNTOUCHED))
        wrong = []
        for sequence, place, log in zip(sequences, slots, logs):
            faults = Oracle(place, log, gap).faults(changes, events)
            faults += walk_faults(untouched, walk(stage.root, place), place,
                                  changes)
            faults += bare_path_faults(events)
            if faults:
                if gap:
                    faults.append("the agent had lost events" if losing else
                                  "the agent was killed and started meanwhile")
                wrong.append((sequence, faults + said(place, events)))
        if wrong:  # maybe not yet; podman takes long
            return wrong
        state = self._state_faults(stage)
        for sequence, place in zip(sequences, slots):
            if faults := [f for f in state if f"{place}/" in f + "/"]:
                wrong.append((sequence, faults + said(place, events)))
        if state and not wrong:
            wrong.append((sequences[0], state))
        return wrong

    def _state_faults(self, stage: Stage) -> list[str]:
        """Where the agent's diff is not podman's."""
        container = stage.container
        mine = self._ask(self.agent.docker_lines, container.name)
        try:
            podmans = container.diff_lines()
        except AssertionError as error:
            if _PODMAN_FAILS not in str(error):
                raise
            stage.has_diff = False
            return []
        return [*(f"only the agent: {line.decode()}"
                  for line in sorted(mine - podmans)),
                *(f"only podman: {line.decode()}"
                  for line in sorted(podmans - mine))]

    def until(self, over: Callable[[], bool]) -> list[Wrong]:
        """Fuzzes until it is over, or something is wrong."""
        self._over.clear()
        self._rounds += 1
        workers = [threading.Thread(target=self._worker,
                                    args=(f"{self._rounds}/{number}",
                                          self._plain and number == 0))
                   for number in range(STAGES)]
        for worker in workers:
            worker.start()
        try:
            while not over() and not self._over.wait(0.2):
                if not self._wrong.empty():
                    break
        finally:
            self._over.set()
            for worker in workers:
                worker.join()
        wrong = []
        while not self._wrong.empty():
            one = self._wrong.get()
            if isinstance(one, BaseException):
                raise one
            wrong.append(one)
        return wrong

    def alone(self, sequence: Sequence) -> list[str]:
        """What is wrong when nothing else goes on."""
        plain = sequence.plain
        stage = self._quiet.get(plain)
        if stage is None or not stage.has_diff or not stage.slots_left:
            if stage:
                self._discard(stage)
            stage = self._quiet[plain] = self._new_stage(plain)
        wrong = self._turn(stage, [sequence])
        if wrong:
            self._discard(self._quiet.pop(plain))
        return [fault for _, faults in wrong for fault in faults]

    def fails(self, sequence: Sequence, tries: int = TRIES) -> list[str]:
        for _ in range(tries):
            if faults := self.alone(sequence):
                return faults
        return []

    def shrink(self, sequence: Sequence,
               over: Callable[[], bool]) -> tuple[Sequence, list[str]]:
        """The smallest found that fails by itself; no faults: none did."""
        faults = self.fails(sequence)
        smaller = faults != []
        while smaller:
            smaller = False
            for less in sequence.smaller():
                if over():
                    break
                seen = self.fails(less) if less.size else []
                if seen:
                    sequence, faults, smaller = less, seen, True
                    break
        return sequence, faults


def said(place: str, events: list[dict]) -> list[str]:
    """All events there, to find the cause by."""
    return [f"said: {e['kind']} of {e['path']} by {e['actor']['origin']}"
            f" {e['actor']['comm']}{' ?' * e['actor'].get('ambiguous', False)}"
            for e in events if (e["path"] or "").startswith(place + "/")]


def bare_path_faults(events: list[dict]) -> list[str]:
    """Events about the rootfs whose path is none."""
    return [f"event of no path: {e}"
            for e in events
            if e["class"] in ("content", "metadata")
            and not (e["path"] or "").startswith("/")]
