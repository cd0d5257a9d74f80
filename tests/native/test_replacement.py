# SPDX-License-Identifier: Apache-2.0
"""Which container follows which, as an update or a restart."""

import pathlib
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest

from harness.agent import Agent
from harness.checks import recorded
from harness.image import Tree
from harness.podman import Container, Store, podman
from harness.waiting import wait_for

_METRIC = "stillframe_replacements_total"


@pytest.fixture
def name() -> str:
    return f"sfnat-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def run(image: str) -> Iterator[Callable[..., Container]]:
    """Starts containers of any image and name that end with the test.

    To be named after the images in a test's arguments: those go only when
    nothing uses them any more.
    """
    containers: list[Container] = []

    def run_one(name: str, of: str = image, **more) -> Container:
        containers.append(Container(of, name=name, **more))
        return containers[-1]

    yield run_one
    for container in containers:
        container.remove()


def _stop_and_remove(container: Container) -> None:
    podman("stop", "-t", "0", container.name)
    podman("rm", container.name)


def _replacements(agent: Agent, workload: str) -> dict[bool, float]:
    """Counts by whether the image changed."""
    found = agent.metric(_METRIC, workload=workload)
    return {'image_changed="true"' in text: n for text, n in found.items()}


def _event(agent: Agent, container: Container, kind: str) -> dict:
    def find() -> dict | None:
        return next((e for e in agent.events(container.id)
                     if e["kind"] == kind), None)

    # Whether a stopped container is still there is asked once a second.
    return wait_for(find, 10, f"event {kind} of {container.id}")


def _mutate(agent: Agent, container: Container) -> None:
    container.shell("echo x >>/etc/group")
    recorded(agent, container.id, "/etc/group", "exec")


def _known(agent: Agent, container: Container) -> None:
    wait_for(lambda: agent.ps(container.id), 5, "container known")


def test_another_image_under_the_same_name(agent: Agent, new_image: str, run,
                                           name: str) -> None:
    old = run(name)
    _known(agent, old)
    _stop_and_remove(old)
    new = run(name, new_image)
    replaced = _event(agent, old, "replaced")
    assert replaced["container"]["id"] == old.id
    assert replaced["detail"]["text"].startswith(old.id)
    for part in (new.id, new_image, "new image"):
        assert part in replaced["detail"]["text"]
    wait_for(lambda: _replacements(agent, name) == {True: 1}, 5, "counted")


def test_the_same_image_under_the_same_name(agent: Agent, run,
                                            name: str) -> None:
    old = run(name)
    _known(agent, old)
    _stop_and_remove(old)
    run(name)
    _event(agent, old, "replaced")
    wait_for(lambda: _replacements(agent, name) == {False: 1}, 5, "counted")


def test_a_restored_upper_directory_is_no_other_container(
        agent: Agent, run, name: str) -> None:
    container = run(name)
    _mutate(agent, container)
    upper = pathlib.Path(container.upper)
    podman("stop", "-t", "0", name)
    upper.rename(upper.with_name("kept"))
    subprocess.run(["cp", "-a", upper.with_name("kept"), upper], check=True,
                   timeout=60)
    shutil.rmtree(upper.with_name("kept"))
    podman("start", name)
    container.shell("echo x >>/etc/passwd")
    recorded(agent, container.id, "/etc/passwd", "exec")
    assert "/etc/group" in agent.changes(container.id)
    kinds = [event["kind"] for event in agent.events(container.id)]
    assert "removed" not in kinds and "replaced" not in kinds
    assert kinds.count("created") == 1
    assert _replacements(agent, name) == {}


def test_the_same_name_in_another_store_replaces_nothing(
        agent: Agent, run, tree: Tree, name: str, store: Store) -> None:
    first = run(name)
    _known(agent, first)
    podman("stop", "-t", "0", name)
    podman("import", "-q", "-c", "ENV PATH=/bin:/usr/bin", "-",
           "localhost/other:1", input=tree.bytes(), store=store)
    second = run(name, "localhost/other:1", store=store)
    _mutate(agent, second)
    assert _replacements(agent, name) == {}
    assert agent.ps(first.id) is not None


def test_neither_a_restart_nor_one_more_is_a_replacement(
        agent: Agent, run, name: str) -> None:
    label = ("--label", f"app={name}")
    first = run(f"{name}-1", options=label)
    _known(agent, first)
    podman("restart", "-t", "0", first.name)
    second = run(f"{name}-2", options=label)
    _known(agent, second)
    # Once this is known, so is all that went before it.
    _mutate(agent, second)
    assert _replacements(agent, name) == {}


def test_start_first_counts_once_the_old_one_is_removed(
        agent: Agent, new_image: str, run, name: str) -> None:
    label = ("--label", f"app={name}")
    old = run(f"{name}-1", options=label)
    _known(agent, old)
    new = run(f"{name}-2", new_image, options=label)
    _known(agent, new)
    assert _replacements(agent, name) == {}
    _stop_and_remove(old)
    wait_for(lambda: _replacements(agent, name) == {True: 1}, 10, "counted")


def test_a_renamed_container_is_known_by_its_new_name_at_once(
        agent: Agent, run, name: str) -> None:
    container = run(name)
    _mutate(agent, container)
    podman("rename", name, f"{name}-new")
    container.name = f"{name}-new"
    # Nobody asks the agent for anything but its metrics.
    def info(name: str) -> dict[str, float]:
        return agent.metric("stillframe_container_info", name=name)

    wait_for(lambda: info(container.name), 3, "metrics renamed")
    assert info(name) == {}
    podman("rename", container.name, f"{name}-newer")
    container.name = f"{name}-newer"
    assert agent.diff(container.name)["state"] == "mutated"
    assert agent.ps(container.id)["name"] == container.name


def test_who_was_set_aside_by_a_rename_is_replaced(
        agent: Agent, new_image: str, run, name: str) -> None:
    old = run(name)
    _known(agent, old)
    podman("rename", name, f"{name}-old")
    old.name = f"{name}-old"
    new = run(name, new_image)
    _known(agent, new)
    _stop_and_remove(old)
    text = _event(agent, old, "replaced")["detail"]["text"]
    assert new.id in text and "new image" in text


def test_who_gets_the_name_last_replaces(agent: Agent, new_image: str, run,
                                         name: str) -> None:
    old = run(name)
    _known(agent, old)
    new = run(f"{name}-next", new_image)
    _known(agent, new)
    _stop_and_remove(old)
    podman("rename", new.name, name)
    new.name = name
    text = _event(agent, old, "replaced")["detail"]["text"]
    assert new.id in text and "new image" in text


def _lifetimes(agent: Agent) -> tuple[float, float]:
    metric = "stillframe_mutated_lifetime_seconds"
    return (agent.metric(f"{metric}_count")[""],
            agent.metric(f"{metric}_sum")[""])


def test_only_a_mutated_container_has_a_mutated_lifetime(
        own_agent: Agent, run, name: str) -> None:
    own_agent.start()
    still, mutated = run(f"{name}-still"), run(f"{name}-mutated")
    _known(own_agent, still)
    _mutate(own_agent, mutated)
    _stop_and_remove(still)
    _event(own_agent, still, "removed")
    _stop_and_remove(mutated)
    run(f"{name}-mutated")
    _event(own_agent, mutated, "replaced")
    wait_for(lambda: _lifetimes(own_agent)[0] == 1, 5, "counted once")
    assert 0 < _lifetimes(own_agent)[1] < 60
