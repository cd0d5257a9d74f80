# SPDX-License-Identifier: Apache-2.0
"""What Prometheus sees."""

import subprocess

from harness.agent import Agent
from harness.podman import Container
from harness.waiting import wait_for


def _mutated(agent: Agent, container: Container) -> set[float]:
    found = agent.metric("stillframe_container_mutated",
                         container_id=f"podman://{container.id}")
    return set(found.values())


def test_mutated_within_a_second(agent: Agent, start) -> None:
    container = start()
    wait_for(lambda: _mutated(agent, container) == {0.0}, 5, "container known")
    container.shell("echo x >>/etc/group")
    wait_for(lambda: _mutated(agent, container) == {1.0}, 1, "mutated 1")


def test_violations_name_class_and_origin(agent: Agent, start) -> None:
    container = start()
    container.work("chmod 600 /etc/group")

    def samples() -> dict[str, float]:
        return agent.metric("stillframe_container_violations",
                            container_id=f"podman://{container.id}")

    found = wait_for(samples, 2, "a violation")
    assert any('origin="workload"' in labels for labels in found)


def test_promtool_finds_nothing(agent: Agent, start) -> None:
    start().shell("echo x >>/etc/group")
    result = subprocess.run(["promtool", "check", "metrics"],
                            input=agent.get("/metrics").encode(),
                            capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
