# SPDX-License-Identifier: Apache-2.0
"""Names that containers choose are shown, never obeyed."""

import os

import pytest

from harness.agent import Agent
from harness.checks import recorded, same_diff

NAMES = {
    "newline": b"a\nA fake",
    "escape": b"\x1b[2J\x1b[31mred",
    "not utf-8": b"\xff\xfe\xc3",
    "quotes": b"a\"b'c\\d",
    "carriage return": b"safe\rA other",
    "override": "\u202etxt.exe".encode(),
}
CONTROL = bytes(c for c in range(32) if c != 10) + b"\x7f"


def _quoted(name: bytes) -> bytes:
    return b"'" + name.replace(b"'", b"'\\''") + b"'"


def _printable(output: bytes) -> None:
    assert not set(output) & set(CONTROL)
    output.decode()


@pytest.mark.parametrize("case", NAMES)
def test_path_is_exact_and_escaped(agent: Agent, start, case: str) -> None:
    name = NAMES[case]
    container = start()
    container.work(b"echo x >/new/" + _quoted(name))
    same_diff(agent, container)
    recorded(agent, container.name, os.fsdecode(b"/new/" + name), "workload")
    table = agent.run("diff", container.name)
    _printable(table)
    assert b"A fake" not in table.splitlines()
    _printable(agent.run("events", "--container", container.name))


@pytest.mark.parametrize("case", ["newline", "escape", "not utf-8"])
def test_comm_is_exact_and_escaped(agent: Agent, start, case: str) -> None:
    name = NAMES[case]
    container = start()
    container.work(b"mutate write_as " + _quoted(name) + b" /new/file")
    change = recorded(agent, container.name, "/new/file", "workload")
    comms = {os.fsencode(a["comm"]) for a in change["actors"]}
    assert comms == {name[:15]}
    _printable(agent.run("diff", container.name))


def test_label_is_escaped(agent: Agent, start) -> None:
    project = "red\x1b[31m\nblue\u202e"
    container = start(options=(
        "--label", f"com.docker.compose.project={project}",
        "--label", "com.docker.compose.service=web",
    ))
    assert agent.ps(container.id)["state"] == "still"
    _printable(agent.run("ps"))
    _printable(agent.run("ps", "--workloads"))
    _printable(agent.get("/metrics").encode())
