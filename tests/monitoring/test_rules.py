# SPDX-License-Identifier: Apache-2.0
"""The rules by themselves: promtool, and what every alert must have."""

import json
import pathlib
import re
import subprocess

import pytest
import yaml

from harness.agent import REPOSITORY
from monitor.prometheus import ALERTS, RULES

PROMTOOL_TESTS = sorted(
    (pathlib.Path(__file__).parent / "promtool").glob("*.yaml"))
RUNBOOKS = REPOSITORY / "dashboards/runbooks"
RUNBOOK_URL = ("https://github.com/stillframe/stillframe/blob/main/"
               "dashboards/runbooks/{}.md")
VIOLATION_ALERTS = {
    "StillframeCodeOrMemoryViolated", "StillframeChangedByExec",
    "StillframeChangedByHost", "StillframeChangedInPlace",
    "StillframeChangedByWorkload", "StillframeUnattributedChange",
}


def _groups(path: pathlib.Path) -> list[dict]:
    return yaml.safe_load(path.read_text())["groups"]


def _alerts() -> list[dict]:
    return [rule for group in _groups(ALERTS) for rule in group["rules"]]


NAMES = sorted({rule["alert"] for rule in _alerts()})
each_rule = pytest.mark.parametrize(
    "rule", _alerts(), ids=lambda r: f"{r['alert']}-{r['labels']['severity']}")
each_name = pytest.mark.parametrize("name", NAMES)


def _promtool(*args: str | pathlib.Path) -> None:
    result = subprocess.run(["promtool", *args], capture_output=True,
                            check=False, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", [ALERTS, RULES], ids=["alerts", "rules"])
def test_promtool_accepts(path: pathlib.Path) -> None:
    _promtool("check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", PROMTOOL_TESTS, ids=lambda p: p.stem)
def test_promtool_cases(path: pathlib.Path) -> None:
    _promtool("test", "rules", path)


@each_name
def test_alert_has_cases_that_fire_and_cases_that_do_not(name: str) -> None:
    cases = [case for path in PROMTOOL_TESTS
             for test in yaml.safe_load(path.read_text())["tests"]
             for case in test.get("alert_rule_test", [])
             if case["alertname"] == name]
    assert any(case["exp_alerts"] for case in cases)
    assert any(not case["exp_alerts"] for case in cases)


@each_rule
def test_alert_is_complete(rule: dict) -> None:
    assert re.fullmatch(r"Stillframe([A-Z][a-z]+)+", rule["alert"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    notes = rule["annotations"]
    # Which one it is: a container by its names and image, or an agent.
    about = notes["summary"]
    assert about.endswith((".", "{{ end }}"))
    if "stillframe_container_info" in rule["expr"]:
        for label in ("namespace", "container", "name", "image"):
            assert f"$labels.{label} }}}}" in about
        assert "stillframe diff {{ $labels.container_id |" in notes["description"]
    else:
        assert "$labels." in about
    assert notes["description"].endswith((".", "{{ end }}"))
    # "1 violations" is what a program says that was not looked at.
    assert not re.search(r"\$value \}\} \w+s\b", notes["description"])
    assert notes["runbook_url"] == RUNBOOK_URL.format(rule["alert"])


def test_violations_fire_at_once_and_health_waits() -> None:
    waits = {group["name"]: {rule.get("for") for rule in group["rules"]}
             for group in _groups(ALERTS)}
    for rule in _groups(ALERTS)[0]["rules"]:
        # Who did it may come to be known yet, after a loss of events.
        assert rule.get("for") == (
            "10m" if rule["alert"] == "StillframeUnattributedChange" else None)
    assert waits["stillframe-agent"] <= {"10m", "15m"}
    assert waits["stillframe-journal"] == {"10m", None}


@each_name
def test_runbook_is_complete(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall(r"^#+ .*$", prose, re.MULTILINE)
    assert headings == [f"# {name}", "## Meaning", "## Impact",
                        "## Diagnosis", "## Mitigation"]


def test_every_runbook_belongs_to_an_alert() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


@each_rule
def test_alert_is_documented(rule: dict) -> None:
    row = re.compile(rf"^\| \[`{rule['alert']}`\]\(.*\) \|"
                     rf" {rule['labels']['severity']} \|", re.MULTILINE)
    assert row.search((REPOSITORY / "docs/alerts.md").read_text())


@pytest.mark.parametrize(
    "record", [r["record"] for g in _groups(RULES) for r in g["rules"]])
def test_recording_rule_is_named_and_documented(record: str) -> None:
    assert re.fullmatch(r"[a-z_]+:stillframe_[a-z_]+:(ratio|sum|count|increase)"
                        r"(1d)?", record)
    assert f"`{record}`" in (REPOSITORY / "docs/alerts.md").read_text()


def _words(macro: str) -> list[str]:
    header = (REPOSITORY / "agent/model/words.h").read_text()
    body = re.search(rf"#define {macro}\(X\)((?:.*\\\n)*.*)\n", header)
    assert body is not None
    return re.findall(r"X\((\w+)", body.group(1))


def test_each_violation_belongs_to_one_alert(tmp_path: pathlib.Path) -> None:
    """Whatever the class and origin: one alert, neither none nor two."""
    series, samples = [], []
    for klass in _words("STILLFRAME_CLASSES"):
        for origin in _words("STILLFRAME_ORIGINS"):
            identity = ('job="j", instance="i",'
                        f' container_id="{klass}-{origin}"')
            for name, more in (("info", ', name="n"'), ("running", ""), (
                    "violations", f', class="{klass}", origin="{origin}"')):
                series.append({
                    "series": f"stillframe_container_{name}{{{identity}{more}}}",
                    "values": "1x15"})
            samples.append({"labels": f'{{container_id="{klass}-{origin}"}}',
                            "value": 1})
    assert len(samples) == 7 * 6
    names = "|".join(sorted(VIOLATION_ALERTS))
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": series,
            "promql_expr_test": [{
                "expr": "count by (container_id) (ALERTS{alertname=~"
                        f'"{names}", alertstate="firing"}})',
                "eval_time": "11m",
                "exp_samples": samples,
            }],
        }],
    }
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(test))
    _promtool("test", "rules", path)
