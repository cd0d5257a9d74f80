# SPDX-License-Identifier: Apache-2.0
"""Wrong input is answered by one clear message and the right exit code."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from harness import agent as agents
from harness.agent import REPOSITORY, Agent, command_line, free_port
from harness.checks import recorded, same_diff

# What is wrong, what the message says of it, and whose help it names.
USAGE = {
    "nothing to do": ((), "a command is missing", ""),
    "unknown command": (("difff",), "did you mean 'diff'?", ""),
    "another tool's command": (("ls",), "did you mean 'ps'?", ""),
    "unknown option": (("--bogus",), "--bogus", ""),
    "no command of a family": (("policy",), "explain", " policy"),
    "unknown command of a family": (("audit", "verfy"), "'verify'", " audit"),
    "option of a command": (("run", "--polcy", "x"), "--policy", " run"),
    "option of a family's": (("policy", "explain", "--conainer", "x", "/y"),
                             "--container", " policy explain"),
    "too much": (("diff", "x", "y"), "'y' is one too many", " diff"),
    "no container": (("diff",), "needs CONTAINER", " diff"),
    "no value": (("ps", "-o"), "needs a value", " ps"),
    "bad interval": (("run", "--scan-interval", "soon"), "--scan-interval",
                     " run"),
    "bad level": (("run", "--log.level", "inf"), "did you mean 'info'?",
                  " run"),
    "bad format": (("run", "--log.format", "xml"), "logfmt, json", " run"),
    "bad output": (("diff", "x", "-o", "yaml"), "--output", " diff"),
    "bad time": (("events", "--since", "once"), "--since", " events"),
    "bad kind": (("events", "--kind", "file_wite"), "'file_write'", " events"),
    "bad tool": (("events", "--tool", "ansibel"), "'ansible'", " events"),
    "bad shell": (("completion", "tcsh"), "bash, zsh, fish", " completion"),
    "help of nothing": (("help", "evnts"), "'events'", ""),
    "no file": (("run", "--config.file", "/none.toml"), "/none.toml", " run"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_error_says_what_to_do(case: str) -> None:
    arguments, said, about = USAGE[case]
    result = command_line(*arguments)
    assert (result.returncode, result.stdout) == (2, b"")
    message, _, hint = result.stderr.decode().rstrip().rpartition("\n")
    assert message.startswith("stillframe: ") and said in message
    assert hint == f"Try 'stillframe{about} --help'."
    # And what it names is there.
    words = about.split()
    assert command_line(*words, "--help").stdout == (
        command_line("help", *words).stdout) != b""


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


@pytest.mark.parametrize("arguments, said", (
    (("policy", "check", "/none.yaml"), "/none.yaml: No such file"),
    (("policy", "check", "/etc"), "/etc is not a regular file"),
    (("policy", "check", "/bin/busybox"), "hint:"),
    (("audit", "verify", "/none"), "/none"),
    (("run", "--policy", "/none.yaml"), "--policy: /none.yaml"),
    (("run", "--state-dir", "/proc/none"), "--state-dir"),
))
def test_what_cannot_be_used_is_named(arguments: tuple[str, ...], said: str,
                                      tmp_path: pathlib.Path) -> None:
    own = ("--socket", str(tmp_path / "s"))
    if arguments[0] == "run":
        if "--state-dir" not in arguments:
            own += ("--state-dir", str(tmp_path / "state"))
        own += ("--web.listen-address", f"127.0.0.1:{free_port()}")
    _refused(command_line(*arguments, *own), said)


def test_a_file_is_named_once(tmp_path: pathlib.Path) -> None:
    result = command_line("audit", "verify", "--key", "/none", str(tmp_path))
    _refused(result, "--key: /none: No such file or directory")
    assert result.stderr.count(b"/none") == 1


def test_the_public_half_of_a_key_signs_nothing(own_agent: Agent) -> None:
    key = own_agent.directory / "journal.key"
    made = command_line("audit", "keygen", "--out", str(key))
    public = key.with_suffix(".pub")
    assert f"--journal.key {key}" in made.stdout.decode()
    assert f"--key {public}" in made.stdout.decode()
    result = command_line(*own_agent.arguments(), "--journal.key", str(public))
    _refused(result, str(public), "public half")


@pytest.mark.parametrize("scheme", ("http", "https"))
def test_a_prometheus_that_is_not_there_is_said(
        scheme: str, tmp_path: pathlib.Path) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}"
    result = command_line("audit", "verify", "--prometheus", url,
                          str(tmp_path))
    _refused(result, url, "cannot connect to it", "host and port")


def test_another_server_than_prometheus_is_said(
        agent: Agent, tmp_path: pathlib.Path) -> None:
    url = f"http://127.0.0.1:{agent.port}"
    result = command_line("audit", "verify", "--prometheus", url,
                          str(tmp_path))
    _refused(result, url, "404", "is this Prometheus?")


def test_a_policy_comes_by_a_pipe(agent: Agent, start) -> None:
    container = start()
    container.shell("echo x >>/etc/group")
    recorded(agent, container.name, "/etc/group", "exec")
    workload = agent.named(container.name)["workload"]
    suggested = agent.run("policy", "suggest", "--workload", workload)
    checked = command_line("policy", "check", "-", input=suggested)
    assert (checked.returncode, checked.stdout, checked.stderr) == (
        0, b"ok: 1 rule\n", b"")
    wrong = command_line("policy", "check", "-",
                         input=suggested.replace(b"origin", b"orign"))
    _refused(wrong, "standard input:", "did you mean 'origin'?")


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


def test_each_kind_that_is_emitted_can_be_asked_for() -> None:
    emitted = set()
    for folder in ("agent/engine", "agent/journal"):
        for file in (REPOSITORY / folder).glob("*.cpp"):
            emitted.update(re.findall(
                r'(?:\bagent\(|said_of\([\w.]+,|notices_\.push_back\(|\bkind =)'
                r'\s*\{?\s*"([a-z_]+)"', file.read_text()))
    assert {"started", "state", "journal_pruned", "repeats"} <= emitted
    offered = {line.split(b"\t")[0].decode() for line in command_line(
        "__complete", "events", "--kind", "").stdout.splitlines()}
    assert emitted <= offered
