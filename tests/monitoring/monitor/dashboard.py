# SPDX-License-Identifier: Apache-2.0
"""A Grafana dashboard, as far as tests ask for it."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator

from harness.agent import REPOSITORY

DASHBOARDS = sorted((REPOSITORY / "dashboards/grafana").glob("*.json"))
_RATE_INTERVAL = "15s"


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
            for panel in panels(dashboard) for target in panel["targets"]]


def variables(dashboard: dict) -> dict[str, dict]:
    return {v["name"]: v for v in dashboard["templating"]["list"]}


def substituted(expression: str, dashboard: dict) -> str:
    """The expression as Grafana sends it when everything is chosen."""
    text = expression.replace("$__rate_interval", _RATE_INTERVAL)
    for name, variable in variables(dashboard).items():
        if variable["type"] == "query":
            text = text.replace(f"${name}", variable["allValue"])
    assert "$" not in text, text
    return text
