# SPDX-License-Identifier: Apache-2.0
"""An agent that gets into trouble and out of it, whose alerts come at once."""

import pathlib
import re
import signal
import urllib.error

import pytest

from harness.agent import REPOSITORY, Agent
from harness.journald import Journald
from harness.waiting import wait_for

from .alertmanager import Alertmanager
from .prometheus import Prometheus

RUNBOOKS = REPOSITORY / "dashboards/runbooks"
SECONDS = 40


def lines_of_the_log(alert: str) -> list[str]:
    """Those by which the alert's runbook finds the cause."""
    text = " ".join(
        (RUNBOOKS / f"{alert}.md").read_text().replace("#", "").split())
    return re.findall(r"log line `([^`]+)`", text)


class Watched:
    """A real agent with all that it can be given, Prometheus and Alertmanager.

    `resolved` are the alerts, by name and severity, that Alertmanager had and
    then had no more; `lasting` are those that look back an hour and are to be
    resolved yet.
    """

    def __init__(self, directory: pathlib.Path, agent: Agent,
                 prometheus: Prometheus, alertmanager: Alertmanager,
                 journald: Journald) -> None:
        self.agent = agent
        self.prometheus = prometheus
        self.alertmanager = alertmanager
        self.journald = journald
        self.policy = directory / "policy.yaml"
        self.web = directory / "web.yml"
        self.resolved: set[tuple[str, str]] = set()
        self.lasting: list[dict] = []
        self._log_before = 0

    def options(self) -> tuple[str, ...]:
        return ("--policy", str(self.policy), "--web.config.file",
                str(self.web), "--events.journald")

    def begin(self) -> None:
        """What the log says from here on is of another trouble."""
        if self.agent.log.exists():
            self._log_before = self.agent.log.stat().st_size

    def start(self, *more: str) -> None:
        self.agent.start(*self.options(), *more)

    def restart(self, *more: str) -> None:
        assert self.agent.stop() == 0
        self.start(*more)

    def launch(self) -> None:
        """Up to where it is heard of, which is before it is ready."""
        self.agent.launch(*self.options())
        wait_for(self._is_heard, SECONDS, "its metrics")

    def _is_heard(self) -> bool:
        try:
            return bool(self.agent.get("/metrics"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def judge_by(self, policy: str) -> None:
        self.policy.write_text(policy)
        assert self.agent.process is not None
        self.agent.process.send_signal(signal.SIGHUP)

    def counted(self, metric: str, **labels: str) -> float:
        return sum(self.agent.metric(metric, **labels).values())

    def alert(self, name: str, **labels: str) -> dict | None:
        # Alertmanager keeps what ended, for who asks for it: not here.
        wanted = {"alertname": name, **labels}.items()
        return next((a for a in self.alertmanager.alerts()
                     if wanted <= a["labels"].items()), None)

    def fires(self, name: str, **labels: str) -> dict:
        """Waits for it, and for what its runbook looks for in the log."""
        found = wait_for(lambda: self.alert(name, **labels), SECONDS,
                         f"{name} fires")
        for line in lines_of_the_log(name):
            wait_for(lambda line=line: self.said(line), SECONDS,
                     f"log line {line}")
        return found

    def said(self, line: str) -> bool:
        log = self.agent.log.read_bytes()[self._log_before:]
        return line.encode() in log

    def is_over(self, alert: dict) -> None:
        """Waits for that, of an agent that is there to say so."""
        labels = alert["labels"]
        wait_for(lambda: self._is_up() and labels not in
                 [a["labels"] for a in self.alertmanager.alerts()],
                 SECONDS, f"{labels} is resolved")
        self.resolved.add((labels["alertname"], labels["severity"]))

    def _is_up(self) -> bool:
        return [s["value"][1] for s in self.prometheus.query(
            'up{job="stillframe"}')] == ["1"]

    def scraped(self) -> None:
        # Prometheus scrapes OpenMetrics, which has more digits.
        started = pytest.approx(
            self.agent.metric("process_start_time_seconds")[""], abs=0.001)
        wait_for(lambda: [float(s["value"][1]) for s in self.prometheus.query(
            'process_start_time_seconds{job="stillframe"}')] == [started],
            SECONDS, "a scrape")
