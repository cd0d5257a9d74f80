# SPDX-License-Identifier: Apache-2.0
"""Wrong input is answered by one clear message and the right exit code."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest

from harness import agent as agents
from harness.agent import Agent, command_line, free_port
from harness.checks import recorded, same_diff

USAGE = {
    "unknown flag": (("run", "--bogus"), b"--bogus"),
    "bad interval": (("run", "--scan-interval", "soon"), b"--scan-interval"),
    "bad level": (("run", "--log.level", "loud"), b"--log.level"),
    "bad format": (("run", "--log.format", "xml"), b"--log.format"),
    "no container": (("diff",), b"container"),
    "bad output": (("diff", "x", "-o", "yaml"), b"-o"),
    "unknown command": (("mutate",), b"mutate"),
    "bad time": (("events", "--since", "once"), b"--since"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_error_names_the_culprit(case: str) -> None:
    arguments, culprit = USAGE[case]
    result = command_line(*arguments)
    assert (result.returncode, result.stdout) == (2, b"")
    assert culprit in result.stderr.lower()


def _refused(result, *said: str) -> None:
    message = result.stderr.decode()
    assert result.returncode == 1, message
    assert all(word in message for word in said), message


def test_not_root_is_one_line() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(agents.binary(), f"{directory}/stillframe")
        result = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", program, "run",
             "--state-dir", f"{directory}/state",
             "--socket", f"{directory}/s.sock",
             "--web.listen-address", f"127.0.0.1:{free_port()}"],
            capture_output=True, timeout=20, check=False,
        )
    _refused(result, "root")
    assert len(result.stderr.splitlines()) == 1


def test_taken_port_is_named(own_agent: Agent) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", own_agent.port))
        holder.listen()
        result = command_line(*own_agent.arguments(), timeout=20)
    _refused(result, str(own_agent.port))


def test_socket_of_a_live_agent_is_left_alone(agent: Agent,
                                              own_agent: Agent) -> None:
    own_agent.socket = agent.socket
    result = command_line(*own_agent.arguments(), timeout=20)
    _refused(result, str(agent.socket))
    assert agent.run("ps", "-o", "json")


def test_stale_socket_is_taken_over(own_agent: Agent) -> None:
    own_agent.start()
    own_agent.kill()
    assert own_agent.socket.exists()
    own_agent.start()
    assert own_agent.run("ps", "-o", "json")


def test_unwritable_state_directory_is_named(own_agent: Agent) -> None:
    # Below a file: root may write into any directory.
    file = own_agent.directory / "file"
    file.touch()
    own_agent.state = file / "state"
    result = command_line(*own_agent.arguments(), timeout=20)
    _refused(result, str(own_agent.state))


def test_no_agent_is_said(tmp_path: pathlib.Path) -> None:
    missing = tmp_path / "none.sock"
    for arguments in (("ps",), ("diff", "x"), ("events",)):
        result = command_line(*arguments, "--socket", str(missing))
        _refused(result, str(missing))


def test_unknown_container_is_said(agent: Agent) -> None:
    result = command_line("diff", "no-such-container", "--socket",
                          str(agent.socket))
    _refused(result, "no-such-container")


def test_exit_code_tells_violations(agent: Agent, start) -> None:
    container = start()
    arguments = ("diff", container.name, "--exit-code", "--socket",
                 str(agent.socket))
    assert command_line(*arguments).returncode == 0
    container.shell("echo x >>/etc/group")
    assert command_line(*arguments).returncode == 1


def test_damaged_state_is_set_aside(own_agent: Agent, start) -> None:
    own_agent.start()
    container = start()
    container.shell("echo x >>/etc/group")
    recorded(own_agent, container.name, "/etc/group", "exec")
    assert own_agent.stop() == 0
    files = [f for f in own_agent.state.rglob("*")
             if f.is_file() and "journal" not in f.parts]
    assert files
    for file in files:
        file.write_bytes(b"\x00damaged\xff" * 9)
    own_agent.start()
    assert list(own_agent.state.rglob("*.damaged"))
    same_diff(own_agent, container)
    recorded(own_agent, container.name, "/etc/group", "unattributed")


def test_doctor_needs_no_agent() -> None:
    result = command_line("doctor", "-o", "json")
    assert result.returncode == 0
    report = json.loads(result.stdout)
    assert {"lifecycle", "files", "code"} <= {
        s["sensor"] for s in report["sensors"]}
