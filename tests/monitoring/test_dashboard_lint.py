# SPDX-License-Identifier: Apache-2.0
"""The rules of grafana/dashboard-linter, on every dashboard.

The linter itself is a Go program that Debian does not have. Promql is checked
by test_live.py, where a real Prometheus answers.
"""

import pathlib
import re

import pytest

from monitor import dashboard
from monitor.dashboard import DASHBOARDS, Query

DATASOURCE = {"type": "prometheus", "uid": "$datasource"}

# What a rule does not hold for, and why.
NO_INSTANCE = {
    "Most mutable workloads":
        "recording rules over all nodes have no instance",
}
BORN_AT_ONE = "a series born at 1 has no increase: its growth is a difference"
RAW_COUNTER = {
    title: BORN_AT_ONE for title in (
        "New violations by origin", "In-place updates against replacements",
        "Mutations by verdict", "Mutations of its workload by verdict",
        "Its workload's updates", "Its sessions", "Events lost",
        "Events lost or held back", "Errors", "Journal entries",
        "Time to replacement", "Replacements", "In-place updates")
} | {
    "Mutated now: what, and by whom":
        "which tool was used most often is asked of the counter",
}
OVER_THE_RANGE = {
    title: "a number of the time shown, and not a rate" for title in (
        "Agents", "Losses and what they mean", "Restarts")
}
ALL_MATCHES_EMPTY = {
    "cluster": "it is a label that most do not give",
    "namespace": "containers outside of Kubernetes have none",
    "workload": "some containers have none",
}
ALL_IS_A_LIST = {
    "job": "what else a Prometheus scrapes is not an agent",
}
BOARDS = {path.stem: dashboard.load(path) for path in DASHBOARDS}
PANELS = [(name, panel) for name, board in BOARDS.items()
          for panel in dashboard.panels(board)]
# A panel of words asks nothing.
ASKING = [panel for _, panel in PANELS if panel["type"] != "text"]
QUERIES = [query for board in BOARDS.values()
           for query in dashboard.queries(board) + dashboard.annotations(board)]

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
each_panel = pytest.mark.parametrize(
    "panel", ASKING, ids=[p["title"] for p in ASKING])
each_query = pytest.mark.parametrize("query", QUERIES, ids=str)

_SELECTOR = re.compile(r"([a-z_:A-Z][\w:]*)\{([^}]*)\}")
_RANGED = re.compile(
    r"\b(?:rate|irate|increase|changes)\([^\[]*\[([^\]]*)\]")


def test_there_are_dashboards() -> None:
    assert set(BOARDS) == {"fleet-immutability", "container", "agent-health"}


@each_board
def test_board_is_named_and_not_editable(board: dict) -> None:
    assert board["title"] and board["uid"] and board["description"]
    assert board["editable"] is False


@each_board
def test_board_is_importable(board: dict) -> None:
    # An id is the database's; panels must be distinguished by theirs.
    assert "id" not in board
    ids = [panel["id"] for panel in board["panels"]]
    assert sorted(set(ids)) == sorted(ids)
    assert board["schemaVersion"] >= 36


@each_board
def test_datasource_is_a_variable(board: dict) -> None:
    variable = dashboard.variables(board)["datasource"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    assert variable["label"] == "Data source"


@each_board
@pytest.mark.parametrize(
    "name", ["cluster", "job", "instance", "namespace", "workload"])
def test_variable_chooses_among_all(board: dict, name: str) -> None:
    variable = dashboard.variables(board)[name]
    assert variable["type"] == "query"
    assert variable["datasource"] == DATASOURCE
    assert variable["multi"] and variable["includeAll"]
    if name in ALL_IS_A_LIST:
        assert "allValue" not in variable
    else:
        assert variable["allValue"] == (
            ".*" if name in ALL_MATCHES_EMPTY else ".+")
    assert variable["refresh"] == 2, "on change of the time range"
    assert variable["label"] == name.capitalize()
    assert variable["query"].endswith(f", {name})")


@each_board
def test_boards_lead_to_each_other(board: dict) -> None:
    link, = board["links"]
    assert (link["type"], link["tags"]) == ("dashboards", ["stillframe"])
    assert link["keepTime"] and link["includeVars"]
    assert board["tags"] == ["stillframe"]


def test_links_of_cells_lead_somewhere() -> None:
    uids = {board["uid"] for board in BOARDS.values()}
    found = [link["url"] for panel in ASKING
             for override in panel["fieldConfig"].get("overrides", [])
             for prop in override["properties"] if prop["id"] == "links"
             for link in prop["value"]]
    assert found
    for url in found:
        uid, _, query = url.removeprefix("/d/").partition("?")
        assert uid in uids
        for kept in ("${__url_time_range}", "${datasource:queryparam}",
                     "${cluster:queryparam}", "${job:queryparam}"):
            assert kept in query


@each_panel
def test_panel_is_complete(panel: dict) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert panel["datasource"] == DATASOURCE
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"] == DATASOURCE
        assert target["expr"]


@each_board
def test_panels_do_not_overlap(board: dict) -> None:
    cells = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        mine = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & mine, panel["title"]
        cells |= mine


@each_query
def test_selectors_match_the_chosen(query: Query) -> None:
    selectors = _SELECTOR.findall(query.expression)
    assert selectors
    for _, matchers in selectors:
        assert 'cluster=~"$cluster"' in matchers
        # That there is no agent is an alert without a job.
        assert re.search(r'job=~"\$job\|?"', matchers)
        assert bool(re.search(r'instance=~"\$instance\|?"', matchers)) != (
            query.panel in NO_INSTANCE)


@each_query
def test_every_metric_has_a_selector(query: Query) -> None:
    named = set(re.findall(r"\b(?:stillframe|process)_[a-z_]+\b|\bup\b",
                           re.sub(r"[a-z_]+:\w+:\w+", "", query.expression)))
    selected = {name for name, _ in _SELECTOR.findall(query.expression)}
    assert named <= selected


@each_query
def test_rates_use_the_rate_interval(query: Query) -> None:
    for window in _RANGED.findall(query.expression):
        assert window == ("$__range" if query.panel in OVER_THE_RANGE
                          else "$__rate_interval")


@each_query
def test_counters_are_used_as_rates(query: Query) -> None:
    # What remains when rates are taken away must hold no counter.
    rest = re.sub(r"\b(?:rate|irate|increase)\([^\[]*\[[^\]]*\]\)", "",
                  query.expression)
    raw = re.search(r"_(?:total|count|sum|bucket)\{", rest) is not None
    assert raw == (query.panel in RAW_COUNTER)


@pytest.mark.parametrize(
    "excluded", [*NO_INSTANCE, *RAW_COUNTER, *OVER_THE_RANGE], ids=str)
def test_exclusion_is_needed(excluded: str) -> None:
    assert excluded in {query.panel for query in QUERIES}


def test_documented() -> None:
    documented = (pathlib.Path(dashboard.REPOSITORY)
                  / "docs/dashboards.md").read_text()
    for name, panel in PANELS:
        assert f"{name}.json" in documented
        assert f"| {panel['title']} |" in documented
