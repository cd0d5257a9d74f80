# SPDX-License-Identifier: Apache-2.0
"""What `ps` lists and `diff` groups, as people read it."""

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from harness.agent import Agent, binary, command_line
from harness.checks import recorded, settles
from harness.podman import Container
from harness.waiting import patience, wait_for

SECONDS = 20
INDENT = "    "


@pytest.fixture
def listed(own_agent: Agent, start: Callable[..., Container]
           ) -> Iterator[tuple[Agent, dict[str, Container]]]:
    """One that runs, one that stopped mutated, and one that is gone."""
    own_agent.start("--metrics.grace", "1s")
    boxes = {name: start(options=("--label", f"role={name}"))
             for name in ("runs", "stopped", "gone")}
    for box in boxes.values():
        settles(own_agent, box.name)
    boxes["stopped"].shell("echo x >>/etc/group")
    recorded(own_agent, boxes["stopped"].name, "/etc/group", "exec")
    boxes["stopped"].podman("stop", "-t", "0", boxes["stopped"].name)
    boxes["gone"].podman("rm", "-f", "-t", "0", boxes["gone"].name)
    wait_for(lambda: own_agent.named(boxes["gone"].name) is None, SECONDS,
             "one is gone")
    wait_for(lambda: not own_agent.named(boxes["stopped"].name)["running"],
             SECONDS, "one has stopped")
    yield own_agent, boxes


def ids(agent: Agent, boxes: dict[str, Container], *arguments: str) -> set[str]:
    """Which of `boxes` are listed."""
    lines = agent.run("ps", "-q", "--no-trunc", *arguments).decode().split()
    return {name for name, box in boxes.items() if box.id in lines}


def test_all_are_listed_where_that_is_asked_for(
        listed: tuple[Agent, dict[str, Container]]) -> None:
    agent, boxes = listed
    assert ids(agent, boxes) == {"runs"}
    assert ids(agent, boxes, "-a") == {"runs", "stopped", "gone"}
    table = agent.run("ps").decode()
    assert "\nNot shown (--all): " in table and " of them mutated\n" in table
    rows = {row["id"]: row for row in json.loads(
        agent.run("ps", "-a", "-o", "json"))["containers"]}
    assert rows[boxes["gone"].id]["gone"]["seen"]
    assert "gone" not in rows[boxes["stopped"].id]
    assert rows[boxes["stopped"].id]["mutated_paths"] == 1
    # Each is what other commands take.
    for short in agent.run("ps", "-a", "-q").decode().split():
        assert agent.diff(short)["container"]["id"].startswith(short)


def test_filters_choose(listed: tuple[Agent, dict[str, Container]]) -> None:
    agent, boxes = listed
    for arguments, expected in (
            (("--filter", "state=mutated"), set()),
            (("-a", "--filter", "state=mutated"), {"stopped"}),
            (("--filter", "running=false"), {"stopped"}),
            (("-a", "--filter", f"name={boxes['gone'].name[2:]}"), {"gone"}),
            (("--filter", f"id={boxes['runs'].id[:9]}"), {"runs"}),
            (("-a", "--filter", "label=role=stopped"), {"stopped"}),
            (("--filter", "label=role", "--filter", "runtime=podman"),
             {"runs"}),
            (("-A", "--filter", "runtime=docker"), set())):
        assert ids(agent, boxes, *arguments) == expected, arguments


def test_order_is_as_asked_for(
        listed: tuple[Agent, dict[str, Container]]) -> None:
    agent, boxes = listed
    ours = {box.name for box in boxes.values()}

    def names(*arguments: str) -> list[str]:
        lines = agent.run("ps", "-a", "-o", "name", *arguments).decode()
        return [name for name in lines.split() if name in ours]

    assert names("--sort", "name") == sorted(ours)
    assert names("--sort", "-name") == sorted(ours, reverse=True)
    assert names("--sort", "state")[0] == boxes["stopped"].name


def test_watch_says_when_the_agent_goes_and_comes(
        own_agent: Agent, start: Callable[..., Container]) -> None:
    own_agent.start()
    box = start()
    settles(own_agent, box.name)
    out, err = own_agent.directory / "out", own_agent.directory / "err"
    with open(out, "wb") as to, open(err, "wb") as errors:
        watch = subprocess.Popen(
            [binary(), "ps", "--watch", "-q", "--no-trunc",
             "--filter", f"id={box.id}", "--socket", str(own_agent.socket)],
            stdout=to, stderr=errors)
    try:
        wait_for(lambda: out.read_text().count(box.id) >= 2, SECONDS,
                 "it is shown again")
        own_agent.kill()
        wait_for(lambda: "the agent does not answer since" in err.read_text(),
                 SECONDS, "the agent is missed")
        before = out.read_text().count(box.id)
        own_agent.start()
        wait_for(lambda: "the agent answers again since" in err.read_text(),
                 SECONDS, "the agent is back")
        wait_for(lambda: out.read_text().count(box.id) > before, SECONDS,
                 "it is shown again")
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(patience(SECONDS)) == 0
    finally:
        watch.kill()
        watch.wait()
    assert len(err.read_text().splitlines()) == 2


def test_watch_redraws_on_a_terminal_until_interrupted(
        agent: Agent, start: Callable[..., Container]) -> None:
    box = start()
    settles(agent, box.name)
    ours, theirs = pty.openpty()
    watch = subprocess.Popen(
        [binary(), "ps", "--watch", "--color", "never",
         "--filter", f"id={box.id}", "--socket", str(agent.socket)],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    os.set_blocking(ours, False)
    seen = b""

    def shows(text: bytes) -> bool:
        nonlocal seen
        try:
            seen += os.read(ours, 1 << 16)
        except BlockingIOError:
            pass
        return text in seen

    try:
        wait_for(lambda: shows(b"1 still"), SECONDS, "the first picture")
        box.shell("echo x >>/etc/group")
        wait_for(lambda: shows(b"1 mutated"), SECONDS, "what has changed")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(patience(SECONDS)) == 0
    finally:
        watch.kill()
        watch.wait()
        os.close(ours)
    assert seen.count(b"\x1b[2J") == 1
    assert seen.count(b"\x1b[H") >= 2


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """Of a diff: each block's first line, and its paths."""
    found = []
    for block in text.split("\n\n")[:-1]:
        lines = block.splitlines()
        found.append((lines[0], [
            line.split("  ")[3] for line in lines
            if re.match(rf"{INDENT}[ACD-]  ", line)]))
    return found


def test_diff_has_a_block_for_each_culprit(
        agent: Agent, start: Callable[..., Container]) -> None:
    box = start()
    settles(agent, box.name)
    box.shell("for i in $(seq 10 40); do echo x >/new/f$i; done;"
              " cp /bin/busybox /new/true")
    box.work("/new/true")
    recorded_by(agent, box, "/new/true", ["exec", "workload"])
    box.shell("echo x >>/etc/group")
    recorded(agent, box.name, "/etc/group", "exec")

    text = agent.run("diff", box.name).decode()
    first, second, third = blocks(text)
    assert re.match(r"exec shell: 32 paths, ", first[0])
    assert len(first[1]) == 20 and "/new/true" in first[1]
    assert f"{INDENT}… and 12 more (--all)\n" in text
    assert second[0].startswith("workload ") and second[1] == ["/new/true"]
    assert third[0].startswith("exec shell: 1 path, ")
    assert "exec_new; after exec cp[" in text
    assert '\n  session  "sh -c echo x >>/etc/group"\n' in text
    # Its directory changed only because of it.
    assert "/etc" not in {path for _, paths in blocks(text) for path in paths}
    last = text.splitlines()[-2:]
    assert re.fullmatch(r"Not shown \(--all\): \d+ written by the runtime, "
                        r"\d+ director(y|ies) with changed entries",
                        last[0]), last
    assert last[1].startswith("mutated: 33 paths changed by ")
    assert agent.ps(box.id)["mutated_paths"] == 33

    every = agent.run("diff", box.name, "--all").decode()
    assert "--all" not in every and "\nruntime " in every
    assert "Only entries changed: " in every
    shown = {path for _, paths in blocks(every) for path in paths}
    assert shown == set(agent.changes(box.name))
    wide = agent.run("diff", box.name, "-o", "wide").decode()
    assert len(re.findall(r"^A  /new/", wide, re.MULTILINE)) == 32
    assert len(wide.splitlines()) == 1 + 33 + 1 + 2


def recorded_by(agent: Agent, box: Container, path: str,
                origins: list[str]) -> None:
    """In this order."""
    def found() -> bool:
        change = agent.changes(box.name).get(path, {"actors": []})
        return [actor["origin"] for actor in change["actors"]] == origins

    wait_for(found, SECONDS, f"{path} by {origins}")


def test_an_ambiguous_container_lists_who_it_may_be(
        agent: Agent, start: Callable[..., Container]) -> None:
    boxes = [start() for _ in range(17)]  # two begin alike, whatever their ids
    firsts: dict[str, list[Container]] = {}
    for box in boxes:
        settles(agent, box.name)
        firsts.setdefault(box.id[0], []).append(box)
    letter, alike = max(firsts.items(), key=lambda item: len(item[1]))
    result = command_line("diff", letter, "--socket", str(agent.socket))
    message = result.stderr.decode()
    assert result.returncode == 1
    for box in alike:
        assert f"{box.id[:12]} {box.name}" in message
