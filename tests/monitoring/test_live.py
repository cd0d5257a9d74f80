# SPDX-License-Identifier: Apache-2.0
"""Real agent, real containers, real Prometheus and Alertmanager.

How long a condition must hold (`for`) is left to promtool's tests.
"""

import pytest

from conftest import UNTOUCHED, Fleet
from harness.waiting import wait_for
from monitor import dashboard
from monitor.dashboard import DASHBOARDS, Query
from monitor.prometheus import JOB

# Scrape, evaluation and the agent's own delay, on a machine that is busy.
SECONDS = 30

CODE = "StillframeCodeOrMemoryViolated"
IN_PLACE = "StillframeChangedInPlace"
WORKLOAD = "StillframeChangedByWorkload"
UNATTRIBUTED = "StillframeUnattributedChange"

EXPECTED = {
    UNTOUCHED: set(),
    "unattributed": {(UNATTRIBUTED, "warning", "unattributed")},
    "exec": {(IN_PLACE, "warning", "exec")},
    "cp": {(IN_PLACE, "warning", "host")},
    "workload": {(WORKLOAD, "info", "workload")},
    # A new file that is run is one path, of the graver class.
    "code": {(CODE, "critical", "workload")},
    "replaced": set(),
}

BOARDS = [dashboard.load(path) for path in DASHBOARDS]
QUERIES = [(board, query) for board in BOARDS
           for query in dashboard.queries(board)]


def _reported(fleet: Fleet, name: str) -> set[tuple[str, str, str]]:
    return {(a["alertname"], a["severity"], a["origin"])
            for a in fleet.prometheus.firing(fleet.container_id(name))}


def _wait_for_all(fleet: Fleet) -> None:
    reported: dict = {}

    def as_expected() -> bool:
        reported.update({name: _reported(fleet, name) for name in EXPECTED})
        return reported == EXPECTED

    try:
        wait_for(as_expected, SECONDS, "the expected alerts")
    except TimeoutError as error:
        raise AssertionError(f"{error}; there are {reported}") from None


@pytest.mark.parametrize("name", [n for n in EXPECTED if EXPECTED[n]])
def test_alerts_fire_for_what_was_changed(fleet: Fleet, name: str) -> None:
    wait_for(lambda: _reported(fleet, name) >= EXPECTED[name], SECONDS,
             f"{EXPECTED[name]} for {name}")


def test_alerts_say_which_container(fleet: Fleet) -> None:
    _wait_for_all(fleet)
    container = fleet.containers["exec"]
    labels, = fleet.prometheus.firing(fleet.container_id("exec"))
    image = container.inspect()["ImageName"]
    assert labels == {
        "alertname": IN_PLACE,
        "severity": "warning",
        "job": JOB,
        "instance": fleet.prometheus.instance,
        "container_id": f"podman://{container.id}",
        "origin": "exec",
        "name": container.name,
        "workload": container.name,
        "image": image,
    }


def test_nothing_else_fires(fleet: Fleet) -> None:
    """Nor for the untouched container, the replacing one and the agent."""
    _wait_for_all(fleet)
    ours = {fleet.container_id(name) for name in EXPECTED}
    others = [a for a in fleet.prometheus.firing()
              if a.get("container_id") in (None, *ours)
              and (a["alertname"], a["severity"], a.get("origin"))
              not in set().union(*EXPECTED.values())]
    assert others == []


def test_alert_reaches_alertmanager(fleet: Fleet) -> None:
    wanted = fleet.container_id("code")

    def arrived() -> list[dict]:
        return [a for a in fleet.alertmanager.alerts()
                if a["labels"].get("container_id") == wanted
                and a["labels"]["alertname"] == CODE]

    alert, = wait_for(arrived, SECONDS, "the alert at Alertmanager")
    assert alert["labels"]["severity"] == "critical"
    assert alert["labels"]["name"] == fleet.containers["code"].name
    assert alert["annotations"]["summary"].endswith(".")
    assert fleet.containers["code"].name in alert["annotations"]["description"]


@pytest.mark.parametrize("board,query", QUERIES,
                         ids=[str(query) for _, query in QUERIES])
def test_dashboard_expression_has_data(fleet: Fleet, board: dict,
                                       query: Query) -> None:
    expression = dashboard.substituted(query.expression, board)
    wait_for(lambda: fleet.prometheus.query(expression), SECONDS, expression)


@pytest.mark.parametrize("board", BOARDS, ids=[b["uid"] for b in BOARDS])
def test_dashboard_variables_have_values(fleet: Fleet, board: dict) -> None:
    for name, variable in dashboard.variables(board).items():
        if variable["type"] != "query":
            continue
        # label_values(SELECTOR, LABEL)
        selector = variable["query"][len("label_values("):].rpartition(",")[0]
        series = fleet.prometheus.query(
            dashboard.substituted(selector, board))
        assert series, selector
        if name != "namespace":  # podman's containers have none
            assert any(s["metric"].get(name) for s in series), name


def _rows(fleet: Fleet, title: str) -> list[dict]:
    board, query = next((b, q) for b, q in QUERIES
                        if q.panel == title and q.ref == "A")
    return fleet.prometheus.query(
        dashboard.substituted(query.expression, board))


def test_table_of_mutated_containers(fleet: Fleet) -> None:
    _wait_for_all(fleet)
    shown = {row["metric"]["name"]: row for row in _rows(fleet, "Mutated now")}
    for name, container in fleet.containers.items():
        assert (container.name in shown) == bool(EXPECTED[name])
    row = shown[fleet.containers["exec"].name]
    assert row["metric"]["image"] == (
        fleet.containers["exec"].inspect()["ImageName"])
    reported = fleet.agent.ps(fleet.containers["exec"].id)
    assert float(row["value"][1]) == reported["mutated_paths"] > 0


# Last: it takes a container away.
def test_removal_resolves(fleet: Fleet) -> None:
    _wait_for_all(fleet)
    gone = fleet.container_id("exec")
    fleet.containers.pop("exec").remove()
    wait_for(lambda: not fleet.prometheus.firing(gone), SECONDS, "resolved")
    # Alertmanager hears of it, too.
    wait_for(lambda: not [a for a in fleet.alertmanager.alerts()
                          if a["labels"].get("container_id") == gone],
             SECONDS, "resolved at Alertmanager")
    assert _reported(fleet, "cp") == EXPECTED["cp"]
