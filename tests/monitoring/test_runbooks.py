# SPDX-License-Identifier: Apache-2.0
"""Each runbook, walked as whoever is paged at three does: its commands are run on
the machine where the alert fires, and what they print has the cause.

`journalctl` and `systemctl` ask a service: tests/packages runs those. `kubectl` is
run by nobody. Lines of the log that runbooks name are looked for in the agent's
sources, and in its log by the tests that make each trouble.
"""

import dataclasses
import os
import pathlib
import re
import subprocess

import pytest

from conftest import Fleet
from harness.agent import REPOSITORY, binary
from monitor.configurations import BAD_POLICY, EXPIRED_POLICY
from monitor.watched import RUNBOOKS, lines_of_the_log

OF_A_SERVICE = ("journalctl", "systemctl", "dmesg")


@dataclasses.dataclass(frozen=True)
class Case:
    """The container concerned, and what the commands have to print."""

    causes: tuple[str, ...]
    container: str = "exec"
    status: int = 0


CASES = {
    "StillframeCodeOrMemoryViolated": Case(("/new/sh", "exec_new"), "code"),
    "StillframeChangedByExec": Case((r"/etc/group", r"exec shell"), "exec"),
    "StillframeChangedByHost": Case((r"/etc/copied", r"host cp", "podman"), "cp"),
    "StillframeChangedInPlace": Case((r"/etc/group",)),
    "StillframeChangedByWorkload": Case(
        (r"/etc/group", r"workload", r"allow:"), "workload"),
    "StillframeUnattributedChange": Case(
        (r"/new/early", r"unattributed", r"sensors see events"), "unattributed"),
    "StillframeUpdatedByConfigurationManagement": Case((r"update_started",)),
    "StillframeMutatedNotReplaced": Case((r"/etc/group",)),
    "StillframeStateUnknown": Case((r"mutated: ", r"overlay")),
    "StillframeAgentDown": Case((r"healthy",)),
    "StillframeAgentBlind": Case((r"lifecycle", r"files")),
    "StillframeAgentRestarting": Case((r"lifecycle", r"files")),
    "StillframeEventsLost": Case((r"\d+ containers: ",)),
    "StillframeScanErrors": Case((r"mutated: ",)),
    "StillframeContainersOverCap": Case((r"\d+ containers: ",)),
    "StillframePolicyLoadFailed": Case(
        (r"bad\.yaml:4:5: .*mach",), status=1),
    "StillframeWebConfigLoadFailed": Case((r"rules",), status=1),
    "StillframePolicyRuleExpired": Case((r"has expired \(2020-01-31\)",)),
    "StillframeJournalIncomplete": Case((r"Use%", r"ok")),
    "StillframeJournalSetBack": Case((r"witness|agree",)),
    "StillframeJournaldIncomplete": Case((r'"seq":',)),
}


def _commands(name: str) -> list[str]:
    text = (RUNBOOKS / f"{name}.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()
            if line and not line.startswith("#")]


def _substituted(command: str, name: str, fleet: Fleet,
                 directory: pathlib.Path) -> str:
    case = CASES[name]
    bad, expired = directory / "bad.yaml", directory / "expired.yaml"
    bad.write_text(BAD_POLICY)
    expired.write_text(EXPIRED_POLICY)
    journal = fleet.agent.state / "journal"
    command = command.replace("audit verify", f"audit verify {journal}")
    command = command.replace("/var/lib/stillframe", str(fleet.agent.state))
    return re.sub(
        r"\b(ID|WORKLOAD|TOOL|FILE|URL|INSTANCE)\b", lambda match: {
            "ID": fleet.containers[case.container].id[:12],
            "WORKLOAD": fleet.containers[case.container].name,
            "TOOL": "shell",
            "FILE": str(bad if "LoadFailed" in name else expired),
            "URL": fleet.prometheus.url,
            "INSTANCE": fleet.prometheus.instance,
        }[match[1]], command)


def test_every_runbook_has_a_case() -> None:
    assert set(CASES) == {path.stem for path in RUNBOOKS.glob("*.md")}


@pytest.mark.parametrize("name", CASES)
def test_commands_lead_to_the_cause(fleet: Fleet, name: str,
                                    tmp_path: pathlib.Path) -> None:
    # `stillframe` as on a node, where the socket is in its usual place.
    program = tmp_path / "bin/stillframe"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nexec {binary().resolve()} "$@" --socket {fleet.agent.socket}\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    printed, commands = "", _commands(name)
    assert commands
    for command in commands:
        if command.split()[0] in OF_A_SERVICE:
            continue
        line = _substituted(command, name, fleet, tmp_path)
        result = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, timeout=60,
            check=False, env=os.environ | {"PATH": path})
        assert result.returncode == CASES[name].status, (line, result.stderr)
        printed += result.stdout + result.stderr
    for cause in CASES[name].causes:
        assert re.search(cause, printed), (cause, printed)


@pytest.mark.parametrize("name", CASES)
def test_lines_of_the_log_exist(name: str) -> None:
    sources = "".join(path.read_text() for part in ("agent", "exporters")
                      for path in (REPOSITORY / part).rglob("*.cpp"))
    for line in lines_of_the_log(name):
        assert f'"{line}' in sources, line
