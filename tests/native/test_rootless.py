# SPDX-License-Identifier: Apache-2.0
"""A user's own podman. On a host with both kinds of hierarchies its containers
have no cgroup of their own."""

import os
import pathlib
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from harness.agent import Agent
from harness.checks import EVENT_SECONDS, recorded
from harness.image import Tree
from harness.podman import RUN_OPTIONS
from harness.users import subordinate_user
from harness.waiting import patience, wait_for


class User:
    """Somebody with subordinate ids, and a store of images and containers."""

    def __init__(self, name: str, graph: str | None) -> None:
        self._entry = pwd.getpwnam(name)
        self.run = pathlib.Path(f"/run/user/{self._entry.pw_uid}")
        self._made = not self.run.exists()
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(self.run, self._entry.pw_uid, self._entry.pw_gid)
        self._place: list[str] = []
        if graph is not None:
            self._place = ["--root", f"{self._entry.pw_dir}/{graph}",
                           "--runroot", str(self.run / graph)]

    def podman(self, *args: str, check: bool = True, **more) -> str:
        result = subprocess.run(
            ["setpriv", "--reuid", str(self._entry.pw_uid), "--regid",
             str(self._entry.pw_gid), "--clear-groups", "podman", *self._place,
             "--storage-driver", "overlay", *RUN_OPTIONS[:2], *args],
            capture_output=True, cwd=self._entry.pw_dir, check=False,
            timeout=patience(120), **more,
            env={"PATH": os.environ["PATH"], "HOME": self._entry.pw_dir,
                 "XDG_RUNTIME_DIR": str(self.run)})
        if check and result.returncode != 0:
            raise AssertionError(f"podman {args!r}: {result.stderr!r}")
        return result.stdout.decode().strip()

    def remove(self) -> None:
        if self._place:
            self.podman("unshare", "rm", "-rf", *self._place[1::2], check=False)
        if self._made:
            shutil.rmtree(self.run, ignore_errors=True)


@pytest.fixture(params=["its own store", "another store"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    graph = None
    if request.param == "another store":
        graph = f"sfnat-{uuid.uuid4().hex[:12]}"
    with subordinate_user() as name:
        mine = User(name, graph)
        yield mine
        mine.remove()


@pytest.fixture
def container(user: User, tree: Tree) -> Iterator[tuple[str, str]]:
    """Its name and id, running."""
    name = f"sfnat-{uuid.uuid4().hex[:12]}"
    image = f"localhost/{name}"
    user.podman("import", "-", image, input=tree.bytes())
    yield name, user.podman("run", "-d", "--name", name, *RUN_OPTIONS[2:],
                            image, "sh", "-c",
                            "trap 'echo x >/written' USR1;"
                            " sleep 1000 & wait; wait")
    user.podman("rm", "-f", "-t", "0", name, check=False)
    user.podman("rmi", "-f", image, check=False)


def _running(agent: Agent, id: str) -> dict | None:
    row = agent.ps(id)
    return row if row and row["running"] else None


def test_a_users_container_is_known_and_watched(
        own_agent: Agent, user: User, container: tuple[str, str]) -> None:
    name, id = container
    own_agent.start()
    row = wait_for(lambda: _running(own_agent, id), EVENT_SECONDS, "it is known")
    assert (row["name"], row["runtime"]) == (name, "podman")
    # Whoever enters it comes from the host's root cgroup.
    user.podman("exec", name, "sh", "-c", "echo x >/go")
    user.podman("kill", "--signal", "USR1", name)
    wait_for(lambda: {"/go", "/written"} <= own_agent.changes(id).keys(),
             EVENT_SECONDS, "both are seen")
    recorded(own_agent, id, "/go", "host")
    recorded(own_agent, id, "/written", "workload")
    began = row["started"]
    user.podman("restart", "-t", "0", name)
    row = wait_for(lambda: (r := _running(own_agent, id))
                   and r["started"] != began and r, EVENT_SECONDS,
                   "it is known again")
    assert row["state"] == "mutated"
    assert len([r for r in own_agent.rows() if r["name"] == name]) == 1
    user.podman("rm", "-f", "-t", "0", name)
    wait_for(lambda: own_agent.ps(id) is None, EVENT_SECONDS, "it is gone")
