# SPDX-License-Identifier: Apache-2.0
"""The packages as `cpack` makes them of what was built, and a machine to install them
on: systemd on a copy of this machine's files."""

import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from dpkg import install, purge
from harness import image as images
from harness.agent import binary
from harness.cgroups import made
from harness.systemd import Systemd


def pytest_configure(config: pytest.Config) -> None:
    if os.geteuid() != 0:
        pytest.exit("the packages' tests need root", returncode=1)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """Each by its name."""
    place = tmp_path_factory.mktemp("packages")
    subprocess.run(["cpack", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", "-B",
                    str(place)], cwd=binary().parent, check=True,
                   capture_output=True)
    return {file.name.partition("_")[0]: file for file in place.glob("*.deb")}


@pytest.fixture(scope="session")
def newer(packages: dict[str, pathlib.Path],
          tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The same program under a version that is above."""
    place = tmp_path_factory.mktemp("newer")
    subprocess.run(["dpkg-deb", "-R", packages["stillframe"], place / "tree"],
                   check=True)
    control = place / "tree/DEBIAN/control"
    text = control.read_text()
    version, = (line for line in text.splitlines() if line.startswith("Version:"))
    control.write_text(text.replace(version, f"{version}.1"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", place / "tree",
                    place / "stillframe_newer.deb"], check=True, capture_output=True)
    return place / "stillframe_newer.deb"


@pytest.fixture(scope="session")
def tree() -> images.Tree:
    """A container's files."""
    return images.base_tree(binary().parent / "tests/mutators/mutate")


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    cgroup = f"sfpkg-{os.getpid()}"
    log = tmp_path_factory.mktemp("machine") / "systemd.log"
    with made(cgroup), Systemd(cgroup, log, copy=True) as systemd:
        yield systemd


@pytest.fixture
def installed(machine: Systemd,
              packages: dict[str, pathlib.Path]) -> Iterator[Systemd]:
    """With the package, whose agent runs; purged afterwards."""
    install(machine, packages["stillframe"])
    yield machine
    purge(machine)
