# SPDX-License-Identifier: Apache-2.0
"""An image of Debian with its package managers, and packages to install.

Made once: it takes more than a minute, and is kept in the build directory.
"""

import base64
import hashlib
import io
import pathlib
import subprocess
import tempfile
import zipfile

from machine.apt import mirrors

from .agent import REPOSITORY
from .image import import_bytes
from .waiting import patience

PACKAGES = ("ed", "python3-apt", "python3-pip", "vim-tiny")
SUITE = "bookworm"


def archive() -> pathlib.Path:
    """The root filesystem as a tar archive."""
    key = hashlib.sha256(repr((PACKAGES, SUITE)).encode()).hexdigest()[:12]
    kept = REPOSITORY / f"build/images/debian-{key}.tar"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(".new.tar")
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=apt",
         f"--include={','.join(PACKAGES)}",
         "--dpkgopt=path-exclude=/usr/share/doc/*",
         "--dpkgopt=path-exclude=/usr/share/locale/*",
         "--customize-hook=rm -rf $1/var/lib/apt/lists",
         # From where this machine has its own: there may be no other.
         SUITE, str(fresh), mirrors()[False]],
        check=True, capture_output=True, timeout=patience(600),
    )
    fresh.rename(kept)
    return kept


def import_debian(name: str) -> None:
    import_bytes(name, archive().read_bytes())


def deb(directory: pathlib.Path, name: str, version: str,
        postinst: str = "") -> pathlib.Path:
    """Builds a package that holds one file."""
    out = directory / f"{name}.deb"
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / name
        control = tree / "DEBIAN"
        control.mkdir(parents=True)
        (control / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: nobody <nobody@localhost>\nDescription: a test\n")
        if postinst:
            script = control / "postinst"
            script.write_text(f"#!/bin/sh\nset -e\n{postinst}\n")
            script.chmod(0o755)
        (tree / "opt").mkdir()
        (tree / "opt" / name).write_text(version)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", tree, out],
            check=True, capture_output=True, timeout=patience(60))
    return out


def wheel(directory: pathlib.Path, name: str, version: str) -> pathlib.Path:
    """Makes a Python package of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": b"answer = 42\n",
        f"{info}/METADATA":
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            .encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\n"
                         b"Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = io.StringIO()
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
        record.write(f"{path},sha256={digest.rstrip(b'=').decode()},"
                     f"{len(content)}\n")
    record.write(f"{info}/RECORD,,\n")
    out = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(out, "w") as archived:
        for path, content in files.items():
            archived.writestr(path, content)
        archived.writestr(f"{info}/RECORD", record.getvalue())
    return out
