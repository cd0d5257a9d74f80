# SPDX-License-Identifier: Apache-2.0
"""What a container's files are, read from them, against what is said of them."""

import dataclasses
import os
import stat
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Node:
    kind: int  # of file
    mode: int
    owner: tuple[int, int]
    attributes: tuple[tuple[str, bytes], ...]
    mtime: int  # of what is no directory: each new entry changes that one's
    content: bytes


def _node(path: str) -> Node:
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    attributes = tuple(
        (name, os.getxattr(path, name, follow_symlinks=False))
        for name in sorted(os.listxattr(path, follow_symlinks=False)))
    content = b""
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            content = file.read()
    return Node(kind, stat.S_IMODE(status.st_mode),
                (status.st_uid, status.st_gid), attributes,
                0 if kind == stat.S_IFDIR else status.st_mtime_ns, content)


def walk(root: str, directory: str) -> dict[str, Node]:
    """All below `directory`, by its name relative to that."""
    top = f"{root}{directory}"
    found = {"": _node(top)}
    for place, directories, files in os.walk(top):
        for name in directories + files:
            path = f"{place}/{name}"
            found[path[len(top):]] = _node(path)
    return found


def walk_faults(before: dict[str, Node], now: dict[str, Node], directory: str,
                changes: dict[str, dict]) -> Iterator[str]:
    """Where the agent's letters are not what two walks differ in."""
    rows = {path[len(directory):]: change for path, change in changes.items()
            if f"{path}/".startswith(f"{directory}/")}
    for path in sorted(before.keys() | now.keys() | rows.keys()):
        change = rows.get(path)
        letter = change["change"] if change else None
        yield from (f"{directory}{path}: {fault}" for fault in _faults(
            before.get(path), now.get(path), letter, change, path, rows))


def _faults(before: Node | None, now: Node | None, letter: str | None,
            change: dict | None, path: str, rows: dict) -> Iterator[str]:
    if before is None and now is not None and letter != "A":
        yield f"it is new, and the agent says {letter}"
    elif before is not None and now is None:
        # What is below something that is gone has no line of its own.
        parent = path.rpartition("/")[0]
        above = rows[parent]["change"] if parent in rows else None
        if letter != "D" and above is None:
            yield f"it is gone, and the agent says {letter}"
    elif before is None and now is None and letter not in (None, "D"):
        yield f"it is not there, and the agent says {letter}"
    elif before is not None and before != now and letter is None:
        yield f"it is another: {before} became {now}"
    elif (change and change["verdict"] == "restored" and before != now
          and now is not None and now.kind != stat.S_IFDIR):
        yield f"it is not restored: {before} became {now}"
