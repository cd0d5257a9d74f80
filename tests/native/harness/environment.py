# SPDX-License-Identifier: Apache-2.0
"""Changes of what a container was given besides its rootfs, and of memory.

Each case is a script, and what an event of it must say. Made for a container
that may mount (CAP_SYS_ADMIN) and trace (all its processes are root's).
"""

import dataclasses

from . import coverage
from .agent import Agent
from .bundle import Bundle
from .checks import ATTRIBUTION_SECONDS, again_if_missed
from .waiting import wait_for

MOUNTS, MEMORY, LIBRARIES = "mounts", "memory", "libraries"

# A victim, whose pid is then $!. Until it has its name its memory is still being
# made. At the end it is waited for: an orphan's end interrupts the worker.
_VICTIM = "sleep 1000 & until grep -q sleep /proc/$!/comm; do :; done; "
_END = "; status=$?; kill -9 $!; wait; exit $status"


@dataclasses.dataclass(frozen=True)
class Case:
    """What a script does, reported by a sensor as a change of one kind."""

    sensor: str
    script: str
    kind: str | None = None  # None: nothing is reported
    path: str | None = None


def _trace(operation: str, kind: str | None) -> Case:
    return Case(MEMORY, f"{_VICTIM}mutate {operation} $!{_END}", kind, "busybox")


CASES = {
    "ptrace_attach": _trace("ptrace_attach", "memory_attach"),
    "ptrace_seize": _trace("ptrace_seize", "memory_attach"),
    "ptrace_poke": _trace("ptrace_poke", "memory_write"),
    "mem_write": _trace("mem_write", "memory_write"),
    "process_vm_writev": _trace("process_vm_writev", "memory_write"),
    "mem_read": _trace("mem_read", None),
    "process_vm_readv": _trace("process_vm_readv", None),
    "mem_write_self": Case(MEMORY, "mutate mem_write_self"),
    "look_at_processes": Case(
        MEMORY, "cat /proc/*/cmdline /proc/*/environ /proc/*/maps >/dev/null"),

    "map_new": Case(LIBRARIES, "cp /bin/busybox /new/lib.so;"
                    " mutate map_exec /new/lib.so", "library_new",
                    "/new/lib.so"),
    "map_changed": Case(LIBRARIES, "echo >>/data/tree/a/leaf;"
                        " mutate map_exec /data/tree/a/leaf", "library_new",
                        "/data/tree/a/leaf"),
    "protect_new": Case(LIBRARIES, "cp /bin/busybox /new/late.so;"
                        " mutate map_protect /new/late.so", "library_new",
                        "/new/late.so"),
    "map_volume": Case(LIBRARIES, "cp /bin/busybox /ctl/lib.so;"
                       " mutate map_exec /ctl/lib.so", "library_new",
                       "/ctl/lib.so"),
    "map_memfd": Case(LIBRARIES, "mutate map_memfd", "library_new",
                      "memfd:library"),
    "map_image": Case(LIBRARIES, "mutate map_exec /data/big"),
    "protect_image": Case(LIBRARIES, "mutate map_protect /data/big"),
    "map_to_read": Case(LIBRARIES, "cp /bin/busybox /new/read.so;"
                        " mutate map_read /new/read.so"),
    "map_anonymous": Case(LIBRARIES, "mutate map_anonymous"),

    "mount_tmpfs": Case(MOUNTS, "mutate mount_tmpfs /var", "mount_change",
                        "/var"),
    "mount_bind": Case(MOUNTS, "mutate mount_bind /data /usr", "mount_change",
                       "/usr"),
    "mount_tree": Case(MOUNTS, "mutate mount_bind /data /usr;"
                       " mutate mount_tree /usr /new", "mount_change", "/new"),
    "remount_ro": Case(MOUNTS, "mutate remount_ro /ctl; mount -o"
                       " remount,bind,rw /ctl; mutate remount_ro /dev",
                       "mount_change", "/dev"),
    "mount_setattr": Case(MOUNTS, "mutate mount_setattr_ro /dev",
                          "mount_change", "/dev"),
    "move_mount": Case(MOUNTS, "mutate mount_tmpfs /var;"
                       " mutate move_mount /var /usr", "mount_change", "/usr"),
    "umount": Case(MOUNTS, "mutate umount /dev", "mount_change", "/dev"),
    "mount_aside": Case(MOUNTS, "mutate mount_aside /var"),
    "mount_refused": Case(MOUNTS, "! mutate umount /data"),
}


def latest(agent: Agent, container: str) -> int:
    """The number of the container's newest event."""
    # So that what happens next finds a container that is known.
    agent.ps(container)
    return max((e["seq"] for e in agent.events(container)), default=0)


def outcome(agent: Agent, container: str, case: Case, origin: str,
            after: int) -> str:
    """What the agent reported of a case, among events later than `after`."""
    def reported() -> set[str]:
        agent.ps(container)  # looks again, too
        return {event["actor"]["origin"] for event in agent.events(container)
                if event["seq"] > after and event["kind"] == case.kind
                and event["path"] == case.path}

    try:
        origins = wait_for(reported, ATTRIBUTION_SECONDS, f"{case}")
    except TimeoutError:
        return coverage.NONE
    if origin in origins:
        return coverage.EVENTS
    return coverage.STATE if origins == {"unattributed"} else f"by {origins}"


def run(agent: Agent, container: Bundle, case: Case, origin: str) -> str:
    """Runs a case; what the agent reported of it."""
    script = container.shell if origin == "exec" else container.work

    def attempt() -> str:
        after = latest(agent, container.id)
        script(case.script)
        return outcome(agent, container.id, case, origin, after)

    return again_if_missed(agent, attempt, coverage.NONE)


def unreported(agent: Agent, container: str, after: int) -> list[dict]:
    """What was reported later than `after` although nothing changed."""
    agent.ps(container)
    return [event for event in agent.events(container)
            if event["seq"] > after
            and (event["class"] in ("memory", "mounts", "limits", "kernel")
                 or event["kind"] == "library_new")]
