# SPDX-License-Identifier: Apache-2.0
"""Two minutes in the life of a node: an agent, a Prometheus, and containers that
are left alone, changed in many ways, and replaced."""

import contextlib
import itertools
import os
import pathlib
import subprocess
import time
import uuid

from harness import agent as agents
from harness import image as images
from harness.agent import Agent
from harness.podman import Container, podman
from harness.waiting import patience, wait_for
from monitor.prometheus import JOB, Prometheus

CALM_SECONDS = 20
BUSY_SECONDS = float(os.environ.get("BROWSER_SECONDS", "100"))
ROUND_SECONDS = 10

NAMES = ("shop-web", "shop-api", "shop-cart", "billing", "gateway", "reports")


def _package(directory: pathlib.Path) -> bytes:
    tree = directory / "package"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: shop-tools\nVersion: 2.0\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.com>\nDescription: tools\n")
    (tree / "usr/share").mkdir(parents=True)
    (tree / "usr/share/rates").write_text("1.07\n")
    subprocess.run(
        ["dpkg-deb", "-Znone", "--build", tree, directory / "package.deb"],
        check=True, capture_output=True, timeout=patience(60))
    return (directory / "package.deb").read_bytes()


class Town:
    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self._stack = contextlib.ExitStack()
        # Of the tests that run at the same time elsewhere, none has these names.
        self._run = uuid.uuid4().hex[:4]
        self.containers: dict[str, Container] = {}
        self.began = self.calm = self.busy = 0.0

    def name(self, of: str) -> str:
        return f"{of}-{self._run}"

    def metric_id(self, of: str) -> str:
        return f"podman://{self.containers[of].id}"

    def _image(self, version: str, package: bytes) -> str:
        mutate = pathlib.Path(os.environ.get(
            "STILLFRAME_MUTATE",
            agents.binary().parent / "tests/mutators/mutate"))
        tree = images.base_tree(mutate)
        for path in ("var/lib", "var/lib/dpkg", "var/lib/dpkg/info",
                     "usr/share", "srv"):
            tree.directory(path)
        for applet in ("dpkg", "dpkg-deb", "tar"):
            tree.symlink(f"bin/{applet}", "busybox")
        tree.file("var/lib/dpkg/status", b"")
        tree.file("tools.deb", package)
        tree.file("srv/index.html", f"version {version}\n".encode())
        name = f"localhost/shop-{self._run}:{version}"
        images.import_image(name, tree)
        self._stack.callback(images.remove_image, name)
        return name

    def _start(self, of: str, image: str) -> Container:
        self.containers[of] = Container(image, name=self.name(of))
        return self.containers[of]

    def _remove(self, of: str) -> None:
        if container := self.containers.pop(of, None):
            container.remove()

    def _scraped_until(self, moment: float) -> None:
        """What the agent had by then is in Prometheus."""
        def arrived() -> bool:
            found = self.prometheus.query(f'timestamp(up{{job="{JOB}"}})')
            return bool(found) and float(found[0]["value"][1]) >= moment
        wait_for(arrived, moment - time.time() + 30, "a scrape")

    def __enter__(self) -> "Town":
        (self.directory / "agent").mkdir()
        self._first, self._second = (
            self._image(version, package) for package in
            [_package(self.directory)] for version in ("1.4.0", "1.4.1"))
        for of in NAMES:
            self._stack.callback(self._remove, of)
        # Seen by nobody.
        self._start("reports", self._first)
        policy = self.directory / "policy.yaml"
        policy.write_text(
            "version: 1\nrules:\n"
            "  - name: report-files\n"
            f"    match: {{workload: {self.name('reports')}}}\n"
            "    allow: [{class: content, path: /data/**}]\n"
            "    reason: no volume yet\n")
        self.agent = self._stack.enter_context(
            Agent(self.directory / "agent", log="info"))
        self.agent.start("--policy", str(policy))
        self.prometheus = self._stack.enter_context(
            Prometheus(self.directory / "prometheus", self.agent.port))
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def be_calm(self) -> None:
        """Until `calm` nothing is changed, and one container is replaced."""
        self.began = time.time()
        for of in NAMES:
            if of not in self.containers:
                self._start(of, self._first)
        self._scraped_until(self.began + CALM_SECONDS / 2)
        self._remove("gateway")
        self._start("gateway", self._second)
        self._scraped_until(self.began + CALM_SECONDS)
        self.calm = time.time()

    def be_busy(self) -> None:
        """From then until `busy`, people and programs change containers."""
        notice = self.directory / "notice.html"
        for number in itertools.count():
            notice.write_text(f"closed at {number}\n")
            self.containers["shop-web"].shell(f"echo {number} >>/srv/index.html")
            self.containers["shop-web"].exec("dpkg", "-i", "/tools.deb")
            podman("cp", str(notice),
                   f"{self.name('shop-api')}:/srv/notice-{number}")
            self.containers["billing"].work(f"echo {number} >>/etc/group")
            self.containers["reports"].work(f"echo {number} >>/data/big")
            if number == 2:
                self.containers["shop-cart"].shell(
                    "cp /bin/busybox /new/sleep; /new/sleep 0")
            if number % 3 == 2:
                self.containers["gateway"].shell("chmod 600 /etc/passwd")
                self._scraped_until(time.time() + 2)
                self._remove("gateway")
                self._start("gateway", self._second if number % 2 else self._first)
            next_round = self.calm + (number + 1) * ROUND_SECONDS
            if next_round > self.calm + BUSY_SECONDS:
                break
            self._scraped_until(next_round)
        # Rules are evaluated every second.
        self._scraped_until(time.time() + 4)
        self.busy = time.time()
