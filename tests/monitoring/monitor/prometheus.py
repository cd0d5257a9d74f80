# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus with this project's rules."""

import json
import pathlib

import yaml

from harness.agent import REPOSITORY

from .server import Server

ALERTS = REPOSITORY / "dashboards/alerts/stillframe.yaml"
RULES = REPOSITORY / "dashboards/rules/stillframe.yaml"
JOB = "stillframe"


ABOUT_CONTAINERS = "stillframe-immutability"
ABOUT_AGENTS = "stillframe-agent"
ABOUT_JOURNALS = "stillframe-journal"
EVERYTHING = (ABOUT_CONTAINERS, ABOUT_AGENTS, ABOUT_JOURNALS)

# The times that expressions look back, and what tests can wait for.
_SHORTENED = {
    "[10m]": "[5s]", "[1h]": "[20s]", "offset 1h": "offset 20s",
    "- 3600": "- 20", "86400": "2", "604800": "6",
}


def _hastened(rules: str, at_once: tuple[str, ...], short: bool) -> str:
    """The rules, of which those in the groups `at_once` wait no more; `short`:
    a day is seconds for them, so that what is over is soon seen to be."""
    groups = yaml.safe_load(rules)["groups"]
    for group in groups:
        for rule in group["rules"]:
            if group["name"] in at_once:
                rule.pop("for", None)
            for long, brief in _SHORTENED.items() if short else ():
                rule["expr"] = rule["expr"].replace(long, brief)
    return json.dumps({"groups": groups})


class Prometheus(Server):
    """Scrapes one agent every second and evaluates as often."""

    def __init__(self, directory: pathlib.Path, agent_port: int,
                 alertmanager_port: int | None = None,
                 at_once: tuple[str, ...] = (ABOUT_CONTAINERS,),
                 short: bool = False) -> None:
        super().__init__(directory)
        self.instance = f"127.0.0.1:{agent_port}"
        alerts = directory / "alerts.yaml"
        alerts.write_text(_hastened(ALERTS.read_text(), at_once, short))
        # JSON is YAML.
        self._config = directory / "prometheus.yml"
        self._config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(alerts), str(RULES)],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [target]}]}
                # Itself, as any Prometheus has targets that are no agents.
                for name, target in ((JOB, self.instance),
                                     ("prometheus", f"127.0.0.1:{self.port}"))
            ],
            "alerting": {"alertmanagers": [{
                "static_configs": [
                    {"targets": [f"127.0.0.1:{alertmanager_port}"]}],
            }] if alertmanager_port else []},
        }))

    def command(self) -> list[str]:
        return [
            "prometheus",
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def query(self, expression: str) -> list[dict]:
        answer = self.get("/api/v1/query", query=expression)
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def firing(self, container: str | None = None) -> list[dict]:
        """Labels of the alerts that fire, of all or of one container."""
        alerts = self.get("/api/v1/alerts")["data"]["alerts"]
        return [alert["labels"] for alert in alerts
                if alert["state"] == "firing"
                and container in (None, alert["labels"].get("container_id"))]
