# SPDX-License-Identifier: Apache-2.0
"""A Grafana dashboard, as far as tests ask for it."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Iterator

from harness.agent import REPOSITORY

DASHBOARDS = sorted((REPOSITORY / "dashboards/grafana").glob("*.json"))
# As Grafana has them for a minute in steps of three seconds.
_TIMES = {
    "__rate_interval": "15s", "__interval_ms": "3000", "__interval": "3s",
    "__range_s": "60", "__range": "60s",
}


@dataclasses.dataclass(frozen=True)
class Query:
    panel: str
    ref: str
    expression: str

    def __str__(self) -> str:
        return f"{self.panel}/{self.ref}"


def load(path: pathlib.Path) -> dict:
    return json.loads(path.read_text())


def panels(dashboard: dict) -> Iterator[dict]:
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", [])


def queries(dashboard: dict) -> list[Query]:
    return [Query(panel["title"], target["refId"], target["expr"])
            for panel in panels(dashboard)
            for target in panel.get("targets", [])]


def variables(dashboard: dict) -> dict[str, dict]:
    return {v["name"]: v for v in dashboard["templating"]["list"]}


def annotations(dashboard: dict) -> list[Query]:
    return [Query(entry["name"], "annotation", entry["expr"])
            for entry in dashboard["annotations"].get("list", [])]


def substituted(expression: str, chosen: dict[str, str]) -> str:
    """The expression as Grafana sends it, with a value for each variable."""
    def value(match: re.Match) -> str:
        name = match.group(1)
        # The first group of label_replace().
        return match.group(0) if name == "1" else (_TIMES | chosen)[name]

    return re.sub(r"\$(\w+)", value, expression)
