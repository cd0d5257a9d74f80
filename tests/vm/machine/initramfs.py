# SPDX-License-Identifier: Apache-2.0
"""What the guest finds at first: busybox, the modules its root needs, scripts."""

import lzma
import pathlib
import shlex
import subprocess

from .cpio import Archive
from .kernels import Kernel
from .options import Options

BUSYBOX = pathlib.Path("/bin/busybox")
_GUEST = pathlib.Path(__file__).resolve().parents[1] / "guest"
# As few as there can be: all else is loaded by name in the final root, where
# /lib/modules is.
_MODULES = ("virtio_pci", "virtio_console", "virtio_blk", "virtiofs")


class InitramfsError(Exception):
    """The guest's first root cannot be made."""


def _module_files(kernel: Kernel, modules: tuple[str, ...]) -> list[pathlib.Path]:
    """The files of modules and of what they need, in the order of loading."""
    result = subprocess.run(
        ["modprobe", "-a", "-d", kernel.root, "-S", kernel.release,
         "--show-depends", *modules],
        capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise InitramfsError(f"kernel {kernel.release} lacks a module:"
                             f" {result.stderr.strip()}")
    files: dict[pathlib.Path, None] = {}
    for line in result.stdout.splitlines():
        verb, _, rest = line.partition(" ")
        if verb == "insmod":
            files[pathlib.Path(rest.split()[0])] = None
    return list(files)


def _unpacked(module: pathlib.Path) -> bytes:
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", module], check=True,
                              capture_output=True).stdout
    return module.read_bytes()


def _config(kernel: Kernel, options: Options) -> str:
    values = {
        "LAYOUT": "parts" if options.no_overlay else "overlay",
        "MODULES": str(kernel.modules),
        "RELEASE": kernel.release,
        "NODE": f"vm-{kernel.name.replace('.', '-')}",
        "CGROUP": options.cgroup,
        "FILESYSTEM": options.filesystem,
        "WRITABLE": " ".join(f"share{number}:{path}" for number, path
                             in enumerate(options.writable)),
    }
    return "".join(f"{name}={shlex.quote(value)}\n"
                   for name, value in values.items())


def _command(options: Options) -> str:
    lines = [f"export {name}={shlex.quote(value)}"
             for name, value in options.environment.items()]
    lines.append(f"cd {shlex.quote(str(options.directory))} || exit 125")
    lines.append(f"exec {shlex.join(options.command)}")
    return "\n".join(lines) + "\n"


def build(kernel: Kernel, options: Options) -> bytes:
    archive = Archive()
    for name in ("bin", "dev", "modules", "vm", "host", "root"):
        archive.directory(name)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", BUSYBOX.read_bytes(), 0o755)
    archive.symlink("bin/sh", "busybox")
    modules = _MODULES if options.no_overlay else (*_MODULES, "overlay")
    for number, module in enumerate(_module_files(kernel, modules)):
        archive.file(f"modules/{number:02}", _unpacked(module))
    archive.file("init", (_GUEST / "first").read_bytes(), 0o755)
    for script in ("second", "cgroups"):
        archive.file(f"vm/{script}", (_GUEST / script).read_bytes(), 0o755)
    archive.file("vm/config", _config(kernel, options).encode())
    archive.file("vm/command", _command(options).encode())
    return archive.bytes()
