# SPDX-License-Identifier: Apache-2.0
"""Each request is answered once, whatever becomes of its container or agent."""

import os
import pathlib
import subprocess
from collections.abc import Callable

from harness.agent import Agent, binary
from harness.podman import Container, podman
from harness.waiting import patience, wait_for

ANSWER_SECONDS = 20
STOP_SECONDS = 2
# Enough that a scan takes a good while.
MANY_TO_REMOVE = 20_000
MANY_TO_STOP = 60_000
# No scan but those that are asked for.
QUIET = ("--scan-interval", "1h")


def _fill(directory: pathlib.Path, count: int) -> None:
    directory.mkdir(parents=True)
    for number in range(count):
        os.close(os.open(directory / f"f{number}",
                         os.O_CREAT | os.O_WRONLY, 0o644))


def _ask(agent: Agent, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [binary(), *arguments, "--socket", str(agent.socket)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _questions(container: Container) -> list[tuple[str, ...]]:
    name = container.name
    return [("diff", name, "-o", "docker"), ("diff", name, "-o", "json"),
            ("ps",), ("policy", "explain", "--container", name, "/opt"),
            ("policy", "suggest", "--workload", name)]


def _scans(agent: Agent, directory: pathlib.Path) -> bool:
    """Whether the agent has the directory open."""
    held = pathlib.Path(f"/proc/{agent.process.pid}/fd")
    for entry in held.iterdir():
        try:
            if os.readlink(entry) == str(directory):
                return True
        except FileNotFoundError:
            continue  # closed since it was listed
    return False


def _answered(client: subprocess.Popen) -> bytes:
    """What a client wrote to stderr; it ended with an answer or an error."""
    _, errors = client.communicate(timeout=patience(ANSWER_SECONDS))
    assert client.returncode in (0, 1), (client.args, errors)
    assert client.returncode == 0 or errors.strip(), client.args
    return errors


def _full(start: Callable[..., Container], count: int,
          ) -> tuple[Container, pathlib.Path]:
    """A container with many changes, made while no agent watches."""
    container = start()
    directory = pathlib.Path(container.upper) / "opt/many"
    _fill(directory, count)
    return container, directory


def test_a_container_is_removed_while_it_is_asked_for(own_agent: Agent,
                                                      start) -> None:
    containers = [_full(start, MANY_TO_REMOVE) for _ in range(6)]
    own_agent.start(*QUIET)
    for number, (container, directory) in enumerate(containers):
        clients = [_ask(own_agent, *question)
                   for question in _questions(container)]
        # The first one at once, the others while a scan is under way.
        if number > 0:
            wait_for(lambda: _scans(own_agent, directory)
                     or all(c.poll() is not None for c in clients),
                     ANSWER_SECONDS, "the scan is under way, or was quick")
        podman("rm", "-f", "-t", "0", container.name)
        for client in clients:
            errors = _answered(client)
            assert b"agent" not in errors, (number, client.args, errors)
        assert own_agent.process.poll() is None, number
        wait_for(lambda: own_agent.ps(container.id) is None, ANSWER_SECONDS,
                 "the container is gone")


def test_the_agent_is_stopped_while_it_is_asked(own_agent: Agent,
                                                start) -> None:
    container, directory = _full(start, MANY_TO_STOP)
    for number in range(10):
        own_agent.start(*QUIET)
        client = _ask(own_agent, "diff", container.name, "-o", "docker")
        wait_for(lambda: _scans(own_agent, directory), ANSWER_SECONDS,
                 "the scan is under way")
        assert own_agent.stop(STOP_SECONDS) == 0, number
        errors = _answered(client)
        assert client.returncode == 1, number
        assert b"stopping" in errors, (number, errors)
