# SPDX-License-Identifier: Apache-2.0
"""The image that the tests mutate: busybox, `mutate`, and files to change."""

import io
import os
import pathlib
import subprocess
import tarfile

from .waiting import patience

FILE_SIZE = 16384
FILE_CONTENT = b"image\n" * (FILE_SIZE // 6) + b"." * (FILE_SIZE % 6)
BUSYBOX = pathlib.Path("/bin/busybox")
APPLETS = (
    "sh cat cp mv rm ls mkdir rmdir ln echo dd find chmod chown true false"
    " sleep touch head tail mkfifo sed id env grep mount umount setsid stat"
).split()

# Runs what comes in through a fifo on a volume: a container whose own process
# does what a test asks for, and which is not changed by being asked.
WORKER = b"""#!/bin/sh
while :; do
  # An orphan that ended interrupts the open; `wait` takes it away.
  read -r script </ctl/in || { wait; continue; }
  sh "/ctl/$script" >/ctl/log 2>&1
  echo "$?" >/ctl/out
done
"""


class Tree:
    """A root filesystem as a tar archive."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(
            fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT
        )

    def _add(self, path: str | bytes, kind: bytes, mode: int, **more) -> None:
        name = os.fsdecode(path).lstrip("/")
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.mode = mode
        entry.mtime = 1_600_000_000
        content = more.pop("content", b"")
        entry.size = len(content)
        for key, value in more.items():
            setattr(entry, key, value)
        self._tar.addfile(entry, io.BytesIO(content))

    def directory(self, path: str, mode: int = 0o755, **more) -> None:
        self._add(path, tarfile.DIRTYPE, mode, **more)

    def file(
        self, path: str, content: bytes = FILE_CONTENT, mode: int = 0o644, **more
    ) -> None:
        self._add(path, tarfile.REGTYPE, mode, content=content, **more)

    def symlink(self, path: str, target: str) -> None:
        self._add(path, tarfile.SYMTYPE, 0o777, linkname=target)

    def hardlink(self, path: str, target: str) -> None:
        self._add(path, tarfile.LNKTYPE, 0o644, linkname=target.lstrip("/"))

    def bytes(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


def xattr(name: str, value: str) -> dict[str, dict[str, str]]:
    """Keyword for Tree.file: an extended attribute, as GNU tar writes it."""
    return {"pax_headers": {f"SCHILY.xattr.{name}": value}}


def base_tree(mutate: pathlib.Path) -> Tree:
    tree = Tree()
    for path in "bin dev etc proc sys root tmp var run ctl data new usr".split():
        tree.directory(path, 0o1777 if path == "tmp" else 0o755)
    for path in ("var/tmp", "usr/bin", "usr/lib", "data/tree", "data/tree/a"):
        tree.directory(path)
    tree.file("bin/busybox", BUSYBOX.read_bytes(), 0o755)
    for applet in APPLETS:
        tree.symlink(f"bin/{applet}", "busybox")
    tree.file("bin/mutate", mutate.read_bytes(), 0o755)
    tree.file("bin/worker", WORKER, 0o755)
    tree.file("bin/script", b"#!/bin/sh\necho script\n", 0o755)
    tree.file("bin/setuid", b"#!/bin/sh\nid -u\n", 0o4755)
    tree.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    tree.file("etc/group", b"root:x:0:\n")
    tree.file("data/big", b"b" * (4 << 20))
    tree.file("data/named", **xattr("user.image", "kept"))
    tree.hardlink("data/alias", "data/named")
    tree.symlink("data/absolute", "/data/big")
    tree.symlink("data/relative", "big")
    tree.file("data/tree/a/leaf")
    return tree


def import_image(name: str, tree: Tree) -> None:
    import_bytes(name, tree.bytes())


def import_bytes(name: str, archive: bytes) -> None:
    subprocess.run(
        ["podman", "import", "-q", "-c", "ENV PATH=/bin:/usr/bin", "-", name],
        input=archive, check=True, capture_output=True, timeout=patience(60),
    )


def remove_image(name: str) -> None:
    subprocess.run(
        ["podman", "rmi", name], check=False, capture_output=True,
        timeout=patience(60),
    )
