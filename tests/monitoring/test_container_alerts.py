# SPDX-License-Identifier: Apache-2.0
"""The alerts about containers and what is seen of them, fired and resolved.

Of these a day lasts seconds. What fires for which change, and no more than that,
is test_live.py's with the rules as they are.
"""

import concurrent.futures
import contextlib
import pathlib
import signal
import uuid
from collections.abc import Callable, Iterator

import pytest

from conftest import Watched
from harness import ansible
from harness.podman import Container, podman
from harness.waiting import wait_for

CRITICAL, WARNING = {"severity": "critical"}, {"severity": "warning"}
CHANGE = "echo x >>/etc/group"
# Of four containers: nearly what the ring buffer holds, and then, in later seconds,
# the share of it that each has for certain.
FLOOD = """place=$(mktemp -d /new/XXXXXX)
mkdir $place/0; mutate burst $place/0 3000
for n in 1 2; do
second=$(date +%s); while [ $(date +%s) = $second ]; do :; done
mkdir $place/$n; mutate burst $place/$n 1100
done"""


def _enter(box: Container, _: Container) -> None:
    box.shell(CHANGE)


def _copy(box: Container, _: Container) -> None:
    podman("cp", "/etc/hostname", f"{box.name}:/etc/copied")


def _work(box: Container, _: Container) -> None:
    box.work(CHANGE)


def _run(box: Container, _: Container) -> None:
    box.work("cp /bin/busybox /new/sh; /new/sh -c true")


def _come_from_another(box: Container, neighbour: Container) -> None:
    neighbour.work(f"echo x >>/proc/{box.pid}/root/etc/group")


CHANGES = {
    "StillframeChangedByExec": _enter,
    "StillframeChangedByHost": _copy,
    "StillframeChangedByWorkload": _work,
    "StillframeCodeOrMemoryViolated": _run,
    "StillframeChangedInPlace": _come_from_another,
}


@pytest.fixture(scope="module")
def image(make_image: Callable[[str], str]) -> str:
    return make_image("alerts")


@pytest.fixture(scope="module")
def neighbour(image: str) -> Iterator[Container]:
    with Container(image, options=("--privileged", "--pid", "host")) as box:
        yield box


def _of(box: Container) -> dict[str, str]:
    return {"container_id": f"podman://{box.id}"}


def test_configuration_management(watched: Watched, image: str,
                                  tmp_path: pathlib.Path) -> None:
    name = f"sfmon-managed-{uuid.uuid4().hex[:8]}"
    with Container(image, name=name) as box:
        (tmp_path / "change.sh").write_text(f"#!/bin/sh\n{CHANGE}\n")
        ansible.play(box, tmp_path, [{"script": "change.sh"}])
        watched.lasting.append(watched.fires(
            "StillframeUpdatedByConfigurationManagement", workload=name))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_until_the_container_is_replaced(
        watched: Watched, image: str, neighbour: Container,
        name: str) -> None:
    with Container(image) as box:
        CHANGES[name](box, neighbour)
        found = watched.fires(name, **_of(box))
        assert f"stillframe diff {box.id[:12]}." in (
            found["annotations"]["description"])
    watched.is_over(found)


def test_a_change_that_nobody_saw(watched: Watched, image: str) -> None:
    with Container(image) as box:
        watched.agent.kill()
        box.shell(CHANGE)
        watched.start()
        found = watched.fires("StillframeUnattributedChange", **_of(box))
    watched.is_over(found)


def test_a_container_that_is_never_replaced(watched: Watched,
                                            image: str) -> None:
    with Container(image) as box:
        box.shell(CHANGE)
        for_a_day = watched.fires("StillframeMutatedNotReplaced", **WARNING,
                                  **_of(box))
        for_a_week = watched.fires("StillframeMutatedNotReplaced", **CRITICAL,
                                   **_of(box))
        watched.is_over(for_a_day)
    watched.is_over(for_a_week)


def test_an_upper_directory_that_is_gone(watched: Watched, image: str) -> None:
    """What holds the container's changes, as with a disk that went away."""
    with Container(image) as box:
        upper = pathlib.Path(box.upper)
        elsewhere = upper.rename(upper.with_name("elsewhere"))
        try:
            answer = watched.agent.run("diff", box.id).decode()
            unknown = watched.fires("StillframeStateUnknown", **_of(box))
            failed = watched.fires("StillframeScanErrors")
        finally:
            elsewhere.rename(upper)
        # The last line, as the runbooks have it; the alert leads there.
        assert f"diff {box.id[:12]}." in unknown["annotations"]["description"]
        assert f"{upper}: open upper directory: No such file" in (
            answer.splitlines()[-1])
        # By itself, when it tries again.
        watched.is_over(unknown)
        assert watched.agent.diff(box.id)["state"] == "still"
        watched.is_over(failed)


@contextlib.contextmanager
def _stopped(watched: Watched) -> Iterator[None]:
    """Alive, and without a CPU."""
    assert watched.agent.process is not None
    watched.agent.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        watched.agent.process.send_signal(signal.SIGCONT)


def test_an_agent_that_gets_no_cpu(watched: Watched, image: str) -> None:
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(Container(image)) for _ in range(4)]
        wait_for(lambda: all(watched.agent.ps(box.id) for box in boxes), 20,
                 "the containers")
        many = concurrent.futures.ThreadPoolExecutor(len(boxes))
        stack.enter_context(many)

        def missed() -> float:
            return (watched.counted("stillframe_events_lost_total")
                    + watched.counted("stillframe_events_suppressed_total"))

        def lost() -> float:
            before = missed()
            with _stopped(watched):
                list(many.map(lambda box: box.work(FLOOD), boxes))
            wait_for(lambda: missed() > before, 20, "the counts")
            return watched.counted("stillframe_events_lost_total",
                                   reason="ringbuf_full")

        wait_for(lost, 40, "more events than the ring buffer holds")
        found = watched.fires("StillframeEventsLost", reason="ringbuf_full")
        watched.is_over(found)
