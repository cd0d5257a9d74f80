# SPDX-License-Identifier: Apache-2.0
"""Containers that are gone: their last state, whoever saw them go."""

import json
import pathlib
import subprocess
from collections.abc import Callable

import pytest
from harness.agent import Agent, command_line
from harness.podman import Container
from harness.waiting import wait_for


def mutated(agent: Agent, start: Callable[..., Container]) -> Container:
    """One that was changed by exec and by itself, and all of it is known."""
    box = start()
    wait_for(lambda: agent.named(box.name), 10, "the container")
    box.exec("sh", "-c", "echo x >/by-exec")
    box.work("echo x >/by-itself && mkdir /d && echo y >'/d/odd \n name'")
    wait_for(lambda: {"/by-exec", "/d/odd \n name"} <= set(agent.changes(box.id)),
             10, "the changes")
    # Who called for it is known by then.
    wait_for(lambda: "session_ended" in {e["kind"]
                                         for e in agent.events(box.id)},
             10, "the end of the session")
    return box


def remove(box: Container) -> None:
    box.podman("rm", "-f", "-t", "0", box.name)


def wait_for_removal(agent: Agent, box: Container) -> None:
    wait_for(lambda: "removed" in {e["kind"] for e in agent.events(box.id)},
             20, "its end")


def ask(agent: Agent, *args: str) -> tuple[int, bytes, str]:
    answer = command_line("diff", *args, "--socket", str(agent.socket))
    return answer.returncode, answer.stdout, answer.stderr.decode()


def without_age(diff: dict) -> dict:
    return {key: diff[key] for key in ("changes", "state", "container",
                                       "ever_mutated", "updates")}


def test_its_last_state_is_told_when_container_and_agent_are_gone(
        own_agent: Agent, start: Callable[..., Container]) -> None:
    own_agent.start("--metrics.grace", "1s")
    box = mutated(own_agent, start)
    lines = box.podman("diff", box.name).splitlines()
    before = own_agent.diff(box.id)
    events = {(e["kind"], e["path"]) for e in own_agent.events(box.id)
              if e["path"]}
    remove(box)
    wait_for_removal(own_agent, box)

    def check() -> None:
        for called in (box.name, box.id, box.id[:12]):
            after = own_agent.diff(called)
            assert without_age(after) == without_age(before)
            assert after["complete"]
            assert after["gone"]["seen"] and after["gone"]["left_out"] == 0
        actors = {path: change["actors"][0]["origin"]
                  for path, change in own_agent.changes(box.name).items()
                  if change["actors"]}
        assert actors["/by-exec"] == "exec"
        assert actors["/by-itself"] == "workload"
        for form in ("docker", "table", "json"):
            code, out, notice = ask(own_agent, box.name, "-o", form)
            assert code == 0
            assert "is gone since" in notice and "its last state" in notice
            if form == "docker":
                assert sorted(out.splitlines()) == sorted(lines)
            if form == "table":
                assert b"/by-exec" in out and b"mutated:" in out
        assert ask(own_agent, box.name, "--exit-code")[0] == 1

    check()
    assert own_agent.stop() == 0
    own_agent.start()
    check()
    told = own_agent.run("events", "--container", box.name, "--since", "1h",
                         "-o", "json").splitlines()
    assert events <= {(e["kind"], e["path"]) for e in map(json.loads, told)}
    assert own_agent.named(box.name) is None


def test_one_that_was_still_was_still(
        own_agent: Agent, start: Callable[..., Container]) -> None:
    own_agent.start()
    box = start()
    wait_for(lambda: (own_agent.named(box.name) or {}).get("state") == "still",
             10, "the container")
    remove(box)
    wait_for_removal(own_agent, box)
    code, _, notice = ask(own_agent, box.name, "--exit-code")
    assert code == 0
    assert "its last state" in notice


def text_of(kept: pathlib.Path) -> bytes:
    """Of a last state; nothing while there is none."""
    return subprocess.run(["zstd", "-dcq", str(kept)], check=False,
                          capture_output=True).stdout


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_one_that_went_while_no_agent_ran(
        own_agent: Agent, start: Callable[..., Container], end: str) -> None:
    own_agent.start()
    box = mutated(own_agent, start)
    before = own_agent.diff(box.id)
    lines = own_agent.docker_lines(box.id)
    kept = own_agent.state / "containers" / f"{box.id}.last"
    if end == "stopped":
        assert own_agent.stop() == 0
    else:
        box.work("echo x >/last")
        wait_for(lambda: b'"/last"' in text_of(kept), 20, "its state kept")
        before, lines = own_agent.diff(box.id), own_agent.docker_lines(box.id)
        own_agent.kill()
    remove(box)
    own_agent.start()
    assert without_age(own_agent.diff(box.name)) == without_age(before)
    assert own_agent.docker_lines(box.name) == lines
    assert "went unseen" in ask(own_agent, box.name)[2]
    assert not kept.exists()


def test_a_running_one_of_its_name_comes_first(
        own_agent: Agent, start: Callable[..., Container]) -> None:
    own_agent.start()
    box = mutated(own_agent, start)
    remove(box)
    wait_for_removal(own_agent, box)
    again = start(name=box.name)
    wait_for(lambda: own_agent.ps(again.id), 10, "the next one")
    assert "gone" not in own_agent.diff(box.name)
    assert own_agent.diff(box.id)["gone"]["seen"]
    again.exec("touch", "/other")
    wait_for(lambda: "/other" in own_agent.changes(box.name), 10, "its change")
    remove(again)
    wait_for_removal(own_agent, again)
    assert "/other" in own_agent.changes(box.name)
    assert "/other" not in own_agent.changes(box.id)


def test_a_damaged_one_is_set_apart_and_said(
        own_agent: Agent, start: Callable[..., Container]) -> None:
    own_agent.start()
    box = mutated(own_agent, start)
    remove(box)
    wait_for_removal(own_agent, box)
    own_agent.diff(box.name)  # it is written by now
    (kept,) = pathlib.Path(own_agent.state / "gone").glob("*.last")
    kept.write_bytes(kept.read_bytes()[:-9])
    code, out, error = ask(own_agent, box.name)
    assert (code, out) == (1, b"")
    assert "was cut off" in error or "cut short" in error

    def said() -> bool:
        own_agent.named(box.name)  # a turn of the agent's
        return (sum(own_agent.metric("stillframe_state_damaged_total").values())
                == 1 and "state_damaged" in {e["kind"] for e in own_agent.events()})

    wait_for(said, 20, "the damage in metrics and events")
    assert list((own_agent.state / "gone").glob("*.damaged"))
