# SPDX-License-Identifier: Apache-2.0
"""Where podman keeps what it knows of its containers."""

import json
import sqlite3
import subprocess

from harness import image as images
from harness.agent import Agent
from harness.checks import recorded
from harness.podman import Container, Store, podman

_LABELS = {"com.docker.compose.project": "shop",
           "com.docker.compose.service": "web"}


def _sqlite_of(store: Store, container: Container) -> None:
    """The database that podman 4.8 and later have, in use by a writer."""
    database = sqlite3.connect(store.directory / "root/db.sql")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY NOT NULL,"
        " Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL)")
    config = {"id": container.id, "name": container.name, "labels": _LABELS}
    database.execute("INSERT INTO ContainerConfig VALUES(?, ?, NULL, ?)",
                     (container.id, container.name, json.dumps(config)))
    database.commit()
    database.execute("BEGIN EXCLUSIVE")


def _workload(agent: Agent, container: Container) -> str:
    found = agent.ps(container.id)
    assert found is not None
    return found["workload"]


def test_labels_are_read_from_sqlite_or_missed_aloud(
        own_agent: Agent, store: Store, tree: images.Tree) -> None:
    podman("import", "-q", "-", "localhost/stored", store=store,
           input=tree.bytes())
    with Container("localhost/stored", store=store) as container:
        bolt = store.directory / "root/libpod/bolt_state.db"
        aside = store.directory / "bolt_state.db"
        had_bolt = bolt.exists()
        if had_bolt:
            bolt.rename(aside)
        try:
            with own_agent.start():
                assert _workload(own_agent, container) != "shop/web"
            log = own_agent.log.read_text()
            assert not had_bolt or "no database" in log
            if had_bolt:
                _sqlite_of(store, container)
                with own_agent.start():
                    assert _workload(own_agent, container) == "shop/web"
        finally:
            if had_bolt:
                aside.rename(bolt)


def test_an_image_in_a_store_of_images_is_compared(
        agent: Agent, store: Store, tree: images.Tree) -> None:
    shared = Store(store.directory / "img", "overlay")
    podman("import", "-q", "-", "localhost/stored", store=shared,
           input=tree.bytes())
    store.options += ("--storage-opt",
                      f"overlay.imagestore={shared.directory / 'root'}")
    try:
        with Container("localhost/stored", store=store) as container:
            found = agent.diff(container.id)
            assert found["state"] == "still" and found["complete"]
            container.shell("echo x >>/etc/group")
            change = recorded(agent, container.id, "/etc/group", "exec")
            assert (change["change"], change["kinds"]) == ("C", ["file_write"])
            assert agent.diff(container.id)["complete"]
    finally:
        subprocess.run(["umount", "-q", shared.directory / "root/overlay"],
                       check=False)
