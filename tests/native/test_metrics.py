# SPDX-License-Identifier: Apache-2.0
"""What Prometheus sees."""

import hashlib
import re
import subprocess
import time

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


def test_both_formats_have_the_same_series(agent: Agent, start) -> None:
    start().shell("echo x >>/etc/group")
    url = f"http://127.0.0.1:{agent.port}/metrics"

    def names(accept: str) -> tuple[str, set[str]]:
        body = subprocess.run(
            ["curl", "-sS", "--compressed", "-H", f"Accept: {accept}", url],
            check=True, capture_output=True, text=True).stdout
        return body, {re.split("[{ ]", line)[0] for line in body.splitlines()
                      if not line.startswith("#")}

    text, of_text = names("text/plain")
    openmetrics, of_openmetrics = names("application/openmetrics-text")
    assert of_openmetrics == of_text
    assert openmetrics.endswith("\n# EOF\n") and "# EOF" not in text


def test_last_mutation_moves_on_and_survives_a_restart(
        own_agent: Agent, start) -> None:
    own_agent.start()
    container = start()
    identity = f"podman://{container.id}"

    def moment(which: str) -> float:
        name = f"stillframe_container_{which}_mutation_time_seconds"
        return sum(own_agent.metric(name, container_id=identity).values())

    container.shell("echo x >>/etc/group")
    first = wait_for(lambda: moment("first"), 5, "the first mutation")
    assert first <= wait_for(lambda: moment("last"), 5, "a last mutation")
    between = time.time()
    container.shell("echo x >>/etc/passwd")
    last = wait_for(lambda: moment("last") >= between and moment("last"), 5,
                    "another mutation")
    assert moment("first") == first
    own_agent.stop()
    own_agent.start()
    wait_for(lambda: moment("last") == last, 10, "what was known before")


def test_sessions_and_verdicts_are_those_of_the_container(
        agent: Agent, start) -> None:
    entered, left_alone = start(), start()

    def sessions(container) -> float:
        return sum(agent.metric("stillframe_container_sessions_total",
                                container_id=f"podman://{container.id}").values())

    wait_for(lambda: agent.named(left_alone.name), 30, "both are known")
    before = sessions(entered)
    entered.shell("echo x >>/etc/group")
    entered.shell("true")
    wait_for(lambda: sessions(entered) == before + 2, 10, "two sessions")
    assert sessions(left_alone) == 0
    wait_for(lambda: agent.metric(
        "stillframe_container_changed_paths", verdict="violation",
        container_id=f"podman://{entered.id}"), 10, "a violation")


def test_policy_in_use_is_told(own_agent: Agent) -> None:
    policy = own_agent.directory / "policy.yaml"
    policy.write_text("""version: 1
rules:
  - name: cache
    allow: [{class: content, path: /var/cache/**}]
    expires: 2099-01-30
  - name: always
    allow: [{class: content, path: /srv/**}]
""")
    own_agent.start("--policy", str(policy))
    digest = hashlib.sha256(policy.read_bytes()).hexdigest()
    assert own_agent.metric("stillframe_policy_info") == {
        f'sha256="{digest}"': 1}
    # The first instant after that day, in UTC.
    assert own_agent.metric("stillframe_policy_rule_expiry_time_seconds") == {
        'rule="cache"': 4073500800}


def test_phase_is_told_with_its_start(own_agent: Agent) -> None:
    before = time.time()
    own_agent.start()
    phases = own_agent.metric("stillframe_agent_phase_start_time_seconds")
    assert list(phases) == ['phase="running"']
    assert before <= phases['phase="running"'] <= time.time()


def test_names_of_a_moment_make_no_more_series_than_there_is_room(
        own_agent: Agent, start) -> None:
    own_agent.start("--metrics.max-workloads", "2")
    for _ in range(4):
        start().shell("echo x >>/etc/group")

    def counted() -> dict[str, float]:
        return own_agent.metric("stillframe_mutations_total",
                                kind="file_write", verdict="violation")

    def total() -> bool:
        return sum(counted().values()) >= 4

    wait_for(total, 10, "all four counted")
    workloads = {labels.split('workload="')[1].split('"')[0]
                 for labels in counted()}
    assert len(workloads) == 3 and "_other" in workloads
