# SPDX-License-Identifier: Apache-2.0
"""containerd, by `ctr` and by the calls that a kubelet makes."""

import pathlib
import random
import tempfile
from collections.abc import Iterator

import pytest

from harness import image as images
from harness.agent import Agent, command_line
from harness.checks import (
    EVENT_SECONDS,
    event,
    last_state,
    mutations,
    recorded,
)
from harness.containerd import CRI_NAMESPACE, Containerd
from harness.waiting import wait_for

PAUSE = "localhost/sfnat-pause:1"
FIRST = "localhost/sfnat-web:1"
SECOND = "localhost/sfnat-web:2"
MOVING = "localhost/sfnat-web:latest"
ELSEWHERE = "other"
PODS = 5
# Kubernetes makes the ends of names from these.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def _layer(tree: images.Tree, version: str) -> bytes:
    for path in "bin dev etc proc sys tmp new".split():
        tree.directory(path)
    tree.file("bin/busybox", images.BUSYBOX.read_bytes(), 0o755)
    for applet in images.APPLETS:
        tree.symlink(f"bin/{applet}", "busybox")
    tree.file("etc/version", version.encode())
    return tree.bytes()


def _pause() -> bytes:
    """As small as the real one: there is no directory in it."""
    tree = images.Tree()
    tree.file("sleep", images.BUSYBOX.read_bytes(), 0o755)
    return tree.bytes()


@pytest.fixture(scope="module")
def layers() -> dict[str, bytes]:
    return {version: _layer(images.Tree(), version) for version in "12"}


@pytest.fixture(scope="module")
def containerd(layers: dict[str, bytes]) -> Iterator[Containerd]:
    # A socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="sfnat-") as directory:
        with Containerd(pathlib.Path(directory), PAUSE) as daemon:
            daemon.import_image(PAUSE, _pause(), CRI_NAMESPACE,
                                command=("/sleep", "100000"))
            spaces = ("default", ELSEWHERE, CRI_NAMESPACE)
            daemon.import_image(FIRST, layers["1"], *spaces)
            daemon.import_image(SECOND, layers["2"], *spaces)
            for image in (PAUSE, FIRST, SECOND):
                daemon.image_known(image)
            yield daemon


def _pod_name(app: str) -> str:
    end = "".join(random.choices(_LETTERS, k=5))
    return f"{app}-6c5b8d9f7b-{end}"


def _row(agent: Agent, container: str) -> dict:
    """What `ps` has of it, once it has been looked at."""
    def seen() -> dict | None:
        row = agent.ps(container)
        return row if row and row["state"] != "unknown" else None

    return wait_for(seen, EVENT_SECONDS, f"{container} in ps")


def _replaced(agent: Agent, workload: str) -> dict[str, float]:
    """Counts by whether the image changed."""
    found = agent.metric("stillframe_replacements_total", workload=workload)
    return {"true" if 'image_changed="true"' in text else "false": count
            for text, count in found.items() if count}


def _roll(agent: Agent, containerd: Containerd, app: str, before: str,
          after: str, change) -> None:
    """A rolling update of pods, one after the other; each is a replacement."""
    def run(image: str):
        pod = containerd.run_pod(_pod_name(app), "shop", image,
                                 {"app": app, "tier": "front"})
        row = _row(agent, pod.id)
        assert (row["image"], row["state"]) == (image, "still")
        assert (row["namespace"], row["pod"]) == ("shop", pod.name)
        return pod

    pods = [run(before) for _ in range(PODS)]
    change()
    for done, old in enumerate(pods, 1):
        new = run(after)
        assert agent.ps(new.id)["image_id"] != agent.ps(old.id)["image_id"]
        containerd.remove_pod(old)
        wait_for(lambda: _replaced(agent, f"{app}/web") == {"true": done},
                 EVENT_SECONDS, f"replacement {done} of {app}")
        assert mutations(agent, new.id) == []
    assert agent.metric("stillframe_replacements_total", workload=app) == {}


def test_a_rolling_update_of_pods(agent: Agent, containerd: Containerd) -> None:
    _roll(agent, containerd, "rolled", FIRST, SECOND, lambda: None)


def test_a_rolling_update_by_a_moved_tag(agent: Agent, containerd: Containerd,
                                         layers: dict[str, bytes]) -> None:
    containerd.import_image(MOVING, layers["1"], CRI_NAMESPACE)
    before = containerd.image_known(MOVING)

    def move() -> None:
        containerd.import_image(MOVING, layers["2"], CRI_NAMESPACE)
        wait_for(lambda: containerd.image_known(MOVING) != before,
                 EVENT_SECONDS, "the tag moves")

    _roll(agent, containerd, "moved", MOVING, MOVING, move)


def test_a_pod_that_comes_again_under_its_name_is_a_replacement(
        agent: Agent, containerd: Containerd) -> None:
    """As a StatefulSet's: one goes before the next comes."""
    others = [containerd.run_pod(f"db-{n}", "stateful", FIRST) for n in (0, 1)]
    for other in others:
        _row(agent, other.id)
    for count, image in enumerate((FIRST, SECOND), 1):
        containerd.remove_pod(others[0])
        others[0] = containerd.run_pod("db-0", "stateful", image)
        row = _row(agent, others[0].id)
        assert (row["pod"], row["image"]) == ("db-0", image)
        wait_for(lambda: sum(_replaced(agent, row["workload"]).values())
                 == count, EVENT_SECONDS, f"replacement {count}")
    assert _replaced(agent, row["workload"]) == {"false": 1, "true": 1}
    shown = agent.run("ps", "-n", "stateful").decode()
    assert {line.split()[2] for line in shown.splitlines()[1:-2]} == {
        "db-0", "db-1"}


def test_what_comes_in_through_the_kubelet_is_an_exec(
        agent: Agent, containerd: Containerd) -> None:
    pod = containerd.run_pod(_pod_name("entered"), "shop", FIRST)
    _row(agent, pod.id)
    pod.exec("echo x >/new/entered")
    change = recorded(agent, f"shop/{pod.name}/web", "/new/entered", "exec")
    assert change["verdict"] == "violation"


def test_a_resize_in_place_is_a_limit_that_changed(
        agent: Agent, containerd: Containerd) -> None:
    pod = containerd.run_pod(_pod_name("resized"), "shop", FIRST)
    _row(agent, pod.id)
    pod.resize(2048)
    seen = event(agent, pod.id, "limit_change")
    assert seen["verdict"] == "allowed"
    assert (seen["actor"]["origin"], seen["actor"]["tool"],
            seen["actor"]["comm"]) == ("host", "kubelet", "runc")
    assert seen["actor"]["login_uid"] is None
    assert agent.ps(pod.id)["state"] == "still"


def test_a_sandbox_is_marked_and_still(agent: Agent, containerd: Containerd,
                                       own_agent: Agent) -> None:
    pod = containerd.run_pod(_pod_name("held"), "shop", FIRST)
    for watching in (agent, own_agent.start()):
        row = _row(watching, pod.sandbox)
        assert (row["sandbox"], row["workload"]) == (True, "")
        assert (row["image"], row["pod"]) == (PAUSE, pod.name)
        # Its image has no directory at all: the runtime makes all there is.
        assert row["state"] == "still", watching.diff(pod.sandbox)
        row = _row(watching, pod.id)
        assert "sandbox" not in row
        assert row["state"] == "still", watching.diff(pod.id)
    assert mutations(agent, pod.sandbox) == []


def test_a_container_of_ctr_has_its_image(agent: Agent, containerd: Containerd,
                                          layers: dict[str, bytes]) -> None:
    containerd.import_image(MOVING, layers["1"], "default")
    name = containerd.run(MOVING)
    row = _row(agent, name)
    assert (row["image"], row["containerd_namespace"]) == (MOVING, "default")
    assert row["image_id"] == containerd.image_known(FIRST).removeprefix(
        "sha256:")
    assert row["state"] == "still", agent.diff(name)
    containerd.import_image(MOVING, layers["2"], "default")
    containerd.remove(name)
    wait_for(lambda: agent.ps(name) is None, EVENT_SECONDS, "removed")
    containerd.run(MOVING, name)
    wait_for(lambda: _replaced(agent, name) == {"true": 1}, EVENT_SECONDS,
             "replaced by another image")
    assert _row(agent, name)["image"] == MOVING


def test_those_that_are_gone_leave_their_last_state(
        agent: Agent, containerd: Containerd) -> None:
    name = containerd.run(FIRST)
    pod = containerd.run_pod(_pod_name("gone"), "shop", FIRST)
    for container in (name, pod.id):
        _row(agent, container)
    containerd.exec(name, "echo x >/new/made")
    pod.exec("echo x >/new/made")
    before = {container: (recorded(agent, container, "/new/made", "exec"),
                          agent.docker_lines(container))
              for container in (name, pod.id)}
    containerd.remove(name)
    containerd.remove_pod(pod)
    for container, (change, lines) in before.items():
        after = last_state(agent, container)
        assert (after["state"], after["container"]["image"]) == (
            "mutated", FIRST)
        assert agent.changes(container)["/new/made"] == change
        assert agent.docker_lines(container) == lines
        assert {b"C /new", b"A /new/made"} <= lines
    assert last_state(agent, f"shop/{pod.name}/web")["container"]["pod"] == (
        pod.name)
    assert "gone" in agent.diff(pod.sandbox)


def test_the_same_id_in_two_namespaces_is_two_containers(
        agent: Agent, containerd: Containerd) -> None:
    name = containerd.run(FIRST)
    _row(agent, name)
    containerd.run(SECOND, name, ELSEWHERE)
    both = (f"default/{name}", f"{ELSEWHERE}/{name}")
    containerd.exec(name, "echo x >/new/there", ELSEWHERE)
    recorded(agent, both[1], "/new/there", "exec")
    assert agent.diff(both[0])["state"] == "still"
    for key, image in zip(both, (FIRST, SECOND)):
        assert agent.diff(key)["container"]["image"] == image
    for command in ("diff", "events"):
        refused = command_line(command, name if command == "diff" else
                               f"--container={name}", "--socket",
                               str(agent.socket))
        assert refused.returncode == 1
        for key in both:
            assert key in refused.stderr.decode()
    ids = agent.metric("stillframe_container_running")
    for key in both:
        assert any(f'container_id="containerd://{key}"' in i for i in ids)
    kinds = [e["kind"] for e in agent.events(both[0])]
    assert "removed" not in kinds and "replaced" not in kinds
    containerd.remove(name, ELSEWHERE)
    wait_for(lambda: "removed" in
             [e["kind"] for e in agent.events(both[1])], EVENT_SECONDS,
             "one of the two is removed")
    assert agent.diff(name)["state"] == "still"
