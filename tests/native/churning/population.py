# SPDX-License-Identifier: Apache-2.0
"""Containers that start, change and go at random."""

import dataclasses
import os
import random
import tempfile

from harness.image import APPLETS, BUSYBOX, Tree, import_image, remove_image
from harness.podman import RUN_OPTIONS, podman

from .run import Run, Worker

FILES_PER_DIRECTORY = 50
MOST_PER_CHURNER = 4
# Files in the image, and how many a change of many files makes.
SIZES = {"small": (50, 5), "medium": (1_500, 150), "big": (12_000, 2_000)}

# What happens inside a container. `d` is a directory of the image, which may
# have gone, `n` the change's number, `many` as in SIZES.
INSIDE = {
    "append": "echo x >>/data/d{d}/f1",
    "append to all": "for f in /data/d{d}/*; do echo x >>$f; done",
    "delete": "rm -f /data/d{d}/f2",
    "delete directory": "rm -rf /data/d{d}",
    "replace directory": "rm -rf /data/d{d}; mkdir /data/d{d};"
                         " echo x >/data/d{d}/other",
    "rename": "mv /data/d{d}/f3 /data/d{d}/moved",
    "chmod": "chmod 700 /data/d{d}/f4",
    "chown": "chown 12:34 /data/d{d}/f5",
    "touch": "touch /data/d{d}/f6",
    "link": "echo x >/new/a{n}; ln /new/a{n} /new/b{n}; ln -s a{n} /new/c{n}",
    "create many": "mkdir /new/m{n}; i=0; while [ $i -lt {many} ];"
                   " do echo $i >/new/m{n}/$i; i=$((i+1)); done",
    "delete new": "rm -rf /new/m*",
    "run new program": "cp /bin/busybox /new/sh{n}; /new/sh{n} true",
    "scratch": "echo x >/tmp/x{n}",
}
TRANSITIONS = ("stop", "start", "restart", "kill", "remove", "copy in",
               "write into upper")


def image_name(size: str) -> str:
    return f"localhost/stillframe-churn-{size}:{os.getpid()}"


def make_images() -> None:
    for size, (files, _) in SIZES.items():
        tree = Tree()
        for path in "bin dev etc proc sys root tmp var run data new".split():
            tree.directory(path, 0o1777 if path == "tmp" else 0o755)
        tree.file("bin/busybox", BUSYBOX.read_bytes(), 0o755)
        for applet in APPLETS:
            tree.symlink(f"bin/{applet}", "busybox")
        for d in range(files // FILES_PER_DIRECTORY):
            tree.directory(f"data/d{d}")
            for f in range(FILES_PER_DIRECTORY):
                tree.file(f"data/d{d}/f{f}", b"image\n")
        import_image(image_name(size), tree)


def remove_images() -> None:
    for size in SIZES:
        remove_image(image_name(size))


@dataclasses.dataclass
class Member:
    name: str
    size: str
    running: bool = True


class Churner(Worker):
    """Does one thing after the other to containers that are its own."""

    def __init__(self, run: Run, seed: str, number: int) -> None:
        super().__init__(run, f"churner {number}")
        self._random = random.Random(f"{seed}/{number}")
        self._slots = [f"sfchurn-{os.getpid()}-{number}-{slot}"
                       for slot in range(MOST_PER_CHURNER)]
        self._changes = 0
        self.members: dict[str, Member] = {}

    @property
    def names(self) -> list[str]:
        """All that it ever uses: a name is taken again once it is free."""
        return list(self._slots)

    def step(self) -> None:
        free = [name for name in self._slots if name not in self.members]
        # Many are wanted, but all states between none and all are to occur.
        if free and (not self.members
                     or self._random.random() < 0.2 * len(free)):
            self._create(self._random.choice(free))
            return
        member = self._random.choice(list(self.members.values()))
        if member.running and self._random.random() < 0.7:
            self._change(member)
        else:
            self._move(member, self._random.choice(TRANSITIONS))

    def _create(self, name: str) -> None:
        size = self._random.choice(list(SIZES))
        self.run_.note(f"{name}: create, {size}")
        podman("run", "-d", "--name", name, *RUN_OPTIONS, image_name(size),
               "sleep", "100000")
        self.members[name] = Member(name, size)

    def _change(self, member: Member) -> None:
        self._changes += 1
        what = self._random.choice(list(INSIDE))
        files, many = SIZES[member.size]
        directory = self._random.randrange(files // FILES_PER_DIRECTORY)
        self.run_.note(f"{member.name}: {what} in d{directory}")
        script = (INSIDE[what].replace("{d}", str(directory))
                  .replace("{n}", str(self._changes))
                  .replace("{many}", str(many)))
        # What it changes may have gone by an earlier change.
        podman("exec", member.name, "sh", "-c", f"{script}; true")

    def _move(self, member: Member, how: str) -> None:
        self.run_.note(f"{member.name}: {how}")
        if how == "copy in":
            with tempfile.NamedTemporaryFile() as source:
                source.write(b"copied\n")
                source.flush()
                podman("cp", source.name,
                       f"{member.name}:/new/copied{self._changes}")
        elif how == "write into upper":
            upper = podman("inspect", "-f", "{{.GraphDriver.Data.UpperDir}}",
                           member.name).decode().strip()
            # At the top: a directory that is made there past the overlay, which
            # has not copied it up, can't be copied up any more (ENOTEMPTY).
            with open(f"{upper}/host", "a", encoding="ascii") as file:
                file.write("x\n")
        elif how == "remove":
            del self.members[member.name]
            podman("rm", "-f", "-t", "0", member.name)
        elif how == "kill":
            podman("kill", member.name, check=False)  # it may be stopped
            podman("wait", member.name)
            member.running = False
        else:
            arguments = () if how == "start" else ("-t", "0")
            podman(how, *arguments, member.name)
            member.running = how != "stop"

    def remove_all(self) -> None:
        for name in self._slots:
            podman("rm", "-f", "-t", "0", name, check=False)
        self.members.clear()
