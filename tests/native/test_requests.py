# SPDX-License-Identifier: Apache-2.0
"""Each request is answered once, whatever becomes of its container or agent."""

import os
import pathlib
import subprocess

import pytest

from harness.agent import Agent, binary
from harness.podman import Container, podman
from harness.waiting import patience, wait_for

ANSWER_SECONDS = 20
STOP_SECONDS = 2
# Enough that a scan takes a good while.
MANY_TO_REMOVE = 40_000
MANY_TO_STOP = 60_000


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


@pytest.mark.parametrize("round", range(6))
def test_a_container_is_removed_while_it_is_asked_for(
        own_agent: Agent, start, round: int) -> None:
    own_agent.start()
    container = start()
    directory = pathlib.Path(container.upper) / "opt/many"
    _fill(directory, MANY_TO_REMOVE)
    wait_for(lambda: not _scans(own_agent, directory), ANSWER_SECONDS,
             "the agent does not scan of its own accord")
    clients = [_ask(own_agent, *question)
               for question in _questions(container)]
    # Each round at another time: before any scan, and in one.
    if round > 0:
        wait_for(lambda: _scans(own_agent, directory), ANSWER_SECONDS,
                 "the scan is under way")
    podman("rm", "-f", "-t", "0", container.name)
    for client in clients:
        errors = _answered(client)
        assert b"agent" not in errors, errors
    assert own_agent.process.poll() is None
    wait_for(lambda: own_agent.ps(container.id) is None, ANSWER_SECONDS,
             "the container is gone")


@pytest.mark.parametrize("round", range(10))
def test_the_agent_is_stopped_while_it_is_asked(own_agent: Agent, start,
                                                round: int) -> None:
    own_agent.start()
    container = start()
    directory = pathlib.Path(container.upper) / "opt/many"
    _fill(directory, MANY_TO_STOP)
    client = _ask(own_agent, "diff", container.name, "-o", "docker")
    wait_for(lambda: _scans(own_agent, directory), ANSWER_SECONDS,
             "the scan is under way")
    assert own_agent.stop(STOP_SECONDS) == 0
    errors = _answered(client)
    assert client.returncode == 1
    assert b"stopping" in errors, errors
