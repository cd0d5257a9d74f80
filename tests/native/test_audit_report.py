# SPDX-License-Identifier: Apache-2.0
"""What the report has of what really happened."""

import json
import pathlib
import re
import shutil
import uuid
from collections.abc import Callable, Iterator

import pytest

from harness.agent import Agent, command_line
from harness.checks import recorded, settles
from harness.podman import Container, podman
from harness.waiting import wait_for

_SECONDS = 10
_POLICY = """\
version: 1
rules:
  - name: app-cache
    match: {{name: {name}}}
    allow: [{{class: content, path: /etc/cache/**}}]
    reason: "<b>no volume</b> yet (OPS-112)"
    expires: 2099-01-31
"""


@pytest.fixture
def run(image: str, new_image: str) -> Iterator[Callable[..., Container]]:
    containers: list[Container] = []

    def run_one(name: str, of: str = image) -> Container:
        containers.append(Container(of, name=name))
        return containers[-1]

    yield run_one
    for container in containers:
        container.remove()


def _report(agent: Agent, *more: str) -> dict:
    done = command_line("audit", "report", str(agent.state), "-o", "json",
                        *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _about(report: dict, container: Container) -> dict:
    (found,) = (c for c in report["containers"]
                if c["container"]["id"] == container.id)
    return found


def test_a_report_tells_what_happened(own_agent: Agent, run, new_image: str,
                                      tmp_path: pathlib.Path) -> None:
    name = f"sfnat-{uuid.uuid4().hex[:12]}"
    policy = tmp_path / "policy.yaml"
    policy.write_text(_POLICY.format(name=name))
    own_agent.start("--policy", str(policy))
    changed, quiet = run(name), run(f"{name}-quiet")
    for container in (changed, quiet):
        settles(own_agent, container.name)

    changed.shell("mkdir -p /etc/cache; echo x >/etc/cache/a")
    changed.shell("echo x >/etc/app.conf")
    recorded(own_agent, changed.name, "/etc/app.conf", "exec")
    changed.work("echo y >>/etc/app.conf; echo z >/etc/own")

    def on_record() -> bool:
        return any("/etc/own" in actor["paths"]
                   for actor in _about(_report(own_agent), changed)["actors"])

    wait_for(on_record, _SECONDS, "the workload's change is on record")

    # Killed, not stopped: the next one has to say that nobody watched.
    own_agent.kill()
    own_agent.start("--policy", str(policy))
    wait_for(lambda: own_agent.named(changed.name)["state"] == "mutated",
             _SECONDS, "it is known again")
    podman("rm", "-f", "-t", "0", changed.name)
    new = run(name, new_image)
    settles(own_agent, new.name)

    def replaced() -> dict | None:
        return _about(_report(own_agent), changed)["replaced"]

    assert wait_for(replaced, _SECONDS, "replaced")["by"] == new.id
    report = _report(own_agent)
    about = _about(report, changed)
    assert about["replaced"]["image_changed"]
    assert about["replaced"]["seconds_since_first_mutation"] > 0
    assert about["state"] == "mutated"
    states = [s["state"] for s in about["states"]]
    assert states[:3] == ["unknown", "still", "mutated"]
    assert states.count("unwatched") == 1
    for before, after in zip(about["states"], about["states"][1:]):
        assert before["until"] == after["since"]
    assert 0 < about["share_still"] < 1
    by = {a["who"]: a for a in about["actors"]}
    assert "/etc/app.conf" in by["exec shell"]["paths"]
    own = [a for who, a in by.items() if who.startswith("workload")]
    assert any("/etc/own" in a["paths"] for a in own)
    assert sum(a["violations"] for a in by.values()) == about["violations"]
    assert {s["first_cmd"] for s in about["sessions"]} == {
        "sh -c mkdir -p /etc/cache; echo x >/etc/cache/a",
        "sh -c echo x >/etc/app.conf"}

    still = _about(report, quiet)
    assert (still["state"], still["violations"]) == ("still", 0)
    assert still["seconds"]["mutated"] == 0
    (rule,) = report["exceptions"]
    assert (rule["rule"], rule["containers"]) == ("app-cache", 1)
    assert rule["reason"] == "<b>no volume</b> yet (OPS-112)"
    assert rule["expires"].startswith("2099-02-01")
    assert rule["changes"] >= 1
    (workload,) = (w for w in report["workloads"] if w["workload"] == name)
    assert (workload["containers"], workload["mutated"]) == (2, 1)
    assert workload["replacements_with_new_image"] == 1
    assert workload["updates_in_place"] >= 1
    assert len(workload["image_ids"]) == 2
    (gap,) = (g for g in report["gaps"] if g["kind"] == "agent_away")
    assert gap["since"] < gap["until"]
    (node,) = report["nodes"]
    assert node["journal"]["ok"]
    assert node["seconds_without_agent"] > 0

    done = command_line("audit", "report", str(own_agent.state), "-o",
                        "html")
    page = done.stdout.decode()
    assert done.returncode == 0
    assert "&lt;b&gt;no volume&lt;/b&gt;" in page
    assert not re.search(r"(src|href)=|https?:", page)
    text = command_line("audit", "report", str(own_agent.state)).stdout
    assert name.encode() in text


def test_only_the_period_counts(own_agent: Agent, run,
                                tmp_path: pathlib.Path) -> None:
    own_agent.start()
    container = run(f"sfnat-{uuid.uuid4().hex[:12]}")
    settles(own_agent, container.name)
    container.shell("echo x >/etc/app.conf")
    recorded(own_agent, container.name, "/etc/app.conf", "exec")
    wait_for(lambda: _about(_report(own_agent), container)["violations"],
             _SECONDS, "it is on record")
    first = _about(_report(own_agent), container)["first_mutation"]
    before = _about(_report(own_agent, "--until", first), container)
    assert before["seconds"]["mutated"] == 0
    assert (before["state"], before["violations"]) == ("still", 0)
    wrong = command_line("audit", "report", str(own_agent.state),
                         "--since", "1h", "--until", "2h")
    assert wrong.returncode == 2
    assert b"nothing is between" in wrong.stderr
    nothing = command_line("audit", "report", "/nonexistent")
    assert nothing.returncode == 1
    assert b"No such file or directory" in nothing.stderr
    copy = tmp_path / "copy"
    shutil.copytree(own_agent.state / "journal", copy)
    twice = command_line("audit", "report", str(own_agent.state), str(copy))
    assert twice.returncode == 1
    assert b"are the same journal" in twice.stderr


def test_a_changed_journal_is_told(own_agent: Agent, run) -> None:
    own_agent.start()
    container = run(f"sfnat-{uuid.uuid4().hex[:12]}")
    settles(own_agent, container.name)
    own_agent.stop()
    (segment,) = (own_agent.state / "journal").glob("*.jsonl")
    text = segment.read_text()
    segment.write_text(text.replace(container.name, "sfnat-innocent", 1))
    done = command_line("audit", "report", str(own_agent.state), "-o",
                        "json")
    assert done.returncode == 1
    assert b"the journal has 1 fault" in done.stderr
    (node,) = json.loads(done.stdout)["nodes"]
    assert not node["journal"]["ok"]
    assert node["journal"]["faults"][0]["kind"] == "changed"
