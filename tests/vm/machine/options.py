# SPDX-License-Identifier: Apache-2.0
"""What is asked of a machine."""

import argparse
import dataclasses
import os
import pathlib

from . import kernels

CGROUPS = ("v2", "hybrid", "v1")
FILESYSTEMS = ("ext4", "xfs", "btrfs")

_DESCRIPTION = """\
Boots one of Debian's cloud kernels in QEMU and runs COMMAND in it, as root, in
this working directory, on this machine's own files. What COMMAND prints comes
out here; its exit code is this program's.
"""

_EPILOGUE = """\
In the machine:
  - the host's root filesystem is there, read-only, with a temporary layer on
    top (an overlay), so that anything can be written and nothing is kept;
  - a fresh disk holds /var/lib/containers, /var/lib/stillframe and /var/tmp
    (also $TMPDIR): upper directories must lie there, since an overlay's upper
    directory cannot be on an overlay; all of it is at /disk too;
  - /tmp and /run are empty; there is no network but loopback.
Kernels are kept in build/vm-kernels, or where $STILLFRAME_VM_CACHE says.
Variables STILLFRAME_* are passed on. Programs reach their output as inherited
descriptors only: opening /dev/stdout or /dev/stderr by name fails with EBUSY.

Exit codes: COMMAND's; 123 when that is 0 and the kernel complained meanwhile (BUG or
WARNING in its log, or a taint), which is printed; 125 when the machine never gave one; 124 after --timeout;
2 for a wrong command line.

examples:
  tests/vm/run -k 6.1 -- build/ci/stillframe doctor
  tests/vm/run -k 5.10 -1 -- sh -c 'mount | grep cgroup'
  tests/vm/run -k newest -f btrfs -m 2048 -c 2 -- mount
  tests/vm/run -k 6.12 -w build/reports -- sh -c 'uname -r >build/reports/release'
  tests/vm/run -k 6.1 --no-overlay -- sh -c 'lsmod | grep overlay || modprobe overlay'
  tests/vm/run -k 6.12 --icount -- build/ci/tests/bench/bench_ops /var/tmp
  tests/vm/run --fetch          # all kernels, to have them
"""


@dataclasses.dataclass(frozen=True)
class Options:
    """A machine and the command that it runs."""

    kernel: str
    command: tuple[str, ...]
    directory: pathlib.Path
    environment: dict[str, str]
    filesystem: str = "ext4"
    cgroup: str = "v2"
    no_overlay: bool = False
    memory: int = 1024
    cpus: int = 1
    timeout: float = 600
    disk: int = 8
    icount: bool = False
    writable: tuple[pathlib.Path, ...] = ()
    append: str = ""
    console: bool = False
    tcg: bool = False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tests/vm/run", description=_DESCRIPTION, epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = parser.add_argument
    add("-k", "--kernel", choices=tuple(kernels.SUITES), metavar="KERNEL",
        help=f"one of {', '.join(kernels.SUITES)}")
    add("-1", dest="cgroup", action="store_const", const="hybrid", default="v2",
        help="the same as --cgroup hybrid")
    add("--cgroup", choices=CGROUPS, default="v2",
        help="v2 alone (default); hybrid, as systemd calls it: version 1 with"
             " version 2 at /sys/fs/cgroup/unified; or v1 alone")
    add("-f", "--filesystem", choices=FILESYSTEMS, default="ext4",
        help="of the disk (default ext4)")
    add("--no-overlay", action="store_true",
        help="a root without any overlay: the host's directories read-only, and"
             " the kernel's overlay module not loaded")
    add("-m", "--memory", type=int, default=1024, metavar="MB")
    add("-c", "--cpus", type=int, default=1, metavar="N",
        help="default 1: emulated CPUs take turns, so more are slower")
    add("-t", "--timeout", type=float, default=600, metavar="SECONDS",
        help="from the start of the machine (default 600)")
    add("--disk", type=int, default=8, metavar="GB",
        help="size of the disk, which is sparse (default 8)")
    add("--icount", action="store_true",
        help="one virtual nanosecond is one instruction: one CPU, no KVM")
    add("-w", "--writable", action="append", default=[], type=pathlib.Path,
        metavar="DIRECTORY",
        help="a directory of the host that the command may write to")
    add("-e", "--environment", action="append", default=[],
        metavar="NAME[=VALUE]", help="a variable to pass on, or to set")
    add("--append", default="", metavar="TEXT",
        help="more words for the kernel's command line")
    add("--console", action="store_true",
        help="show the kernel's console on standard error as it comes")
    add("--tcg", action="store_true", help="do not use KVM even where it works")
    add("--fetch", action="store_true",
        help="only get the kernel, or all of them without -k, newer ones too")
    return parser


def _environment(named: list[str]) -> dict[str, str]:
    chosen = {name: value for name, value in os.environ.items()
              if name.startswith("STILLFRAME_") or name in ("TERM", "NO_COLOR")}
    for text in named:
        name, given, value = text.partition("=")
        chosen[name] = value if given else os.environ.get(name, "")
    return chosen


def parse(arguments: list[str]) -> tuple[Options, bool]:
    """The machine that is asked for, and whether only its kernel is."""
    own, command = arguments, []
    if "--" in arguments:
        split = arguments.index("--")
        own, command = arguments[:split], arguments[split + 1:]
    parser = _parser()
    given = parser.parse_args(own)
    if not given.fetch:
        if given.kernel is None:
            parser.error("which kernel? say -k")
        if not command:
            parser.error("which command? say it after --")
    for path in given.writable:
        if not path.is_dir():
            parser.error(f"no directory {path}")
    return Options(
        kernel=given.kernel or "", command=tuple(command),
        directory=pathlib.Path.cwd(),
        environment=_environment(given.environment),
        filesystem=given.filesystem, cgroup=given.cgroup,
        no_overlay=given.no_overlay, memory=given.memory,
        cpus=1 if given.icount else given.cpus, timeout=given.timeout,
        disk=given.disk, icount=given.icount,
        writable=tuple(path.resolve() for path in given.writable),
        append=given.append, console=given.console, tcg=given.tcg,
    ), given.fetch
