# SPDX-License-Identifier: Apache-2.0
"""What is printed as JSON is as docs/schema says, and nothing else."""

import copy
import json
import pathlib
from collections.abc import Callable

import jsonschema
import pytest
from harness.agent import REPOSITORY, Agent, command_line
from harness.checks import recorded, settles
from harness.podman import Container
from harness.waiting import wait_for

SCHEMAS = REPOSITORY / "docs/schema"
HEADER = REPOSITORY / "agent/model/words.h"


def schema(name: str) -> dict:
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def validator(name: str) -> jsonschema.Draft7Validator:
    """References to the others are by their file's name."""
    store = {path.name: json.loads(path.read_text())
             for path in SCHEMAS.glob("*.json")}
    jsonschema.Draft7Validator.check_schema(store[f"{name}.json"])
    resolver = jsonschema.RefResolver(f"{name}.json", store[f"{name}.json"],
                                      store=store)
    return jsonschema.Draft7Validator(store[f"{name}.json"], resolver=resolver)


def check(name: str, value: object) -> None:
    errors = [f"{list(error.absolute_path)}: {error.message}"
              for error in validator(name).iter_errors(value)]
    assert not errors, errors[:5]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, image: str):
    """An agent with containers of which all that JSON has happened."""
    directory = tmp_path_factory.mktemp("schema")
    policy = directory / "policy.yaml"
    policy.write_text("version: 1\nrules:\n- name: logs\n"
                      "  allow: [{class: content, path: /new/log}]\n"
                      "  reason: they are logs\n")
    with Agent(directory) as agent, Container(image) as box, \
            Container(image) as gone:
        agent.start("--policy", str(policy), "--metrics.grace", "1s")
        for one in (box, gone):
            settles(agent, one.name)
        box.shell(b"echo x >'/new/odd \xff\x1b name'; echo x >/new/log;"
                  b" echo y >/tmp/scratch; chmod 700 /etc")
        box.work("mutate write_as worker /new/own && mv /new/own /new/moved")
        box.podman("cp", "/etc/hostname", f"{box.name}:/new/copied")
        recorded(agent, box.name, "/new/copied", "host")
        wait_for(lambda: "update_ended" in {e["kind"]
                                            for e in agent.events(box.id)},
                 20, "the end of an update")
        gone.shell("echo x >>/etc/group")
        recorded(agent, gone.name, "/etc/group", "exec")
        gone.podman("rm", "-f", "-t", "0", gone.name)
        wait_for(lambda: agent.named(gone.name) is None, 20, "one is gone")
        yield agent, box, gone


def test_diff(busy: tuple[Agent, Container, Container]) -> None:
    agent, box, gone = busy
    there = agent.diff(box.name)
    check("diff", there)
    verdicts = {change["verdict"] for change in there["changes"]}
    assert {"violation", "allowed", "scratch", "runtime"} <= verdicts
    assert there["updates"]
    last = agent.diff(gone.name)
    check("diff", last)
    assert last["gone"]


def test_ps(busy: tuple[Agent, Container, Container]) -> None:
    agent, box, gone = busy
    listed = json.loads(agent.run("ps", "-a", "-o", "json"))
    check("ps", listed)
    rows = {row["id"]: row for row in listed["containers"]}
    assert rows[box.id]["last_actor"] and rows[gone.id]["gone"]
    assert rows[gone.id]["mutated_paths"] == 1
    known = set(schema("ps")["definitions"]["row"]["properties"]) | set(
        schema("common")["definitions"]["container"]["properties"])
    assert not {member for row in rows.values() for member in row} - known


def test_events(busy: tuple[Agent, Container, Container]) -> None:
    agent, _, _ = busy
    events = agent.events()
    assert {"content", "lifecycle", "agent"} <= {e["class"] for e in events}
    known = set(schema("common")["definitions"]["container"]["properties"])
    for event in events:
        check("event", event)
        assert not set(event["container"] or {}) - known


def test_doctor(busy: tuple[Agent, Container, Container]) -> None:
    agent, _, _ = busy
    report = json.loads(agent.run("doctor", "-o", "json"))
    check("doctor", report)
    assert report["policy"]["rules"] == 1 and report["agent"]
    alone = command_line("doctor", "-o", "json", "--socket", "/none")
    check("doctor", json.loads(alone.stdout))


def test_what_is_wrong_is_refused(
        busy: tuple[Agent, Container, Container]) -> None:
    """So that a schema which takes anything is found."""
    agent, box, _ = busy
    diff = agent.diff(box.name)
    ways: list[Callable[[dict], object]] = [
        lambda d: d.pop("complete"),
        lambda d: d.update(state="fine"),
        lambda d: d.update(more=1),
        lambda d: d["container"].pop("pod"),
        lambda d: d["changes"][0].update(first_seen="2026-11-22"),
        lambda d: d["changes"][0].update(kinds=["touch"]),
        lambda d: d["changes"][0].update(more=1),
        lambda d: d["updates"][0]["actor"].update(pid="1"),
    ]
    for number, spoil in enumerate(ways):
        spoiled = copy.deepcopy(diff)
        spoil(spoiled)
        assert not validator("diff").is_valid(spoiled), number


@pytest.mark.parametrize("name", ["class", "kind", "verdict", "origin",
                                  "state"])
def test_the_vocabulary_is_the_agents(name: str) -> None:
    plural = {"class": "CLASSES"}.get(name, name.upper() + "S")
    text = pathlib.Path(HEADER).read_text()
    body = text.split(f"#define STILLFRAME_{plural}(X)")[1].split("\n\n")[0]
    words = [part.split(")")[0].split(",")[0] for part in body.split("X(")[1:]]
    assert schema("common")["definitions"][name]["enum"] == words
