# SPDX-License-Identifier: Apache-2.0
"""Debian's cloud kernels: fetched once by package name, then kept."""

import dataclasses
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from . import apt

# The suites that have each kernel; apt takes the newest version among them.
SUITES = {
    "5.10": ("bullseye-security",),
    "6.1": ("bookworm", "bookworm-security"),
    "6.12": ("trixie", "trixie-security"),
    "newest": ("sid", "trixie-backports"),
}
_META = "linux-image-cloud-amd64"
# What holds the kernel, its modules and their lists. From 7.x on these are
# packages apart.
_PARTS = re.compile(r"linux-(image|modules|binary|base)-\d.*cloud-amd64.*")
_REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


@dataclasses.dataclass(frozen=True)
class Kernel:
    """An unpacked kernel: `root` has lib/modules/RELEASE, as depmod wants it."""

    name: str
    release: str
    version: str
    root: pathlib.Path

    @property
    def image(self) -> pathlib.Path:
        return self.root / "vmlinuz"

    @property
    def modules(self) -> pathlib.Path:
        return self.root / "lib/modules" / self.release


def cache_directory() -> pathlib.Path:
    default = _REPOSITORY / "build/vm-kernels"
    return pathlib.Path(os.environ.get("STILLFRAME_VM_CACHE", default)).resolve()


def kernel(name: str, update: bool = False) -> Kernel:
    """The kernel called `name`, from the cache or from Debian's archive."""
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    # Several machines may start at once; one of them fetches.
    with open(cache / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _kept(cache, name)
        if kept is None or update:
            kept = _fetch(cache, name, kept)
        return kept


def _kept(cache: pathlib.Path, name: str) -> Kernel | None:
    try:
        record = json.loads((cache / f"{name}.json").read_text())
    except FileNotFoundError:
        return None
    found = Kernel(name, record["release"], record["version"],
                   cache / record["directory"])
    return found if found.image.exists() else None


def _fetch(cache: pathlib.Path, name: str, kept: Kernel | None) -> Kernel:
    suites = apt.Suites(cache / "apt" / name, SUITES[name])
    print(f"vm: looking for kernel {name} in {', '.join(SUITES[name])}",
          file=sys.stderr)
    suites.update()
    packages = suites.closure(_META, _PARTS)
    version = packages.pop(_META)
    if kept is not None and kept.version == version:
        return kept
    print(f"vm: fetching {' '.join(packages)} {version}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        place = pathlib.Path(work)
        archives = suites.download(packages, place / "archives")
        release = _unpack(archives, place)
        directory = f"{name}-{release}-{version}".replace(":", "_")
        shutil.rmtree(cache / directory, ignore_errors=True)
        (place / "root").rename(cache / directory)
    record = {"release": release, "version": version, "directory": directory}
    (cache / f"{name}.json").write_text(json.dumps(record) + "\n")
    return Kernel(name, release, version, cache / directory)


def _unpack(archives: list[pathlib.Path], place: pathlib.Path) -> str:
    """Makes place/root of packages; the kernel's release."""
    tree, root = place / "tree", place / "root"
    for archive in archives:
        subprocess.run(["dpkg-deb", "-x", archive, tree], check=True)
    directories = [*tree.glob("usr/lib/modules/*"), *tree.glob("lib/modules/*")]
    # From 7.x on the kernel itself lies beside its modules.
    images = [*tree.glob("boot/vmlinuz-*"),
              *(path for directory in directories
                for path in directory.glob("vmlinuz"))]
    if len(images) != 1 or len(directories) != 1:
        raise apt.AptError(f"not one kernel in {[a.name for a in archives]}:"
                           f" {images} {directories}")
    modules = directories[0]
    release = modules.name
    (root / "lib/modules").mkdir(parents=True)
    images[0].rename(root / "vmlinuz")
    modules.rename(root / "lib/modules" / release)
    subprocess.run(["depmod", "-b", root, release], check=True)
    # The guest's root need not be the one who made them.
    root.chmod(0o755)
    return release
