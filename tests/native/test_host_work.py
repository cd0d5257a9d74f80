# SPDX-License-Identifier: Apache-2.0
"""What hosts do to keep themselves up to date, and what makes images: no container is
changed by it, and none is seen where there is none."""

import os
import pathlib
import subprocess
from collections.abc import Callable

import pytest

from harness.agent import Agent
from harness.checks import is_still, mutations, recorded
from harness.podman import Container, podman
from harness.waiting import patience


def run(*command: str | pathlib.Path) -> None:
    subprocess.run(command, check=True, capture_output=True,
                   timeout=patience(60))


def pull(image: str, directory: pathlib.Path) -> None:
    """Layers are unpacked into the directory that the containers' are in."""
    podman("save", "-q", "--format", "oci-archive", "-o",
           str(directory / "image.tar"), image)
    name = podman("pull", "-q", f"oci-archive:{directory / 'image.tar'}")
    podman("tag", name.decode().strip(), f"{image}-pulled")
    podman("rmi", f"{image}-pulled")


def build(image: str, directory: pathlib.Path) -> None:
    """By buildah's library, each step in a container of its own."""
    (directory / "Containerfile").write_text(
        f"FROM {image}\nRUN echo built >/new/built && rm /etc/group\n"
        "RUN chmod 700 /etc/passwd\n")
    podman("build", "-q", "--runtime", "runc", "--network", "none",
           "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
           "--no-cache", "-t", f"{image}-built", str(directory))
    podman("rmi", f"{image}-built")


def commit(image: str, directory: pathlib.Path) -> None:
    """An image of a container, which is read for it."""
    del directory
    with Container(image) as made:
        made.work("echo x >/new/made")
        made.podman("commit", "-q", made.name, f"{image}-committed")
    podman("rmi", f"{image}-committed")


def rotate(image: str, directory: pathlib.Path) -> None:
    """By both ways of logrotate's."""
    del image
    for name in ("moved", "copied"):
        (directory / name).write_text("line\n" * 1000)
    configuration = directory / "rotate.conf"
    configuration.write_text(
        f"su root root\n{directory}/moved {{\nrotate 2\ncreate\n}}\n"
        f"{directory}/copied {{\nrotate 2\ncopytruncate\ncompress\n}}\n")
    run("logrotate", "-f", "-s", directory / "state", configuration)
    assert (directory / "moved.1").exists()


def snap(image: str, directory: pathlib.Path) -> None:
    """A revision is mounted beside the one before it, and a link moved."""
    del image
    for revision in ("1", "2"):
        place = directory / revision
        place.mkdir()
        run("mount", "-t", "tmpfs", "snap", place)
        (place / "program").write_text(revision)
        fresh = directory / "current.new"
        fresh.symlink_to(revision)
        fresh.rename(directory / "current")
    for revision in ("1", "2"):
        run("umount", directory / revision)


def ostree(image: str, directory: pathlib.Path) -> None:
    """A checkout of hard links to a store of objects, and the one before it gone."""
    del image
    objects = directory / "objects"
    objects.mkdir()
    for name in ("a", "b"):
        (objects / name).write_text(name)
    for number in ("0", "1"):
        deployment = directory / f"deploy.{number}"
        (deployment / "usr").mkdir(parents=True)
        for name in ("a", "b"):
            os.link(objects / name, deployment / "usr" / name)
        run("mount", "--bind", "-o", "ro", deployment / "usr",
            deployment / "usr")
    for number in ("0", "1"):
        run("umount", directory / f"deploy.{number}/usr")
    run("rm", "-r", directory / "deploy.0")


def package(image: str, directory: pathlib.Path) -> None:
    """dpkg, with a configuration file of the host's own."""
    del image
    root = directory / "root"
    for path in ("var/lib/dpkg/info", "var/lib/dpkg/updates"):
        (root / path).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    control = directory / "tree/DEBIAN"
    control.mkdir(parents=True)
    (control / "control").write_text(
        "Package: own\nVersion: 1\nArchitecture: all\n"
        "Maintainer: nobody <nobody@localhost>\nDescription: a test\n")
    (directory / "tree/etc").mkdir()
    (directory / "tree/etc/own").write_text("x")
    run("dpkg-deb", "--build", directory / "tree", directory / "own.deb")
    run("dpkg", f"--root={root}", "--log=/dev/null", "-i",
        directory / "own.deb")


WORK: tuple[Callable[[str, pathlib.Path], None], ...] = (
    pull, build, commit, rotate, snap, ostree, package)


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_it_changes_no_container(
        agent: Agent, image: str, start: Callable, tmp_path: pathlib.Path,
        work: Callable[[str, pathlib.Path], None]) -> None:
    container = start()
    is_still(agent, container)
    before = {row["id"] for row in agent.rows()}
    work(image, tmp_path)
    # What came before this has been seen by the time that this is.
    is_still(agent, container)
    container.shell("echo x >/new/last")
    recorded(agent, container.name, "/new/last", "exec")
    assert {e["path"] for e in mutations(agent, container.name)} <= {
        "/new/last", "/new"}
    violations = {path for path, change in agent.changes(container.name).items()
                  if change["verdict"] == "violation"}
    assert violations == {"/new/last", "/new"}
    met = [e["container"] for e in agent.events()
           if e["container"] and e["container"]["id"] not in before]
    assert [one for one in met if "buildah" in one["id"] + one["name"]] == []
