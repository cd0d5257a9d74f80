# SPDX-License-Identifier: Apache-2.0
"""Every panel of every dashboard, as a person sees it."""

import pytest

from conftest import DRAWINGS, Drawing
from monitor import dashboard
from monitor.dashboard import DASHBOARDS
from town import Town

each_drawing = pytest.mark.parametrize("drawing", DRAWINGS, ids=str)

# What has nothing to show even when much is changed: what it says then.
EMPTY_WHEN_BUSY = {"Firing alerts about agents"}
EMPTY_WHEN_CALM = EMPTY_WHEN_BUSY | {
    "Mutated now: what, and by whom", "Firing alerts",
    "New violations by origin", "Violations by class and origin", "Its alerts",
    "Mutations of its workload by verdict", "Its workload's updates",
}
# Of all containers of the machine: others may change some, or lose events.
EITHER = {"Losses and what they mean", "Events lost or held back",
          "Firing alerts about agents", "Mutations by verdict"}


@each_drawing
def test_every_panel_is_drawn(results: dict, drawing: Drawing) -> None:
    drawn = results[drawing]
    assert drawn["errors"] == []
    board = next(dashboard.load(path) for path in DASHBOARDS
                 if path.stem == drawing.dashboard)
    assert set(drawn["panels"]) == {p["title"] for p in dashboard.panels(board)}
    expected = EMPTY_WHEN_BUSY if drawing.time == "busy" else EMPTY_WHEN_CALM
    for title, panel in drawn["panels"].items():
        assert "error" not in panel, (title, panel)
        assert "No data" not in panel["text"], title
        if title not in EITHER:
            assert ("message" in panel) == (title in expected), (title, panel)


@each_drawing
def test_nothing_is_clipped(results: dict, drawing: Drawing) -> None:
    clipped = {title: panel["clipped"]
               for title, panel in results[drawing]["panels"].items()
               if panel["clipped"]}
    assert clipped == {}


@pytest.mark.parametrize(
    "drawing", [d for d in DRAWINGS if d.dashboard == "fleet-immutability"], ids=str)
def test_the_first_screen_answers(results: dict, drawing: Drawing) -> None:
    """Is anything mutated, what, by whom: without scrolling on a small screen."""
    for title in ("Mutated now", "Mutated now: what, and by whom"):
        assert results[drawing]["panels"][title]["box"]["bottom"] < 800


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_shown_is_true(results: dict, town: Town, theme: str) -> None:
    calm, busy = (results[Drawing("fleet-immutability", time, theme, 1280)]
                  ["panels"] for time in ("calm", "busy"))
    assert "100%" in calm["Still now"]["text"]
    shown = busy["Mutated now: what, and by whom"]["text"]
    mutated = {of: town.name(of) in shown for of in town.containers}
    assert mutated == {"shop-web": True, "shop-api": True, "shop-cart": True,
                       "billing": True, "gateway": False, "reports": False}
    for word in ("exec", "host", "workload", "dpkg", "cp", "code"):
        assert word in shown
    assert "4" in busy["Mutated now"]["text"].split()
    alerts = busy["Firing alerts"]["text"]
    assert "critical" in alerts and "StillframeCodeOrMemoryViolated" in alerts
    container = results[Drawing("container", "busy", theme, 1280)]["panels"]
    short = town.containers["shop-web"].id[:12]
    assert f"stillframe diff {short}" in container["What to do next"]["text"]
    assert "mutated" in container["State"]["text"]
