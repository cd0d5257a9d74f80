# SPDX-License-Identifier: Apache-2.0
"""What an agent says of itself before it is ready."""

import platform
import re
from collections.abc import Callable

from harness.agent import READY_SECONDS, Agent, command_line
from harness.waiting import wait_for


def test_ps_says_that_the_agent_is_starting(own_agent: Agent) -> None:
    """From the first moment on: never that it stops, never an empty list."""
    said = set()

    def answered() -> bool:
        result = command_line("ps", "--socket", str(own_agent.socket))
        if result.returncode == 0:
            return True
        said.add(result.stderr.decode())
        return False

    own_agent.launch()
    wait_for(answered, READY_SECONDS, f"an answer; log {own_agent.log}")
    starting = re.compile(r"stillframe: the agent is starting: .+\n")
    for message in said:
        assert (starting.fullmatch(message)
                or "cannot reach the agent" in message), message
    assert any(starting.fullmatch(message) for message in said), said


def test_doctor_claims_nothing_for_an_agent_that_starts(
        own_agent: Agent) -> None:
    def known() -> bool:
        result = command_line("doctor", "--socket", str(own_agent.socket))
        text = result.stdout.decode()
        assert result.returncode == 0, result.stderr
        # Either a table of sensors, or that they are not known yet.
        assert ("SENSOR" in text) != ("Not known yet" in text), text
        return own_agent.ready() and "SENSOR" in text

    own_agent.launch()
    wait_for(lambda: own_agent.socket.exists(), READY_SECONDS, "a socket")
    wait_for(known, READY_SECONDS, f"a table; log {own_agent.log}")


def test_log_begins_with_version_kernel_and_settings(own_agent: Agent) -> None:
    own_agent.start("--scan-interval", "90s")
    first = own_agent.log.read_text().splitlines()[0]
    assert "msg=starting" in first
    for setting in (f"kernel={platform.release()}", "version=", "revision=",
                    f"state_dir={own_agent.state}", "scan_interval=90s",
                    f"127.0.0.1:{own_agent.port}"):
        assert setting in first, first


def test_it_can_be_stopped_while_it_starts(own_agent: Agent) -> None:
    own_agent.launch()
    wait_for(lambda: own_agent.log.exists()
             and "attaching the sensors" in own_agent.log.read_text(),
             READY_SECONDS, "it attaches")
    assert own_agent.stop(2) == 0
    assert not own_agent.socket.exists()
    own_agent.start()


# A program of the container's own and one of a podman exec, each with programs run
# all the time, none of which the agent has seen from its start.
BUSY = """n=0
while sleep 0.01; do n=$((n + 1)); mutate create /new/{}$n; done"""


def test_who_runs_while_it_starts_is_not_taken_for_another(
        own_agent: Agent, start: Callable) -> None:
    container = start("sh", "-c", BUSY.format("own"))
    container.exec("sh", "-c", BUSY.format("entered"), options=("-d",))
    who = {"/new/own": "workload", "/new/entered": "exec"}
    before: set[str] = set()
    wrong: list[str] = []

    def known() -> bool:
        """Somebody new of each is named, or somebody by error."""
        seen = set()
        for path, change in own_agent.changes(container.name).items():
            right = who.get(path.rstrip("0123456789"))
            if right is None or path in before:
                continue
            # Of those who may have been the one all are listed.
            named = {a["origin"] for a in change["actors"]
                     if not a.get("ambiguous")} - {"unattributed"}
            wrong.extend(f"{path} by {origin}" for origin in named - {right})
            seen |= named
        return bool(wrong) or seen >= set(who.values())

    for _ in range(2):
        own_agent.start()
        wait_for(known, READY_SECONDS, "both are named")
        assert wrong == []
        before |= set(own_agent.changes(container.name))
        own_agent.kill()
