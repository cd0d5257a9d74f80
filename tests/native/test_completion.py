# SPDX-License-Identifier: Apache-2.0
"""Real shells complete commands, values, files and containers."""

import pathlib
import signal
import shlex
import uuid
from collections.abc import Iterator

import pytest

from harness.agent import Agent, command_line
from harness.shells import START, Shell
from harness.waiting import wait_for

LINES = {
    "pol": "policy",
    "policy ch": "policy check",
    "audit keyg": "audit keygen",
    "help policy sug": "help policy suggest",
    "diff --ex": "diff --exit-code",
    "diff -o jso": "diff -o json",
    "diff --output=jso": "diff --output=json",
    "events --kind file_wr": "events --kind file_write",
    "events --class lif": "events --class lifecycle",
    "events --tool ansi": "events --tool ansible",
    "events --verdict viol": "events --verdict violation",
    "events --origin unat": "events --origin unattributed",
    "completion fi": "completion fish",
    "ps --sort last": "ps --sort last-actor",
    "ps --sort -last": "ps --sort -last-actor",
    "ps --filter state=mu": "ps --filter state=mutated",
    "ps --filter=state=mu": "ps --filter=state=mutated",
    "ps nothing": "ps nothing",
}


@pytest.fixture(params=START)
def shell(request: pytest.FixtureRequest,
          tmp_path: pathlib.Path) -> Iterator[Shell]:
    started = Shell(request.param, tmp_path)
    yield started
    started.close()


def test_words(shell: Shell) -> None:
    for begun, complete in LINES.items():
        assert shell.complete(f"stillframe {begun}").rstrip() == (
            f"stillframe {complete}")


def test_a_key_goes_on_with_its_value(shell: Shell) -> None:
    line = shell.complete("stillframe ps --filter sta")
    assert line == "stillframe ps --filter state="
    assert shell.complete(f"{line}unk").rstrip() == f"{line}unknown"


def test_files_where_files_are_expected(shell: Shell,
                                        tmp_path: pathlib.Path) -> None:
    (tmp_path / "some policy.yaml").touch()
    (tmp_path / "statedir").mkdir()
    (tmp_path / "statefile").touch()
    for begun, complete in {
        "policy check some": "policy check some\\ policy.yaml",
        "run --policy some": "run --policy some\\ policy.yaml",
        "run --policy=some": "run --policy=some\\ policy.yaml",
        "run --state-dir stat": "run --state-dir statedir/",
    }.items():
        assert shell.complete(f"stillframe {begun}").rstrip() == (
            f"stillframe {complete}")


def test_containers_of_the_running_agent(shell: Shell, agent: Agent,
                                         start) -> None:
    container = start()
    wait_for(lambda: agent.named(container.name), 30, "the container is known")
    begun = container.name[:-3]
    for line in ("stillframe --socket {} diff ",
                 "stillframe events --socket {} --container "):
        line = line.format(agent.socket)
        assert shell.complete(line + begun) == f"{line}{container.name} "


def test_values_of_filters_are_those_of_the_agent(
        shell: Shell, agent: Agent, start) -> None:
    label = f"role.{uuid.uuid4().hex[:8]}"
    container = start(options=("--label", f"{label}=front:1"))
    wait_for(lambda: agent.named(container.name), 30, "the container is known")
    line = f"stillframe ps --socket {agent.socket} --filter "
    for begun, value in {
        f"name={container.name[:-3]}": f"name={container.name}",
        f"id={container.id[:20]}": f"id={container.id}",
        f"label={label}": f"label={label}=front:1",
    }.items():
        completed = shell.complete(line + begun)
        assert shlex.split(completed)[-1] == value


def test_names_are_never_expanded(shell: Shell, agent: Agent, start,
                                  tmp_path: pathlib.Path) -> None:
    mark = tmp_path / "mark"
    project = f"shop{uuid.uuid4().hex[:8]}"
    service = f"$(touch {mark}) `touch {mark}`;touch {mark}&*~#!"
    container = start(options=(
        "--label", f"com.docker.compose.project={project}",
        "--label", f"com.docker.compose.service={service}"))
    row = wait_for(lambda: agent.named(container.name), 30,
                   "the container is known")
    assert service in row["workload"]
    line = f"stillframe policy suggest --socket {agent.socket} --workload "
    completed = shell.complete(line + project)
    assert shlex.split(completed)[-1] == row["workload"]
    assert not mark.exists()


def test_nothing_is_said_without_an_agent(shell: Shell,
                                          tmp_path: pathlib.Path) -> None:
    line = f"stillframe --socket {tmp_path}/none diff web"
    before = shell.output
    assert shell.complete(line) == line
    assert b"stillframe:" not in shell.output[len(before):]


def test_an_agent_that_does_not_answer_is_not_waited_for(
        own_agent: Agent) -> None:
    own_agent.start()
    own_agent.process.send_signal(signal.SIGSTOP)
    try:
        result = command_line("__complete", "--socket", str(own_agent.socket),
                              "diff", "", timeout=10)
    finally:
        own_agent.process.send_signal(signal.SIGCONT)
    assert (result.returncode, result.stdout) == (0, b"words\n")
