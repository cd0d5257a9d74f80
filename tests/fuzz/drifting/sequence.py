# SPDX-License-Identifier: Apache-2.0
"""Sequences of changes: made of a seed, written down, made smaller."""

import dataclasses
import json
import random

# Below a directory of the image that is the sequence's own. Few names, so that
# changes meet each other.
FILES = ("f0", "f1", "d0/a", "d0/b", "d1/c")
DIRECTORIES = ("d0", "d1", "e0")
NEW_FILES = ("n0", "n1", "d0/n", "e0/n")
NEW_DIRECTORIES = ("m0", "d0/m")
ANY_FILE = FILES + NEW_FILES
ANY_DIRECTORY = DIRECTORIES + NEW_DIRECTORIES
ANY = ANY_FILE + ANY_DIRECTORY

# What an operation of `mutate` is given: F a file, D a directory, N any name.
# How often it comes, and the kinds it may be recorded as.
_WRITES = ("file_write",)
_MAKES = ("file_create",)
OPERATIONS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "write": ("F", 6, _WRITES),
    "append": ("F", 6, _WRITES),
    "pwrite": ("F", 2, _WRITES),
    "o_trunc": ("F", 3, ("file_truncate",)),
    "truncate": ("F", 3, ("file_truncate",)),
    "mmap_store": ("F", 2, _WRITES),
    "fallocate_punch": ("F", 1, _WRITES),
    "open_wronly": ("F", 2, ()),
    "chmod": ("N", 4, ("mode_change",)),
    "chown": ("N", 3, ("owner_change",)),
    "utimensat": ("N", 2, ("time_change",)),
    "setxattr_user": ("F", 2, ("xattr_change",)),
    "set_acl": ("F", 1, ("acl_change", "mode_change")),
    "create": ("F", 6, _MAKES),
    # Not a fifo: whoever opens one waits for the other side.
    "bind_socket": ("F", 1, ("file_create", "device_create")),
    "mkdir": ("D", 4, ("dir_create",)),
    "unlink": ("F", 6, ("file_delete",)),
    "rmdir": ("D", 2, ("dir_delete",)),
    "remove_tree": ("D", 2, ("dir_delete", "file_delete")),
    "opaque_dir": ("D", 2, ("dir_delete", "dir_create", "file_delete")),
    "rename": ("NN", 6, ("file_rename", "file_delete", "dir_delete")),
    "rename_over": ("F", 3, ("file_rename", "file_write", "file_create",
                             "file_delete")),
    "rename_exchange": ("NN", 3, ("file_rename",)),
    "link": ("FF", 4, ("file_link",)),
    "o_tmpfile_link": ("DF", 1, ("file_create", "file_link")),
    "uring_write": ("F", 2, _WRITES),
    "uring_create": ("F", 1, _MAKES),
    "uring_unlink": ("F", 2, ("file_delete",)),
    "uring_rename": ("NN", 2, ("file_rename", "file_delete", "dir_delete",
                               "file_create", "dir_create")),
    "uring_link": ("FF", 1, ("file_link", "file_create")),
    "uring_mkdir": ("D", 1, ("dir_create",)),
}
MOVES = ("rename", "uring_rename", "rename_exchange", "link", "uring_link")
WHOLE_TREES = ("remove_tree", "opaque_dir", "rmdir")
_NAMES = {"F": ANY_FILE, "D": ANY_DIRECTORY, "N": ANY}
# Who acts, and the origin that this is.
WAYS = {"exec": "exec", "workload": "workload", "host": "host"}


@dataclasses.dataclass(frozen=True)
class Step:
    """What one process tree does, one after the other."""

    way: str
    operations: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Sequence:
    steps: tuple[Step, ...]

    @staticmethod
    def random(seed: str) -> "Sequence":
        chance = random.Random(seed)
        names = list(OPERATIONS)
        weights = [OPERATIONS[name][1] for name in names]

        def operation() -> tuple[str, ...]:
            name = chance.choices(names, weights)[0]
            return (name, *(chance.choice(_NAMES[kind])
                            for kind in OPERATIONS[name][0]))

        return Sequence(tuple(
            Step(chance.choice(list(WAYS)),
                 tuple(operation() for _ in range(chance.randint(1, 4))))
            for _ in range(chance.randint(2, 6))))

    @staticmethod
    def parse(text: str) -> "Sequence":
        return Sequence(tuple(
            Step(step["way"], tuple(tuple(o) for o in step["operations"]))
            for step in json.loads(text)["steps"]))

    def text(self) -> str:
        steps = ",\n ".join(json.dumps(dataclasses.asdict(step))
                            for step in self.steps)
        return f'{{"steps": [\n {steps}\n]}}\n'

    def smaller(self):
        """Each sequence that lacks one step, or one operation, of this one."""
        for i, step in enumerate(self.steps):
            yield Sequence(self.steps[:i] + self.steps[i + 1:])
            if len(step.operations) == 1:
                continue
            for j in range(len(step.operations)):
                less = step.operations[:j] + step.operations[j + 1:]
                yield Sequence(self.steps[:i] + (Step(step.way, less),)
                               + self.steps[i + 1:])

    @property
    def size(self) -> int:
        return sum(len(step.operations) for step in self.steps)
