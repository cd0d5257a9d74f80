# SPDX-License-Identifier: Apache-2.0
"""The command lines of QEMU, of virtiofsd and of what formats the disk."""

import fcntl
import os
import pathlib
import subprocess

from .kernels import Kernel
from .options import Options

PROGRAM = "qemu-system-x86_64"
# Where Debian 12 and 13 have it: part of QEMU, then a program of its own.
_VIRTIOFSD = (pathlib.Path("/usr/lib/qemu/virtiofsd"),
              pathlib.Path("/usr/libexec/virtiofsd"))
# la57: five levels of page tables make each of the emulator's walks longer.
_CPU = "max,la57=off"
# cx16: QEMU 7.2 emulates cmpxchg16b wrongly now and then; 6.12, whose memory
# allocator is built on it, crashes of that in one boot of three.
_EMULATED_CPU = f"{_CPU},-cx16"
_KVM_CREATE_VM = 0xAE01
# Fewer words on the serial line, which is slow; nothing to calibrate or to
# mitigate; a panic ends the machine.
_APPEND = ("console=ttyS0 quiet loglevel=4 panic=-1 rdinit=/init"
           " tsc=reliable no_timer_check mitigations=off random.trust_cpu=on"
           " cryptomgr.notests")


class QemuError(Exception):
    """The host lacks something."""


def has_kvm() -> bool:
    """Whether this host can make a virtual machine at all."""
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(kvm, _KVM_CREATE_VM, 0))
        return True
    except OSError:
        return False
    finally:
        os.close(kvm)


def shares(options: Options) -> dict[str, pathlib.Path]:
    """What of the host the guest sees, by tag."""
    found = {"host": pathlib.Path("/")}
    for number, path in enumerate(options.writable):
        found[f"share{number}"] = path
    return found


def virtiofsd(tag: str, path: pathlib.Path, listener: int) -> list[str]:
    """`listener`: the descriptor of the socket that QEMU will connect to."""
    program = next((p for p in _VIRTIOFSD if p.exists()), None)
    if program is None:
        raise QemuError("there is no virtiofsd")
    # The host's root does not change as far as the guest is concerned; what it
    # may write to is looked at from both sides.
    cache = "always" if tag == "host" else "auto"
    # Its other sandbox, a mount namespace, needs pivot_root, which a container
    # or an initramfs as the host's root refuses.
    if program == _VIRTIOFSD[0]:
        return [str(program), f"--fd={listener}", "--rlimit-nofile=0",
                "-o", f"source={path}", "-o", "sandbox=chroot",
                "-o", f"cache={cache}", "-o", "log_level=err"]
    return [str(program), "--fd", str(listener), "--rlimit-nofile", "0",
            "--shared-dir", str(path), "--sandbox", "chroot",
            "--cache", cache, "--log-level", "error"]


def make_disk(options: Options, work: pathlib.Path) -> None:
    disk = work / "disk"
    with open(disk, "wb") as image:
        image.truncate(options.disk << 30)
    formats = {
        # No journal and no lazy work in the background: nobody needs this
        # filesystem after a crash.
        "ext4": ["mkfs.ext4", "-q", "-F", "-O", "^has_journal",
                 "-E", "lazy_itable_init=1,nodiscard"],
        "xfs": ["mkfs.xfs", "-q", "-f", "-K"],
        "btrfs": ["mkfs.btrfs", "-q", "-f", "-K"],
    }
    command = formats[options.filesystem]
    # 5.10 knows none of what later mkfs.xfs and mkfs.btrfs turn on.
    if options.filesystem == "xfs":
        command += ["-m", "bigtime=0,inobtcount=0"]
    result = subprocess.run([*command, disk], capture_output=True, text=True,
                            check=False)
    if result.returncode != 0:
        raise QemuError(f"{command[0]} failed: {result.stderr}")


def command(kernel: Kernel, options: Options, work: pathlib.Path,
            kvm: bool) -> list[str]:
    lines = [
        PROGRAM, "-nodefaults", "-no-user-config", "-display", "none",
        "-no-reboot", "-machine", "q35,hpet=off",
        "-m", str(options.memory), "-smp", str(options.cpus),
        # The guest's memory is shared with virtiofsd.
        "-object", f"memory-backend-memfd,id=ram,size={options.memory}M,share=on",
        "-numa", "node,memdev=ram",
        "-kernel", str(kernel.image), "-initrd", str(work / "initramfs"),
        "-append", f"{_APPEND} {options.append}".strip(),
        "-serial", f"file:{work}/console",
        "-drive", f"file={work}/disk,format=raw,if=none,id=disk,cache=unsafe",
        "-device", "virtio-blk-pci,drive=disk",
        "-device", "virtio-serial-pci",
    ]
    if kvm:
        lines += ["-accel", "kvm", "-cpu", _CPU]
    else:
        # All CPUs in one thread: with a thread for each, one may run code that
        # another is just patching, which the newest kernels do all the time and
        # did not survive one boot in six. It is faster, too.
        lines += ["-accel", "tcg,thread=single", "-cpu", _EMULATED_CPU]
    if options.icount:
        lines += ["-icount", "shift=0,sleep=off"]
    # Files, not stdio: without an input that stays open stdio blocks the guest.
    for port in ("stdout", "stderr", "status"):
        lines += ["-chardev", f"file,id={port},path={work}/{port}",
                  "-device", f"virtserialport,chardev={port},name={port}"]
    for tag in shares(options):
        lines += ["-chardev", f"socket,id={tag},path={work}/{tag}.socket",
                  "-device", f"vhost-user-fs-pci,chardev={tag},tag={tag}"]
    return lines
