# SPDX-License-Identifier: Apache-2.0
"""What the agent keeps of root's rights: no more than docs/capabilities.md says, in
each of its threads, and the process for trials beside it."""

import pathlib
import re
import subprocess

import pytest

from harness.agent import REPOSITORY, Agent, command_line
from harness.waiting import wait_for

_PAGE = REPOSITORY / "docs/capabilities.md"
_SETS = ("CapPrm", "CapEff", "CapBnd")


def _documented(section: str) -> set[str]:
    """The capabilities in the first column of a section's table."""
    text = _PAGE.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = set(re.findall(r"^\| `(CAP_\w+)` \|", text, re.M))
    assert found, section
    return found


def _decoded(mask: str) -> set[str]:
    text = subprocess.run(["capsh", f"--decode={mask}"], capture_output=True, text=True,
                          check=True).stdout
    names = text.strip().partition("=")[2]
    return {name.upper() for name in names.split(",") if name}


def _statuses(pid: int) -> list[dict[str, str]]:
    """Of each thread."""
    return [dict(re.findall(r"^(\w+):\s+(.*)$", (task / "status").read_text(), re.M))
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def _children(pid: int) -> list[int]:
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _check(pid: int, kept: set[str]) -> None:
    for status in _statuses(pid):
        for name in _SETS:
            assert _decoded(status[name]) == kept, (status["Name"], name)
        for name in ("CapInh", "CapAmb"):
            assert int(status[name], 16) == 0, (status["Name"], name)
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"


def _pid(agent: Agent) -> int:
    assert agent.process is not None
    return agent.process.pid


def test_each_thread_has_what_is_documented(own_agent: Agent) -> None:
    own_agent.start()
    assert len(_statuses(_pid(own_agent))) > 1
    _check(_pid(own_agent), _documented("The agent") - {"CAP_NET_BIND_SERVICE"})


def test_the_process_for_trials_has_what_is_documented(own_agent: Agent) -> None:
    own_agent.start()
    trials, = _children(_pid(own_agent))
    assert _statuses(trials)[0]["Name"] == "stillframe-try"
    _check(trials, _documented("The process for trials"))


def test_a_low_port_is_a_capability_more(own_agent: Agent) -> None:
    own_agent.launch("--web.listen-address", "127.0.0.1:1023")
    wait_for(lambda: "msg=ready" in own_agent.log.read_text(), 60, "agent ready")
    _check(_pid(own_agent), _documented("The agent"))


def test_the_process_for_trials_ends_with_the_agent(own_agent: Agent) -> None:
    own_agent.start()
    trials, = _children(_pid(own_agent))
    own_agent.kill()
    wait_for(lambda: not pathlib.Path(f"/proc/{trials}").exists(), 10, "its end")


@pytest.mark.parametrize("name", ["dac_read_search", "sys_admin", "sys_ptrace"])
def test_one_that_is_missing_is_named(own_agent: Agent, name: str) -> None:
    prefix = ("setpriv", "--bounding-set", f"-{name}")
    result = command_line(*own_agent.arguments(), prefix=prefix)
    assert result.returncode == 1
    assert result.stderr.decode().splitlines()[-1] == (
        "stillframe: the agent must run as root or with more capabilities: "
        f"CAP_{name.upper()} missing")
    report = command_line("doctor", prefix=prefix).stdout.decode()
    assert re.search(rf"^capabilities\s+missing CAP_{name.upper()}$", report, re.M)


def test_without_the_right_to_try_doctor_says_so(own_agent: Agent) -> None:
    own_agent.prefix = ("setpriv", "--bounding-set", "-dac_override")
    own_agent.start()
    assert b"not tried out: CAP_DAC_OVERRIDE is missing" in own_agent.run("doctor")


def test_fewer_are_enough(own_agent: Agent) -> None:
    """What is required, and nothing else of root's."""
    required = sorted(name.removeprefix("CAP_").lower() for name in
                      (_documented("The agent") | _documented("The process for trials"))
                      - {"CAP_NET_BIND_SERVICE", "CAP_FOWNER"})
    own_agent.prefix = ("setpriv", "--bounding-set",
                        ",".join(["-all", *(f"+{name}" for name in required)]))
    own_agent.start()
    report = own_agent.run("doctor").decode()
    assert re.search(r"^capabilities\s+all there$", report, re.M)
    assert "is missing" not in report
