# SPDX-License-Identifier: Apache-2.0
"""What may and what must be said of a sequence, by what was done.

The log of what was done knows who named which path, not which inode that was. So
the claims here are those that hold whatever the order within a step: nobody is
named who did nothing to a path under any name it had; who touched it last is
named; no kind is given that nobody's operation is; no event has a path that
nobody could have meant.
"""

import dataclasses

from .sequence import MOVES, OPERATIONS, WAYS, WHOLE_TREES

UNKNOWN = "unattributed"
# What a scan says of a change whose event nobody took.
FOUND = {"unknown_change", "file_create", "dir_create", "file_delete",
         "dir_delete", "file_write", "mode_change", "owner_change",
         "xattr_change", "time_change", "file_link"}


@dataclasses.dataclass(frozen=True)
class Done:
    """One operation that was carried out; `sure`: it succeeded."""

    way: str
    name: str
    paths: tuple[str, ...]
    sure: bool

    @property
    def origin(self) -> str:
        return WAYS[self.way]


def parent(path: str) -> str:
    return path.rpartition("/")[0]


class Aliases:
    """Names that may have been one inode's, one after the other or at once."""

    def __init__(self, log: list[Done], paths: set[str]) -> None:
        self._leader = {path: path for path in paths}
        pairs = [done.paths for done in log if done.name in MOVES]
        pairs += [(path, path + suffix) for done in log
                  if done.name == "rename_over" for path in done.paths
                  for suffix in (".new", ".tmp") if path + suffix in paths]
        # A directory takes along what is in it, and that may be moved on.
        changed = True
        while changed:
            changed = False
            for one, other in pairs:
                for path in list(self._leader):
                    for old, new in ((one, other), (other, one)):
                        if path != old and not path.startswith(old + "/"):
                            continue
                        changed |= self._join(path, new + path[len(old):])

    def _join(self, one: str, other: str) -> bool:
        if other not in self._leader:
            if other.count("/") > 6:  # moved into each other again and again
                return False
            self._leader[other] = other
        a, b = self.of(one), self.of(other)
        if a == b:
            return False
        self._leader[a] = b
        return True

    def of(self, path: str) -> str:
        while self._leader.get(path, path) != path:
            path = self._leader[path]
        return path

    def all_of(self, path: str) -> set[str]:
        leader = self.of(path)
        return {p for p in self._leader if self.of(p) == leader} | {path}


class Oracle:
    def __init__(self, root: str, log: list[Done], gap: bool) -> None:
        """`gap`: the agent was not there all the time."""
        self._root = root
        self._log = [dataclasses.replace(d, paths=tuple(
            f"{root}/{p}" for p in d.paths)) for d in log]
        self._gap = gap

    def faults(self, changes: dict[str, dict], events: list[dict]) -> list[str]:
        changes = {path: change for path, change in changes.items()
                   if path.startswith(self._root + "/")}
        events = [e for e in events
                  if (e["path"] or "").startswith(self._root + "/")]
        paths = {p for d in self._log for p in d.paths} | set(changes)
        paths |= {e["path"] for e in events}
        self._aliases = Aliases(self._log, paths)
        return [*self._of_changes(changes), *self._of_events(events)]

    def _about(self, path: str) -> list[Done]:
        """Operations that may have changed what was ever at `path`."""
        names = self._aliases.all_of(path)

        def concerns(done: Done) -> bool:
            for named in done.paths:
                if named in names or parent(named) in names:
                    return True
                if done.name == "rename_over" and any(
                        name.startswith(named) for name in names):
                    return True
                if done.name in WHOLE_TREES + MOVES and any(
                        name.startswith(named + "/") for name in names):
                    return True
            return False

        return [done for done in self._log if concerns(done)]

    def _of_changes(self, changes: dict[str, dict]):
        for path, change in changes.items():
            about = self._about(path)
            origins = {a["origin"] for a in change["actors"]}
            allowed = {d.origin for d in about}
            if self._gap:
                allowed.add(UNKNOWN)
            if origins - allowed:
                yield (f"{path}: by {sorted(origins - allowed)}, who did nothing"
                       f" to it; {sorted(allowed)} did")
            if not self._gap and not origins:
                yield f"{path}: by nobody"
            yield from self._of_last(path, about, origins)
            kinds = set(change["kinds"])
            possible = {k for d in about for k in OPERATIONS[d.name][2]}
            if self._gap:
                possible |= FOUND
            if kinds - possible - {"copy_up"}:
                yield (f"{path}: {sorted(kinds - possible)}, which nobody did;"
                       f" possible: {sorted(possible)}")

    def _of_last(self, path: str, about: list[Done], origins: set[str]):
        """Whoever did the last of all to it, by this name, is named."""
        if self._gap or not about:
            return
        last = about[-1]
        if last.sure and path in last.paths and last.name not in (
                *MOVES, *WHOLE_TREES, "open_wronly") and (
                last.origin not in origins):
            yield f"{path}: {last.origin} is missing, who did {last.name}"

    def _of_events(self, events: list[dict]):
        for event in events:
            path, origin = event["path"], event["actor"]["origin"]
            about = self._about(path)
            allowed = {d.origin for d in about}
            if self._gap:
                allowed.add(UNKNOWN)
            if not about:
                yield f"event {event['kind']} of {path}, which nobody named"
            elif origin not in allowed:
                yield (f"event {event['kind']} of {path}: by {origin}, who did"
                       f" nothing to it; {sorted(allowed)} did")
