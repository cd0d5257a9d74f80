# SPDX-License-Identifier: Apache-2.0
"""Known ways to slip past a detector, by the container's own process.

Each is a case, and what goes the same way and changes nothing. Made for a
container whose /sys has the host's control groups, with an overlay that gives
file handles.
"""

import contextlib
import dataclasses
import pathlib
import subprocess
from collections.abc import Iterator

from . import coverage
from .agent import Agent
from .batches import UNSUPPORTED
from .bundle import Bundle
from .cgroups import hierarchies
from .checks import ATTRIBUTION_SECONDS, mutations
from .environment import Case, latest, outcome
from .podman import Container
from .waiting import patience, wait_for

CODE = "code"
# What the overlay needs for open_by_handle_at.
OPTIONS = ",index=on,nfs_export=on"
_CGROUPS = pathlib.Path("/sys/fs/cgroup")
VOLUMES = {"/sys": _CGROUPS}
HOST_PATH = {"PATH": "/bin:/usr/bin:/usr/sbin"}
RACES = 300
# Whether ext4 can seal files here, and how it is made to.
VERITY = pathlib.Path("/sys/fs/ext4/features/verity")
SEALS = ("-O", "verity,quota")
# Where the container sees the version 2 of the host's control groups, and how a
# shell leaves its own.
_UNIFIED = "/sys/unified" if (_CGROUPS / "unified").exists() else "/sys"
_LEAVE = "".join(
    f"(echo $$ >/sys/{root.relative_to(_CGROUPS)}/cgroup.procs);"
    for root in hierarchies())


def _uprobe_type() -> str:
    """By which number perf_event_open(2) knows a uprobe; 0: it has none."""
    file = pathlib.Path("/sys/bus/event_source/devices/uprobe/type")
    return file.read_text().strip() if file.exists() else "0"


@dataclasses.dataclass(frozen=True)
class Way:
    """`operation` is what tests/vectors.json calls it, `kinds` are those of which
    at least one must be reported of the path."""

    operation: str
    script: str
    kinds: tuple[str, ...]
    path: str
    quiet: str = "true"


def _program(operation: str, name: str, run: str, quiet: str) -> Way:
    """`run`: what runs the program {f}, which the image lacks."""
    path = f"/new/{name}/sh"
    script = (f"mkdir /new/{name} && cp /bin/busybox {path} && "
              + run.format(f=path, d=f"/new/{name}"))
    return Way(operation, script, ("exec_new",), path, quiet)


# Those that the native tests try by themselves, in containers of podman.
ELSEWHERE = {
    "chroot": _program("chroot", "root", "mutate exec_chroot {d} /sh -c true",
                       "mutate exec_chroot / /bin/busybox true"),
    "cgroup_escape": _program(
        "cgroup_escape", "moved", f"sh -c '{_LEAVE} exec {{f}} -c true'",
        f"sh -c '{_LEAVE} exec busybox true'"),
    "cgroup_escape_write": Way(
        "cgroup_escape", f"sh -c '{_LEAVE} echo x >>/etc/group'",
        ("file_write",), "/etc/group", f"sh -c '{_LEAVE} cat /etc/group'"),
}
WAYS = {
    "clone_into_cgroup": _program(
        "cgroup_escape", "born",
        f"mutate clone_into_cgroup {_UNIFIED} {{f}} -c true",
        f"mutate clone_into_cgroup {_UNIFIED} /bin/busybox true"),
    "userns": _program("userns", "userns", "mutate exec_userns {f} -c true",
                       "mutate exec_userns /bin/busybox true"),
    "userns_write": Way(
        "userns", "mutate exec_userns /bin/mutate append /data/tree/a/leaf",
        ("file_write",), "/data/tree/a/leaf",
        "mutate exec_userns /bin/mutate read /data/named"),
    "open_by_handle": Way(
        "open_by_handle", "mutate open_by_handle /data/big", ("file_write",),
        "/data/big", "mutate read_by_handle /data/named"),
    "compat_exec": _program("compat", "compat",
                            "mutate compat_exec {f} -c true",
                            "mutate compat_exec /bin/busybox true"),
    "compat_create": Way(
        "compat", "mutate compat_create /new/compat-file", ("file_create",),
        "/new/compat-file", "! mutate compat_create /data/files/append"),
    "compat_write": Way(
        "compat", "mutate compat_write /data/files/write", ("file_write",),
        "/data/files/write", "mutate compat_read /data/files/append"),
    "compat_chmod": Way(
        "compat", "mutate compat_chmod /data/metadata/chmod",
        ("mode_change",), "/data/metadata/chmod",
        "! mutate compat_chmod /new/never-there"),
    "compat_unlink": Way(
        "compat", "mutate compat_unlink /data/entries/unlink",
        ("file_delete",), "/data/entries/unlink",
        "! mutate compat_unlink /new/never-there"),
    "compat_rename": Way(
        "compat",
        "mutate compat_rename /data/entries/rename /data/entries/to",
        ("file_rename", "file_create"), "/data/entries/to",
        "! mutate compat_rename /new/never-there /new/nor-this"),
}
# Where the filesystem below can share extents.
CLONE = Way("ficlone", "mutate ficlone /data/named /data/transfers/ficlone",
            ("file_write",), "/data/transfers/ficlone",
            "mutate read /data/transfers/copy_file_range")


@dataclasses.dataclass(frozen=True)
class Silent:
    """What is not reported, besides the files that are made for it; and what
    looks like it and is."""

    operation: str
    script: str
    then: Case | None = None


_ASKED = "/new/asked/sh"
SILENT = {
    # Whether it might be run is asked, and that is all.
    "execve_check": Silent(
        "execve_check", f"mkdir /new/asked; cp /bin/busybox {_ASKED};"
        f" mutate execve_check {_ASKED} -c true",
        Case(CODE, f"{_ASKED} -c true", "exec_new", _ASKED)),
    # A file that is read: what is done with it no kernel knows.
    "interpret": Silent(
        "interpret", "echo true >>/bin/script; sh /bin/script;"
        " . /bin/script; sh </bin/script",
        Case(CODE, "/bin/script", "script_changed", "/bin/script")),
    "uprobe": Silent("uprobe", f"mutate uprobe {_uprobe_type()} /bin/busybox true"),
}


def run(container: Bundle, script: str) -> int:
    """The script's exit code."""
    output = container.work(f"({script})\ncode=$?; echo; echo $code\n")
    return int(output.split()[-1])


def reported(agent: Agent, container: Bundle, after: int) -> list[dict]:
    """What was reported later than `after`."""
    agent.changes(container.id)  # looks again, too
    return [event for event in mutations(agent, container.id)
            if event["seq"] > after]


def go(agent: Agent, container: Bundle, way: Way) -> str | None:
    """What was reported of it; None if the kernel lacks it."""
    status = run(container, way.script)
    if status == UNSUPPORTED:
        return None
    assert status == 0, (status, (container.control / "log").read_bytes())
    return said(agent, container, way.path, "workload", way.kinds)


def said(agent: Agent, container: Bundle | Container, path: str, origin: str,
         kinds: tuple[str, ...]) -> str:
    """What was reported of a path, once `origin` is said to have changed it."""
    outcomes = [coverage.NONE]

    def found() -> bool:
        change = agent.changes(container.id).get(path)
        outcome = coverage.outcome(change, origin, kinds)
        # A row may be ahead of its event by as long as another name of the file
        # is waited for.
        if outcome == coverage.EVENTS and not any(
                event["path"] == path for event in mutations(agent, container.id)):
            outcome = coverage.STATE
        outcomes.append(outcome)
        return outcome == coverage.EVENTS

    with contextlib.suppress(TimeoutError):
        wait_for(found, ATTRIBUTION_SECONDS, f"{path} by {origin}")
    return outcomes[-1]  # of which the case says if it is enough


def keep_silent(agent: Agent, container: Bundle, way: Silent) -> str | None:
    """Whether it is reported, which is an error; None if the kernel lacks it."""
    after = latest(agent, container.id)
    status = run(container, way.script)
    if status == UNSUPPORTED:
        return None
    assert status == 0, (status, (container.control / "log").read_bytes())
    more = [event for event in reported(agent, container, after)
            if event["class"] not in ("content", "metadata")]
    assert more == []
    if way.then:
        assert run(container, way.then.script) == 0
        assert outcome(agent, container.id, way.then, "workload",
                       after) == coverage.EVENTS
    return coverage.NONE


def race(agent: Agent, container: Bundle) -> str:
    """Files whose names change while they are made: what is reported of them."""
    directory = "/new/raced"
    output = container.work(f"mkdir {directory} && mutate create_racing"
                            f" {directory} {RACES} && ls {directory}")
    made = {f"{directory}/{name}" for name in output.decode().split()}
    assert len(made) == RACES
    outcomes: set[str] = set()

    def settled() -> bool:
        changes = agent.changes(container.id)
        outcomes.clear()
        outcomes.update(coverage.outcome(changes.get(path), "workload",
                                         ("file_create",)) for path in made)
        return outcomes == {coverage.EVENTS}

    with contextlib.suppress(TimeoutError):
        wait_for(settled, ATTRIBUTION_SECONDS, "each of the files")
    named = {event["path"] for event in agent.events(container.id)
             if (event["path"] or "").startswith(f"{directory}/")}
    assert named <= made, "a name that no file ever had"
    return outcomes.pop() if len(outcomes) == 1 else str(outcomes)


def replace_source(agent: Agent, container: Bundle, source: pathlib.Path,
                   target: str) -> str:
    """A mounted file gets another one in its place, on the host."""
    assert container.work(f"cat {target}") == b"old\n"
    after = latest(agent, container.id)
    other = source.with_suffix(".new")
    other.write_text("new\n")
    other.rename(source)
    assert container.work(f"cat {target}") == b"old\n"
    assert reported(agent, container, after) == []
    assert agent.ps(container.id)["state"] == "still"
    return coverage.NONE


def enter(pid: int, script: str, *options: str) -> None:
    """Runs a script in namespaces of a container's process."""
    subprocess.run(["nsenter", "-t", str(pid), *options, "--", "/bin/sh", "-c",
                    script], check=True, capture_output=True,
                   timeout=patience(60), env=HOST_PATH)


def seal(agent: Agent, container: Bundle, mutate: pathlib.Path) -> str:
    """The host seals files below the overlay. That limits are set for their owner
    is no change of theirs."""
    image, new = "/data/named", "/new/sealed"
    upper = str(container.upper)
    container.work(f"cp /bin/busybox {new}; mutate append {image}")
    for path, kind in ((image, "file_write"), (new, "file_create")):
        assert said(agent, container, path, "workload",
                    (kind,)) == coverage.EVENTS
    after = latest(agent, container.id)
    device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", "-T", upper],
                            check=True, capture_output=True,
                            timeout=patience(60)).stdout.strip()
    subprocess.run([mutate, "set_quota", device, "0"], check=True,
                   timeout=patience(60))
    # Overlay knows nothing of it.
    assert run(container, f"mutate enable_verity {image}") == UNSUPPORTED
    assert reported(agent, container, after) == []
    for path in (image, new):
        subprocess.run([mutate, "enable_verity", upper + path], check=True,
                       timeout=patience(60))
    # What is sealed can be read, and not be changed any more.
    assert run(container, f"cat {new} >/dev/null && ! mutate append {new}") == 0
    origins: dict[str, str] = {}

    def found() -> bool:  # asking looks for what no event reported
        for event in reported(agent, container, after):
            origins[event["path"]] = event["actor"]["origin"]
        return origins.keys() == {image, new}

    with contextlib.suppress(TimeoutError):
        wait_for(found, ATTRIBUTION_SECONDS, "both are reported")
    by = set(origins.values())
    if not by <= {"host", "unattributed"}:
        return str(origins)
    if origins.keys() != {image, new}:  # one of them found by chance is no cover
        return coverage.NONE
    return coverage.EVENTS if by == {"host"} else coverage.STATE


@contextlib.contextmanager
def filesystem(directory: pathlib.Path, kind: str, *features: str,
               options: str = "loop",
               size: int = 512 << 20) -> Iterator[pathlib.Path]:
    """One of its own, from a file: where it is mounted."""
    image, mounted = directory / f"{kind}.image", directory / kind
    with open(image, "wb") as file:
        file.truncate(size)
    mounted.mkdir()
    for command in ((f"mkfs.{kind}", "-q", *features, str(image)),
                    ("mount", "-o", options, str(image), str(mounted))):
        subprocess.run(command, check=True, capture_output=True,
                       timeout=patience(60))
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True,
                       timeout=patience(60))
