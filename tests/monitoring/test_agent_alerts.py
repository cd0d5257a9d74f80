# SPDX-License-Identifier: Apache-2.0
"""The alerts about agents: a real agent gets into trouble and out of it, and a
real Alertmanager hears of both.

How long a trouble must last is left to promtool's tests; so are those that a test
cannot make on any machine: lost events, scans that fail, a sensor that is refused.
"""

import contextlib
import pathlib
import shutil
import signal
from collections.abc import Callable, Iterator

import pytest

from harness.agent import Agent
from harness.podman import Container
from harness.waiting import wait_for
from monitor.alertmanager import Alertmanager
from monitor.policies import EXPIRED
from monitor.prometheus import ABOUT_AGENTS, Prometheus

SECONDS = 40

GOOD = "version: 1\n"
BAD = "version: 1\nrulez: []\n"


class Watched:
    """An agent whose alerts come at once."""

    def __init__(self, agent: Agent, prometheus: Prometheus,
                 alertmanager: Alertmanager, policy: pathlib.Path) -> None:
        self.agent = agent
        self.prometheus = prometheus
        self.alertmanager = alertmanager
        self.policy = policy

    def start(self) -> None:
        self.agent.start("--policy", str(self.policy),
                         "--metrics.max-containers", "1")

    def judge_by(self, policy: str) -> None:
        self.policy.write_text(policy)
        assert self.agent.process is not None
        self.agent.process.send_signal(signal.SIGHUP)

    def alert(self, name: str) -> dict | None:
        # Alertmanager keeps what ended, for who asks for it: not here.
        return next((a for a in self.alertmanager.alerts()
                     if a["labels"]["alertname"] == name), None)

    def fires(self, name: str) -> dict:
        return wait_for(lambda: self.alert(name), SECONDS, f"{name} fires")

    def is_over(self, name: str) -> None:
        wait_for(lambda: not self.alert(name), SECONDS, f"{name} is resolved")

    def scraped(self) -> None:
        # Prometheus scrapes OpenMetrics, which has more digits.
        started = pytest.approx(
            self.agent.metric("process_start_time_seconds")[""], abs=0.001)
        wait_for(lambda: [float(s["value"][1]) for s in self.prometheus.query(
            'process_start_time_seconds{job="stillframe"}')] == [started],
            SECONDS, "a scrape")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory,
            make_image: Callable[[str], str]) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("agent-alerts")
    (directory / "agent").mkdir()
    policy = directory / "policy.yaml"
    policy.write_text(EXPIRED)
    image = make_image("agent-alerts")
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(Container(image))
        agent = stack.enter_context(Agent(directory / "agent"))
        alertmanager = stack.enter_context(
            Alertmanager(directory / "alertmanager"))
        prometheus = Prometheus(directory / "prometheus", agent.port,
                                alertmanager.port, at_once=(ABOUT_AGENTS,))
        watched = Watched(agent, prometheus, alertmanager, policy)
        watched.start()
        stack.enter_context(prometheus)
        watched.scraped()
        yield watched


def test_more_containers_than_series(watched: Watched) -> None:
    found = watched.fires("StillframeContainersOverCap")
    assert found["annotations"]["summary"] == (
        f"The Stillframe agent on {watched.prometheus.instance} shows only a"
        " part of its containers.")


def test_a_rule_that_has_expired(watched: Watched) -> None:
    watched.judge_by(EXPIRED)
    found = watched.fires("StillframePolicyRuleExpired")
    assert found["annotations"]["summary"].endswith("has 1 expired rule.")
    watched.judge_by(GOOD)
    watched.is_over("StillframePolicyRuleExpired")


def test_a_policy_that_is_refused(watched: Watched) -> None:
    watched.judge_by(BAD)
    watched.fires("StillframePolicyLoadFailed")
    watched.judge_by(GOOD)
    watched.is_over("StillframePolicyLoadFailed")


def test_an_agent_that_ends_and_ends_again(watched: Watched) -> None:
    watched.agent.kill()
    found = watched.fires("StillframeAgentDown")
    assert found["labels"]["instance"] == watched.prometheus.instance
    assert found["annotations"]["summary"] == (
        f"Containers on {watched.prometheus.instance} are not watched, since"
        " its Stillframe agent is down.")
    for _ in range(4):
        watched.start()
        watched.scraped()
        watched.agent.kill()
    watched.start()
    watched.is_over("StillframeAgentDown")
    watched.fires("StillframeAgentRestarting")


# Last: it takes the evidence away.
def test_a_journal_that_was_removed(watched: Watched) -> None:
    watched.scraped()
    watched.agent.stop()
    shutil.rmtree(watched.agent.state / "journal")
    watched.start()
    found = watched.fires("StillframeJournalSetBack")
    assert found["labels"]["severity"] == "critical"
