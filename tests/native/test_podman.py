# SPDX-License-Identifier: Apache-2.0
"""The ways in which podman is used besides plain `podman run`."""

import os
import pathlib
import subprocess
import tempfile
import uuid
from collections.abc import Iterator

import pytest

from harness.agent import Agent
from harness.bundle import unpack
from harness.cgroups import made, only_unified
from harness.checks import (
    EVENT_SECONDS,
    event,
    mutations,
    recorded,
    settles,
)
from harness.image import Tree
from harness.podman import RUN_OPTIONS, podman
from harness.systemd import Systemd
from harness.waiting import patience, wait_for


@pytest.fixture
def name() -> Iterator[str]:
    """Of a container that ends with the test."""
    mine = f"sfnat-{uuid.uuid4().hex[:12]}"
    yield mine
    podman("rm", "-f", "-t", "0", mine, check=False)


def _write_is_seen(agent: Agent, name: str) -> None:
    podman("exec", name, "sh", "-c", "echo x >>/data/f1")
    recorded(agent, name, "/data/f1", "exec")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=patience(120),
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@pytest.fixture
def pod(tmp_path: pathlib.Path, image: str) -> Iterator[str]:
    """A pod that holds a sandbox of the tests' image."""
    configuration = tmp_path / "containers.conf"
    # The sandbox' limits can be set nowhere else.
    configuration.write_text('[containers]\ndefault_ulimits = '
                             '["nofile=1024:1024", "nproc=1024:1024"]\n')
    mine = f"sfnat-{uuid.uuid4().hex[:12]}"
    podman(*RUN_OPTIONS[:2], "pod", "create", "--name", mine, "--infra-image",
           image, "--infra-command", "/bin/sleep 1000", "--network", "none",
           "--share", "ipc,uts",
           env={**os.environ, "CONTAINERS_CONF": str(configuration)})
    yield mine
    podman("pod", "rm", "-f", "-t", "0", mine, check=False)


def test_a_pods_members_show_its_name(own_agent: Agent, pod: str, image: str,
                                      name: str) -> None:
    own_agent.start()
    podman("run", "-d", "--pod", pod, "--name", name, *RUN_OPTIONS[:2],
           *RUN_OPTIONS[4:], image, "sleep", "1000")
    row = settles(own_agent, name)
    assert row["pod"] == pod
    assert row["workload"] == name
    sandbox = next(r for r in own_agent.rows()
                   if r["pod"] == pod and r["name"] != name)
    assert sandbox["sandbox"]
    assert pod in own_agent.run("ps").decode()
    _write_is_seen(own_agent, name)


def test_a_directory_for_a_rootfs_is_named_and_watched(
        own_agent: Agent, tmp_path: pathlib.Path, tree: Tree,
        name: str) -> None:
    own_agent.start()
    podman("run", "-d", "--name", name, *RUN_OPTIONS, "--rootfs",
           str(unpack(tree, tmp_path / "rootfs")), "sleep", "1000")
    assert settles(own_agent, name)["runtime"] == "podman"
    _write_is_seen(own_agent, name)


def test_a_container_in_the_cgroup_of_its_unit(
        own_agent: Agent, image: str, name: str) -> None:
    """As Quadlet's units have them."""
    own_agent.start()
    unit = f"{name}.service"
    with made(unit):
        # Where there are no controllers there is no limit to set.
        _run(*only_unified(unit), "podman", "--cgroup-manager", "cgroupfs",
             "run", "-d", "--name", name, *RUN_OPTIONS, "--pids-limit", "0",
             "--cgroups", "split", image, "sleep", "1000")
        assert settles(own_agent, name)["runtime"] == "podman"
        _run(*only_unified(), "podman", "exec", name, "sh", "-c",
             "echo x >>/data/f1")
        recorded(own_agent, name, "/data/f1", "exec")
        podman("rm", "-f", "-t", "0", name)


def test_what_starts_again_replaces_nothing(own_agent: Agent, image: str,
                                            name: str) -> None:
    own_agent.start()
    podman("run", "-d", "--name", name, *RUN_OPTIONS, "--restart",
           "on-failure:3", image, "sh", "-c", "echo x >>/data/f1; exit 3")

    def gave_up() -> bool:
        state = podman("inspect", "-f",
                       "{{.RestartCount}} {{.State.Status}}", name)
        return state.split() == [b"3", b"exited"]

    wait_for(gave_up, 60, "podman gives up")
    row = wait_for(lambda: own_agent.named(name), EVENT_SECONDS, "it is known")
    wait_for(lambda: own_agent.ps(row["id"])["state"] == "mutated",
             EVENT_SECONDS, "its writes are kept over its starts")
    podman("restart", "-t", "0", name)
    wait_for(gave_up, 60, "podman gives up again")
    assert not [e for e in own_agent.events(name) if e["kind"] == "replaced"]
    assert not own_agent.metric("stillframe_replacements_total", workload=name)
    assert len([r for r in own_agent.rows() if r["name"] == name]) == 1


def _configuration(directory: pathlib.Path) -> tuple[str, str]:
    """A podman with all of its files there, as its environment."""
    (directory / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{directory}/root"\n'
        f'runroot = "{directory}/run"\n')
    (directory / "containers.conf").write_text(
        '[containers]\nlog_driver = "k8s-file"\n'
        f'[engine]\ntmp_dir = "{directory}/tmp"\n'
        'cgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
    return (f"CONTAINERS_STORAGE_CONF={directory}/storage.conf",
            f"CONTAINERS_CONF={directory}/containers.conf")


def test_auto_update_is_a_replacement(own_agent: Agent, tree: Tree, name: str,
                                      tmp_path: pathlib.Path) -> None:
    own_agent.start()
    # podman takes no long names for its run root.
    with tempfile.TemporaryDirectory(prefix="sfau-") as directory, \
            made(name), Systemd(name, tmp_path / "systemd.log") as systemd:
        # By files: the units that podman writes leave its options out of half of
        # their commands.
        configuration = _configuration(pathlib.Path(directory))
        systemd.run("systemctl", "set-environment", *configuration)
        own_podman = ("env", *configuration, "podman")

        def move_tag(version: int) -> None:
            systemd.run(*own_podman, "import", "-q", "-c",
                        f"LABEL version={version}", "-",
                        "localhost/updated:latest", input=tree.bytes())

        move_tag(1)
        systemd.run(*own_podman, "create", "--name", name, *RUN_OPTIONS,
                    "--pids-limit", "0", "--stop-signal", "KILL",
                    "--label", "io.containers.autoupdate=local",
                    "localhost/updated:latest", "/bin/sleep", "1000")
        unit = systemd.run(*own_podman, "generate", "systemd", "--new",
                           "--name", name).decode()
        systemd.run(*own_podman, "rm", name)
        systemd.add_service(f"{name}.service", unit)
        try:
            systemd.run("systemctl", "start", f"{name}.service")
            before = settles(own_agent, name)
            assert before["runtime"] == "podman"
            move_tag(2)
            updated = systemd.run(*own_podman, "auto-update").decode()
            assert updated.splitlines()[-1].split()[-1] == "true", updated
            replaced = event(own_agent, before["id"], "replaced")
            assert replaced["detail"]["image_changed"] == "true"
            after = settles(own_agent, name)
            assert replaced["detail"]["by"] == after["id"] != before["id"]
            assert after["image_id"] != before["image_id"]
            found = own_agent.metric("stillframe_replacements_total",
                                     workload=after["workload"])
            assert {"true" if 'image_changed="true"' in text else "false": count
                    for text, count in found.items()} == {"true": 1}
            assert mutations(own_agent, before["id"]) == []
            assert mutations(own_agent, after["id"]) == []
        finally:
            systemd.run("systemctl", "stop", f"{name}.service")
