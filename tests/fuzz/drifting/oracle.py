# SPDX-License-Identifier: Apache-2.0
"""What may and what must be said of a sequence, by what was done.

The log of what was done knows who named which path, and the order of what was not
done at the same time; not which inode a path was. So the claims here are those that
hold whatever the order within a phase: nobody is named who did nothing to a path
under any name that it had; no kind is given that what this one did there is not;
who touched it last is named; what a row says some event said, too.
"""

import dataclasses
from collections.abc import Iterator

from .sequence import LEAVE_AS_IT_WAS, MOVES, OPERATIONS, WHOLE_TREES

UNKNOWN = "unattributed"
# What a scan says of a change whose event nobody took.
FOUND = frozenset({
    "unknown_change", "file_create", "dir_create", "file_delete", "dir_delete",
    "file_write", "mode_change", "owner_change", "xattr_change", "time_change",
    "file_link"})
# What leaves all as it was if it was done before.
IDEMPOTENT = (*LEAVE_AS_IT_WAS, "chmod", "chown", "utimensat", "setxattr_user",
              "set_acl", "truncate", "o_trunc", "fallocate_punch")
# What may have done a part when it fails.
_IN_PARTS = ("remove_tree", "opaque_dir", "rename_over", "o_tmpfile_link",
             "uring_create", "mmap_store")
_MOST_ACTORS = 16


@dataclasses.dataclass(frozen=True)
class Done:
    """One operation that was carried out; `sure`: it succeeded."""

    origin: str
    comm: str
    phase: int
    name: str
    paths: tuple[str, ...]
    sure: bool
    soon: bool = False  # within a tick of the kernel's clock of what was done before

    @property
    def who(self) -> tuple[str, str]:
        return self.origin, self.comm

    @property
    def kinds(self) -> frozenset[str]:
        if self.sure or self.name in _IN_PARTS:
            return OPERATIONS[self.name].kinds
        return frozenset()


def parent(path: str) -> str:
    return path.rpartition("/")[0]


def _above(path: str) -> Iterator[str]:
    while path := parent(path):
        yield path


class Aliases:
    """Names that may have been one inode's, one after the other or at once."""

    def __init__(self, log: list[Done], paths: set[str]) -> None:
        self._leader = {path: path for path in paths}
        pairs = [done.paths for done in log if done.name in MOVES and done.sure]
        pairs += [(path, f"{path}.new") for done in log
                  if done.name == "rename_over" for path in done.paths]
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
        self._groups: dict[str, set[str]] = {}
        for path in self._leader:
            self._groups.setdefault(self._of(path), set()).add(path)

    def _join(self, one: str, other: str) -> bool:
        if other not in self._leader:
            if other.count("/") > 8:  # moved into each other again and again
                return False
            self._leader[other] = other
        a, b = self._of(one), self._of(other)
        if a == b:
            return False
        self._leader[a] = b
        return True

    def _of(self, path: str) -> str:
        while self._leader[path] != path:
            path = self._leader[path]
        return path

    def all_of(self, path: str) -> set[str]:
        return self._groups[self._of(path)]


class Oracle:
    def __init__(self, root: str, log: list[Done], gap: bool) -> None:
        """`gap`: the agent was not there all the time."""
        self._root = root
        self._log = log
        self._gap = gap

    def faults(self, changes: dict[str, dict], events: list[dict]) -> list[str]:
        changes = {path: change for path, change in changes.items()
                   if path.startswith(self._root + "/")}
        events = [e for e in events
                  if (e["path"] or "").startswith(self._root + "/")]
        paths = {p for d in self._log for p in d.paths} | set(changes)
        paths |= {e["path"] for e in events}
        paths |= {e["from"] for e in events if e["from"]}
        self._aliases = Aliases(self._log, paths)
        return [*self._of_changes(changes, events), *self._of_events(events),
                *self._of_both(changes, events)]

    def _about(self, path: str) -> list[Done]:
        """What may have changed what was ever at `path`, itself."""
        names = self._aliases.all_of(path)
        return [done for done in self._log
                if any(named in names for named in done.paths)
                or (done.name in WHOLE_TREES + MOVES and any(
                    name.startswith(f"{named}/")
                    for named in done.paths for name in names))
                or (done.name == "rename_over"
                    and f"{done.paths[0]}.new" in names)]

    def _within(self, path: str) -> list[Done]:
        """What may have changed an entry of what was ever at `path`."""
        names = self._aliases.all_of(path)
        return [done for done in self._log
                if any(parent(named) in names for named in done.paths)
                or done.name in WHOLE_TREES + MOVES and any(
                    name.startswith(f"{named}/") or named.startswith(f"{name}/")
                    for named in done.paths for name in names)]

    def _of_changes(self, changes: dict[str, dict],
                    events: list[dict]) -> Iterator[str]:
        for path, change in changes.items():
            about, kinds = self._about(path), set(change["kinds"])
            # Changed because an entry did, which has the actors.
            bystander = kinds <= {"copy_up"}
            concerned = about + self._within(path) if bystander else about
            named = {(a["origin"], a["comm"]) for a in change["actors"]}
            yield from self._of_named(path, change["actors"], concerned)
            if not self._gap and not named and not bystander:
                yield f"{path}: {sorted(kinds)} by nobody"
            if bystander:
                # Its row does not show who set a directory's time when there is a
                # change in it: that moves the time as well.
                named |= {(e["actor"]["origin"], e["actor"]["comm"])
                          for e in events if e["path"] == path}
            yield from self._of_last(path, about, named, change)
            possible = _kinds(about, about, any(map(_maybe, change["actors"])))
            if self._gap:
                possible |= FOUND
            if kinds - possible - {"copy_up"}:
                yield (f"{path}: {sorted(kinds - possible)}, which nobody did;"
                       f" possible: {sorted(possible)}")

    def _of_named(self, path: str, actors: list[dict],
                  concerned: list[Done]) -> Iterator[str]:
        allowed = {done.who for done in concerned}
        # Who changed its directory may have been the one, be it by a copy-up of
        # what is below that; a change of itself looks the same (docs/coverage.md).
        # Likewise of a directory in which it was moved along.
        moved = {name for done in self._log if done.name in MOVES
                 for name in done.paths}
        places = {parent(above) for name in self._aliases.all_of(path)
                  for above in (name, *_above(name))
                  if above == name or above in moved}
        beside = {done.who for done in self._log if any(
            f"{named}/".startswith(f"{place}/")
            for named in done.paths for place in places)}
        for actor in actors:
            who = actor["origin"], actor["comm"]
            if who in allowed or self._gap and who[0] == UNKNOWN:
                continue
            if actor.get("ambiguous") and any(
                    who[0] in (UNKNOWN, origin) and who[1] in ("", comm)
                    for origin, comm in allowed | beside):
                continue
            mark = ", ambiguous" if actor.get("ambiguous") else ""
            yield (f"{path}: by {who}{mark}, who did nothing to it;"
                   f" {sorted(allowed)} did")

    def _of_last(self, path: str, about: list[Done], named: set,
                 change: dict) -> Iterator[str]:
        """Whoever did the last of all to it, by this name, is named."""
        if self._gap or not about or len(change["actors"]) == _MOST_ACTORS:
            return
        last = about[-1]
        if not last.sure or path != last.paths[-1] or not last.kinds or (
                last.name in (*MOVES, *WHOLE_TREES, *LEAVE_AS_IT_WAS)):
            return
        if any(d.phase == last.phase and d.comm != last.comm for d in about):
            return
        # Of what leaves no event but a new ctime (docs/coverage.md).
        if last.name == "mmap_store" and last.soon and len(about) > 1:
            return
        if last.name in IDEMPOTENT and any(
                d.name in IDEMPOTENT for d in about[:-1]):
            return
        if last.who not in named:
            yield f"{path}: {last.who} is missing, who did {last.name} last"

    def _of_events(self, events: list[dict]) -> Iterator[str]:
        for event in events:
            path, kind, actor = event["path"], event["kind"], event["actor"]
            about = self._about(path)
            if kind == "copy_up":
                about = about + self._within(path)
            what = f"event {kind} of {path}"
            if not about:
                yield f"{what}, which nobody named"
                continue
            yield from (f"event {kind} of {fault}" for fault in
                        self._of_named(path, [actor], about))
            mine = about if actor["origin"] == UNKNOWN or actor.get(
                "ambiguous") else [d for d in about if d.who == (
                    actor["origin"], actor["comm"])]
            possible = _kinds(mine, about, _maybe(actor)) | {"copy_up"}
            if self._gap:
                possible |= FOUND
            if mine and kind not in possible:
                yield f"{what} by {actor['comm']}, who did {_names(mine)} to it"

    def _of_both(self, changes: dict[str, dict],
                 events: list[dict]) -> Iterator[str]:
        """What a row says was said by an event, under a name that it had."""
        if self._gap:
            return
        said = {(e["kind"], e["path"]) for e in events}
        for path, change in changes.items():
            names = self._aliases.all_of(path)
            kinds = set(change["kinds"]) - {"copy_up"}
            if "acl_change" in kinds:
                kinds.discard("mode_change")  # a part of it
            for kind in kinds:
                if not any((kind, name) in said for name in names):
                    yield f"{path}: {kind} is in no event"


def _maybe(actor: dict) -> bool:
    """One of several who did different things: which of them is not known, and so
    neither what has been done."""
    return actor.get("ambiguous", False)


def _kinds(log: list[Done], about: list[Done], maybe: bool) -> set[str]:
    """That these may be recorded as, `about` being all of the path. `maybe`: of one
    of several, or of one whose work could not be looked at in time; it may have done
    nothing as well."""
    kinds = {kind for done in log for kind in done.kinds
             if maybe or done.name not in LEAVE_AS_IT_WAS or len(about) > 1}
    return kinds | {"unknown_change"} if maybe else kinds


def _names(log: list[Done]) -> str:
    return ", ".join(f"{d.name}{'' if d.sure else ' (failed)'}" for d in log)
