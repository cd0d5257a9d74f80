# SPDX-License-Identifier: Apache-2.0
"""Many changes at once: none is lost, and each has its actor."""

from harness.agent import Agent
from harness.checks import origins, same_diff
from harness.coverage import EVENTS, Results
from harness.podman import Container
from harness.waiting import wait_for

COUNT = 20_000
LINKS = 10_000


def all_are_the_workloads(agent: Agent, container: Container,
                          paths: set[str]) -> None:
    wait_for(lambda: agent.diff(container.name)["complete"], 30,
             "scan complete")
    changes = agent.changes(container.name)
    assert paths <= changes.keys()
    wrong = {p for p in paths if origins(changes[p]) != {"workload"}}
    assert not wrong, (len(wrong), sorted(wrong)[:3])
    same_diff(agent, container)


def test_burst_loses_nothing(own_agent: Agent, start,
                             results: Results) -> None:
    own_agent.start()
    container = start()
    container.work(f"mutate burst /new {COUNT}")
    paths = {f"/new/b{i:06d}" for i in range(COUNT)}
    all_are_the_workloads(own_agent, container, paths)
    lost = own_agent.metric("stillframe_events_lost_total")
    assert lost and set(lost.values()) == {0.0}, lost
    results.add(("file_create",), EVENTS, operation="burst", way="workload")


def test_many_names_of_one_file(own_agent: Agent, start,
                                results: Results) -> None:
    """What is done for each name must not go through all of them."""
    own_agent.start()
    container = start()
    container.work(f"mkdir /many; mutate link_burst /many {LINKS}")
    paths = {f"/many/l{i:06d}" for i in range(1, LINKS)}
    all_are_the_workloads(own_agent, container, paths)
    container.work("rm -r /many")
    wait_for(lambda: not paths & own_agent.changes(container.name).keys(), 30,
             "all of them gone")
    same_diff(own_agent, container)
    results.add(("file_link",), EVENTS, operation="link_burst", way="workload")
