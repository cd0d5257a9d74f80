# SPDX-License-Identifier: Apache-2.0
"""Real agent, real containers, real Prometheus and Alertmanager.

How long a condition must hold (`for`) is left to promtool's tests.
"""

import pathlib
import re
import uuid
from collections.abc import Callable, Iterator

import pytest

from conftest import UNTOUCHED, Fleet
from harness import ansible
from harness.podman import Container
from harness.waiting import wait_for
from monitor import dashboard
from monitor.dashboard import DASHBOARDS, Query
from monitor.prometheus import JOB

# Scrape, evaluation and the agent's own delay, on a machine that is busy.
SECONDS = 30

CODE = "StillframeCodeOrMemoryViolated"
EXEC = "StillframeChangedByExec"
HOST = "StillframeChangedByHost"
MANAGED = "StillframeUpdatedByConfigurationManagement"
WORKLOAD = "StillframeChangedByWorkload"
UNATTRIBUTED = "StillframeUnattributedChange"

EXPECTED = {
    UNTOUCHED: set(),
    "unattributed": {(UNATTRIBUTED, "warning", "unattributed")},
    "exec": {(EXEC, "warning", "exec")},
    "cp": {(HOST, "warning", "host")},
    "workload": {(WORKLOAD, "info", "workload")},
    # A new file that is run is one path, of the graver class.
    "code": {(CODE, "critical", "workload"), (EXEC, "warning", "exec")},
    "replaced": set(),
}

BOARDS = [dashboard.load(path) for path in DASHBOARDS]
QUERIES = [query for board in BOARDS for query in dashboard.queries(board)]
ANNOTATIONS = [query for board in BOARDS
               for query in dashboard.annotations(board)]
# What may not be there, as long as nothing goes wrong; test_dashboards.py of the
# browser stage shows what the panels say then.
MAY_BE_EMPTY = {
    "Firing alerts about agents", "Losses and what they mean",
    "Events lost or held back",
    # This one's was never replaced.
    "Its workload's updates",
}


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
        "alertname": EXEC,
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
    container = fleet.containers["code"]
    assert alert["annotations"]["summary"] == (
        f"{container.name} (image {container.inspect()['ImageName']}) runs code"
        " that is not in its image (origin workload).")
    assert f"stillframe diff {container.id[:12]}." in (
        alert["annotations"]["description"])


@pytest.mark.parametrize("name", [n for n in EXPECTED if EXPECTED[n]])
def test_each_alert_reaches_alertmanager(fleet: Fleet, name: str) -> None:
    wanted = fleet.container_id(name)
    wait_for(lambda: EXPECTED[name] == {
        tuple(a["labels"][k] for k in ("alertname", "severity", "origin"))
        for a in fleet.alertmanager.alerts()
        if a["labels"].get("container_id") == wanted}, SECONDS, name)


def test_the_graver_alert_inhibits_the_other(fleet: Fleet) -> None:
    """As docs/alerts.md configures Alertmanager."""
    def inhibited() -> dict[str, bool]:
        return {a["labels"]["container_id"]: bool(a["status"]["inhibitedBy"])
                for a in fleet.alertmanager.alerts()
                if a["labels"]["alertname"] == EXEC}

    expected = {fleet.container_id("code"): True, fleet.container_id("exec"): False}
    wait_for(lambda: expected.items() <= inhibited().items(), SECONDS, "inhibited")


def _all_chosen(fleet: Fleet) -> dict[str, str]:
    """What the variables stand for when nobody has chosen."""
    return {
        # Of all targets, those that are agents.
        "job": "|".join(sorted({s["metric"]["job"] for s in
                                fleet.prometheus.query("stillframe_build_info")})),
        "instance": ".+", "cluster": ".*", "namespace": ".*", "workload": ".*",
        "container": fleet.container_id("exec"),
    }


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_dashboard_expression_has_data(fleet: Fleet, query: Query) -> None:
    _wait_for_all(fleet)
    expression = dashboard.substituted(query.expression, _all_chosen(fleet))
    if query.panel in MAY_BE_EMPTY or " > 0" in query.expression[-5:]:
        # Promql, and no error: there is data only while something happens.
        fleet.prometheus.query(expression)
    else:
        wait_for(lambda: fleet.prometheus.query(expression), SECONDS, expression)


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_only_agents_are_drawn(fleet: Fleet, query: Query) -> None:
    """Prometheus itself is a target, too."""
    assert fleet.prometheus.query('up{job="prometheus"}')
    expression = dashboard.substituted(query.expression, _all_chosen(fleet))
    jobs = {s["metric"].get("job") for s in fleet.prometheus.query(expression)}
    assert jobs <= {JOB, None}


@pytest.mark.parametrize("query", ANNOTATIONS, ids=str)
def test_annotation_shows_what_happened(fleet: Fleet, query: Query) -> None:
    # Over all the time that there is: it was some moment ago.
    expression = dashboard.substituted(query.expression, _all_chosen(fleet))
    wait_for(lambda: fleet.prometheus.query(
        f"max_over_time(({expression})[10m:1s])"), SECONDS, expression)


def test_configuration_management_is_named(
        fleet: Fleet, make_image: Callable[[str], str],
        tmp_path: pathlib.Path) -> None:
    wait_for(lambda: fleet.prometheus.query("stillframe_build_info offset 5s"),
             SECONDS, "an agent that is known")
    name = f"sfmon-managed-{uuid.uuid4().hex[:8]}"
    with Container(make_image("5"), name=name) as container:
        # Of what Ansible runs, a script needs no Python in the container.
        (tmp_path / "change.sh").write_text(
            "#!/bin/sh\necho managed >>/etc/group\n")
        ansible.play(container, tmp_path, [{"script": "change.sh"}])

        def reported() -> dict[str, dict]:
            return {a["labels"]["alertname"]: a
                    for a in fleet.alertmanager.alerts()
                    if a["labels"].get("workload") == name}

        found = wait_for(lambda: reported() if MANAGED in reported() and
                         EXEC in reported() else None, SECONDS, MANAGED)
        assert found[MANAGED]["labels"]["tool"] == "ansible"
        assert found[MANAGED]["annotations"]["summary"] == (
            f"Containers of {name} are updated in place by ansible.")
        wait_for(lambda: reported()[EXEC]["status"]["inhibitedBy"], SECONDS,
                 "what it did through exec is no other matter")


@pytest.fixture(scope="module")
def updated(fleet: Fleet, make_image: Callable[[str], str]) -> Iterator[str]:
    """A workload that is first seen, updated and replaced under Prometheus' eyes."""
    wait_for(lambda: fleet.prometheus.query("stillframe_build_info offset 10s"),
             SECONDS, "an agent that is known for longer than a step")
    name = f"sfmon-updated-{uuid.uuid4().hex[:8]}"
    with Container(make_image("3"), name=name) as first:
        for number in range(3):
            first.shell(f"echo {number} >>/etc/group; echo >/new/{number}")
    with Container(make_image("4"), name=name):
        yield name


@pytest.mark.parametrize("panel,metric", [
    ("In-place updates", "stillframe_in_place_updates_total"),
    ("Mutations by verdict", "stillframe_mutations_total"),
    ("Replacements", "stillframe_replacements_total")])
def test_steps_add_up_to_the_truth(fleet: Fleet, updated: str, panel: str,
                                   metric: str) -> None:
    """Each increment is in one step; births are, and nothing else is."""
    growing = next(q.expression for q in QUERIES + ANNOTATIONS if q.panel == panel)
    growing = growing.replace("offset 1m", "offset 3s").replace("- 60)", "- 3)")
    expression = dashboard.substituted(
        growing, _all_chosen(fleet) | {"workload": updated})
    compared: list[tuple[float, float]] = []

    def agree() -> bool:
        counted = sum(fleet.agent.metric(metric, workload=updated).values())
        seen = fleet.prometheus.query(
            f"sum(sum_over_time(({expression})[10m:3s]))")
        compared.append((counted, float(seen[0]["value"][1]) if seen else 0))
        return counted > 0 and compared[-1][0] == compared[-1][1]

    try:
        wait_for(agree, SECONDS, f"{metric} as counted")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {compared[-1]}") from None


@pytest.mark.parametrize("board", BOARDS, ids=[b["uid"] for b in BOARDS])
def test_dashboard_variables_have_values(fleet: Fleet, board: dict) -> None:
    chosen = _all_chosen(fleet)
    for name, variable in dashboard.variables(board).items():
        if variable["type"] != "query":
            continue
        asked = dashboard.substituted(variable["query"], chosen)
        if asked.startswith("query_result("):
            series = fleet.prometheus.query(
                asked.removeprefix("query_result(").removesuffix(")"))
            pattern = re.compile(
                variable["regex"].strip("/").replace("(?<", "(?P<"))
            offered = {}
            for s in series:
                labels = dict(s["metric"])
                shown = labels.pop("__name__") + "{" + ",".join(
                    f'{key}="{text}"' for key, text in labels.items()) + "}"
                match = pattern.search(shown)
                assert match, shown
                offered[match["value"]] = match["text"]
            container = fleet.containers["exec"]
            assert offered[f"podman://{container.id}"] == container.name
            continue
        # label_values(SELECTOR, LABEL)
        selector = asked[len("label_values("):].rpartition(",")[0]
        series = fleet.prometheus.query(selector)
        assert series, selector
        # Podman's containers have no namespace, and these targets no cluster.
        if name not in ("namespace", "cluster", "id"):
            assert any(s["metric"].get(name) for s in series), name


def _rows(fleet: Fleet, title: str) -> list[dict]:
    query = next(q for q in QUERIES if q.panel == title and q.ref == "A")
    return fleet.prometheus.query(
        dashboard.substituted(query.expression, _all_chosen(fleet)))


def test_table_of_mutated_containers(fleet: Fleet) -> None:
    _wait_for_all(fleet)
    shown = {row["metric"]["name"]: row for row in _rows(
        fleet, "Mutated now: what, and by whom")}
    for name, container in fleet.containers.items():
        assert (container.name in shown) == bool(EXPECTED[name])
    row = shown[fleet.containers["exec"].name]
    assert row["metric"]["image"] == (
        fleet.containers["exec"].inspect()["ImageName"])
    assert row["metric"]["id"] == fleet.containers["exec"].id[:12]
    assert (row["metric"]["origin"], row["metric"]["tool"]) == ("exec", "shell")
    reported = fleet.agent.ps(fleet.containers["exec"].id)
    assert float(row["value"][1]) == reported["mutated_paths"] > 0
