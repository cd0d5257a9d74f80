# SPDX-License-Identifier: Apache-2.0
"""Sequences of changes: made of a seed, written down, made smaller."""

import dataclasses
import json
import random
from collections.abc import Iterator

# Below a directory of the image that is the sequence's own. Few names, so that
# changes meet each other.
FILES = ("f0", "f1", "d0/a", "d0/b", "d1/c")
DIRECTORIES = ("d0", "d1", "e0")
NEW_FILES = ("n0", "n1", "d0/n", "e0/n")
NEW_DIRECTORIES = ("m0", "d0/m")
ANY_FILE = FILES + NEW_FILES
ANY_DIRECTORY = DIRECTORIES + NEW_DIRECTORIES
# What an operation is given: F a file, D a directory, N any name.
_NAMES = {"F": ANY_FILE, "D": ANY_DIRECTORY, "N": ANY_FILE + ANY_DIRECTORY}


@dataclasses.dataclass(frozen=True)
class Operation:
    """One of `mutate`."""

    arguments: str
    weight: int
    kinds: frozenset[str]  # that it may be recorded as, at any of its paths


def _operation(arguments: str, weight: int, *kinds: str) -> Operation:
    return Operation(arguments, weight, frozenset(kinds))


_WRITE = "file_write"
# What io_uring did to an inode is not always known: any change of it may be one
# of content (docs/coverage.md).
_BY_RING = ("unknown_change", _WRITE)
_DELETES = ("file_delete", "dir_delete")
OPERATIONS = {
    "write": _operation("F", 6, _WRITE),
    "append": _operation("F", 6, _WRITE),
    "pwrite": _operation("F", 2, _WRITE),
    "o_trunc": _operation("F", 3, "file_truncate"),
    "truncate": _operation("F", 3, "file_truncate"),
    "mmap_store": _operation("F", 2, _WRITE),
    "fallocate_punch": _operation("F", 1, _WRITE),
    "open_wronly": _operation("F", 2),
    "chmod": _operation("N", 4, "mode_change"),
    "chmod_same": _operation("N", 1, "mode_change"),
    "chown": _operation("N", 3, "owner_change"),
    "utimensat": _operation("N", 2, "time_change"),
    "setxattr_user": _operation("F", 2, "xattr_change"),
    "setxattr_refused": _operation("F", 1, "xattr_change"),
    "set_acl": _operation("F", 1, "acl_change", "mode_change"),
    "create": _operation("F", 6, "file_create"),
    # Not a fifo: whoever opens one waits for the other side.
    "bind_socket": _operation("F", 1, "file_create"),
    "mkdir": _operation("D", 4, "dir_create"),
    "unlink": _operation("F", 6, "file_delete"),
    "rmdir": _operation("D", 2, "dir_delete"),
    "remove_tree": _operation("D", 2, *_DELETES),
    "opaque_dir": _operation("D", 2, "dir_create", *_DELETES),
    "rename": _operation("NN", 6, "file_rename", *_DELETES),
    "rename_over": _operation("F", 3, "file_rename", "file_create", _WRITE,
                              "file_delete"),
    # Of two directories each lacks what the image has in the other.
    "rename_exchange": _operation("NN", 3, "file_rename", *_DELETES),
    "link": _operation("FF", 4, "file_link"),
    "o_tmpfile_link": _operation("DF", 1, "file_create", "file_link"),
    "uring_write": _operation("F", 2, *_BY_RING),
    "uring_create": _operation("F", 1, *_BY_RING, "file_create"),
    "uring_unlink": _operation("F", 2, *_BY_RING, "file_delete"),
    # Of a file with several names it looks like a link, and one that is gone.
    "uring_rename": _operation("NN", 2, *_BY_RING, "file_rename", "file_link",
                               "file_create", "dir_create", *_DELETES),
    # Where the first name is taken away then, it looks like a rename.
    "uring_link": _operation("FF", 1, *_BY_RING, "file_link", "file_create",
                             "file_rename"),
    "uring_mkdir": _operation("D", 1, *_BY_RING, "dir_create"),
}
# Right after another change of the file these count as a change, too
# (docs/coverage.md).
LEAVE_AS_IT_WAS = ("chmod_same", "setxattr_refused")
MOVES = ("rename", "uring_rename", "rename_exchange", "link", "uring_link")
WHOLE_TREES = ("remove_tree", "opaque_dir", "rmdir")
# Who changes things; how each of them is named is the origin.
ACTORS = ("workload", "exec", "host")
KILL = "kill"  # the agent is killed and started again, beside what goes on
RESTART = "restart"  # the container is
MOST_PHASES = 4
MOST_STEPS = 3
MOST_OPERATIONS = 4
KILLS = 0.04
RESTARTS = 0.04


@dataclasses.dataclass(frozen=True)
class Step:
    """What one process tree does, one after the other."""

    way: str
    operations: tuple[tuple[str, ...], ...] = ()


Phase = tuple[Step, ...]  # what goes on at the same time


@dataclasses.dataclass(frozen=True)
class Sequence:
    phases: tuple[Phase, ...]
    plain: bool = False  # the container's rootfs is a directory, no overlay

    @staticmethod
    def random(seed: str) -> "Sequence":
        chance = random.Random(seed)
        names = list(OPERATIONS)
        weights = [OPERATIONS[name].weight for name in names]

        def operation() -> tuple[str, ...]:
            name = chance.choices(names, weights)[0]
            return (name, *(chance.choice(_NAMES[kind])
                            for kind in OPERATIONS[name].arguments))

        def step() -> Step:
            count = chance.randint(1, MOST_OPERATIONS)
            return Step(chance.choice(ACTORS),
                        tuple(operation() for _ in range(count)))

        phases = [tuple(step() for _ in range(chance.randint(1, MOST_STEPS)))
                  for _ in range(chance.randint(1, MOST_PHASES))]
        what = chance.random()
        at = chance.randrange(len(phases))
        if what < KILLS:
            phases[at] += (Step(KILL),)
        elif what < KILLS + RESTARTS:
            phases.insert(at, (Step(RESTART),))  # one more than MOST_PHASES
        return Sequence(tuple(phases))

    @staticmethod
    def parse(text: str) -> "Sequence":
        written = json.loads(text)
        return Sequence(tuple(
            tuple(Step(step[0], tuple(tuple(o) for o in step[1:]))
                  for step in phase)
            for phase in written["phases"]), written.get("plain", False))

    def text(self) -> str:
        phases = ",\n  ".join(
            "[" + ",\n   ".join(json.dumps([step.way, *step.operations])
                                for step in phase) + "]"
            for phase in self.phases)
        plain = ', "plain": true' if self.plain else ""
        return f'{{"phases": [\n  {phases}\n]{plain}}}\n'

    def smaller(self) -> Iterator["Sequence"]:
        """Each that lacks one phase, step or operation, or overlaps less."""
        for phases in self._smaller():
            yield dataclasses.replace(self, phases=phases)

    def _smaller(self) -> Iterator[tuple[Phase, ...]]:
        for i, phase in enumerate(self.phases):
            before, after = self.phases[:i], self.phases[i + 1:]
            yield before + after
            if len(phase) == 1:
                yield from ((*before, (step,), *after)
                            for step in _shorter(phase[0]))
                continue
            for j, step in enumerate(phase):
                rest = phase[:j] + phase[j + 1:]
                yield (*before, rest, *after)
                yield from (
                    (*before, (*phase[:j], less, *phase[j + 1:]), *after)
                    for less in _shorter(step))
            if len(self.phases) + len(phase) - 1 <= MOST_PHASES:
                yield (*before, *((step,) for step in phase), *after)

    def disturbs(self, way: str) -> bool:
        return any(step.way == way for phase in self.phases for step in phase)

    @property
    def size(self) -> int:
        return sum(len(step.operations)
                   for phase in self.phases for step in phase)


def _shorter(step: Step) -> Iterator[Step]:
    if len(step.operations) > 1:
        for i in range(len(step.operations)):
            yield Step(step.way, step.operations[:i] + step.operations[i + 1:])
