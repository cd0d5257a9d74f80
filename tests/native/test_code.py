# SPDX-License-Identifier: Apache-2.0
"""Programs that run although the image does not hold them so."""

import pathlib

import pytest

from harness.agent import Agent
from harness.bundle import Bundle
from harness.checks import EVENT_SECONDS, event, mutations, same_diff
from harness.coverage import EVENTS, Results
from harness.image import Tree
from harness.programs import CASES, IMAGE_PROGRAMS
from harness.waiting import wait_for

@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("origin", ["exec", "workload"])
def test_exec_is_recorded(agent: Agent, start, case: str, origin: str,
                          results: Results) -> None:
    script, kind = CASES[case]
    container = start()
    (container.shell if origin == "exec" else container.work)(script)
    seen = event(agent, container.name, kind)
    assert (seen["class"], seen["actor"]["origin"]) == ("code", origin)
    results.add((kind,), EVENTS, operation=case, way=origin)
    same_diff(agent, container)


def test_new_script_is_recorded(agent: Agent, start) -> None:
    container = start()
    container.shell("printf '#!/bin/sh\\ntrue\\n' >/new/s;"
                    " chmod +x /new/s; /new/s")
    kinds = {e["kind"] for e in mutations(agent, container.name)}
    assert kinds & {"script_changed", "exec_new"}


def test_image_programs_are_not_recorded(agent: Agent, start) -> None:
    container = start()
    container.work(IMAGE_PROGRAMS)
    container.shell(IMAGE_PROGRAMS)
    assert mutations(agent, container.name) == []


@pytest.mark.parametrize("origin", ["exec", "workload"])
def test_program_that_runs_when_the_agent_comes_is_recorded(
        own_agent: Agent, start, origin: str) -> None:
    container = start()
    script = "cp /bin/busybox /new/sleep; /new/sleep 1000; true"
    if origin == "exec":
        container.exec("sh", "-c", script, options=("-d",))
    else:
        container.work(f"{{ {script}; }} </dev/null >/dev/null 2>&1 &"
                       " /bin/busybox sleep 1000 </dev/null >/dev/null 2>&1 &")
    wait_for(lambda: "/new/sleep 1000" in container.shell("ps").decode(),
             EVENT_SECONDS, "it runs")
    own_agent.start()
    seen = event(own_agent, container.name, "exec_new")
    assert (seen["path"], seen["verdict"]) == ("/new/sleep", "violation")
    assert (seen["actor"]["origin"], seen["actor"]["exe"]) == (
        origin, "/new/sleep")
    code = [row["path"] for row in own_agent.diff(container.id)["changes"]
            if row["class"] == "code"]
    assert code == ["/new/sleep"]
    # The next agent knows it.
    own_agent.stop()
    own_agent.start()
    assert own_agent.diff(container.id)["state"] == "mutated"
    kinds = [e["kind"] for e in mutations(own_agent, container.name)]
    assert kinds.count("exec_new") == 1


@pytest.fixture
def bundle(tmp_path: pathlib.Path, tree: Tree):
    with Bundle(tmp_path, tree) as container:
        yield container


def test_sysctl_write_is_recorded(agent: Agent, bundle: Bundle,
                                  results: Results) -> None:
    bundle.work("echo 1 >/proc/sys/net/ipv4/ip_forward")
    seen = event(agent, bundle.id, "sysctl_write")
    assert "ip_forward" in str(seen["detail"]) + str(seen["path"])
    assert (seen["class"], seen["actor"]["origin"]) == ("kernel", "workload")
    results.add(("sysctl_write",), EVENTS, way="workload")


def test_bare_runc_container_is_recognised(agent: Agent,
                                           bundle: Bundle) -> None:
    row = agent.ps(bundle.id)
    assert row is not None and row["state"] == "still"
    assert row["runtime"] == "runc"
    bundle.work("echo x >>/etc/group; rm /data/alias")
    bundle.exec("touch", "/new/file")
    changes = agent.changes(bundle.id)
    found = {path: (change["change"], {a["origin"] for a in change["actors"]})
             for path, change in changes.items()
             if change["verdict"] == "violation" and path not in ("/etc", "/new",
                                                                  "/data")}
    assert found == {
        "/etc/group": ("C", {"workload"}),
        "/data/alias": ("D", {"workload"}),
        "/new/file": ("A", {"exec"}),
    }
