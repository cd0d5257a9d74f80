# SPDX-License-Identifier: Apache-2.0
"""The alerts about agents: a real agent gets into trouble and out of it, and a
real Alertmanager hears of both.

How long a trouble must last is left to promtool's tests. An agent without the
capabilities that it needs does not run, and so is down and not blind: its sensors
get no events where the kernel lacks what they need.
"""

import pathlib
from collections.abc import Callable

from conftest import Watched
from harness.podman import Container
from harness.waiting import wait_for
from monitor.configurations import (
    BAD_POLICY, BAD_WEB, EXPIRED_POLICY, GOOD_POLICY, GOOD_WEB)
from monitor.older_kernel import as_an_older_kernel


def test_more_containers_than_series(
        watched: Watched, make_image: Callable[[str], str]) -> None:
    image = make_image("series")
    with Container(image), Container(image):
        watched.restart("--metrics.max-containers", "1")
        found = watched.fires("StillframeContainersOverCap")
        assert found["annotations"]["summary"] == (
            f"The Stillframe agent on {watched.prometheus.instance} shows only"
            " a part of its containers.")
        watched.restart()
        watched.is_over(found)


def test_a_rule_that_has_expired(watched: Watched) -> None:
    watched.judge_by(EXPIRED_POLICY)
    found = watched.fires("StillframePolicyRuleExpired")
    assert found["annotations"]["summary"].endswith("has 1 expired rule.")
    watched.judge_by(GOOD_POLICY)
    watched.is_over(found)


def test_a_policy_that_is_refused(watched: Watched) -> None:
    watched.judge_by(BAD_POLICY)
    found = watched.fires("StillframePolicyLoadFailed")
    watched.judge_by(GOOD_POLICY)
    watched.is_over(found)


def test_a_web_configuration_that_is_refused(watched: Watched) -> None:
    watched.web.write_text(BAD_WEB)
    found = watched.fires("StillframeWebConfigLoadFailed")
    assert watched.said("web.yml:3:5: unknown key 'Server' in headers")
    watched.web.write_text(GOOD_WEB)
    watched.is_over(found)


def test_a_sensor_that_gets_no_events(watched: Watched,
                                      tmp_path: pathlib.Path) -> None:
    in_its_place = watched.agent.prefix
    watched.agent.prefix += as_an_older_kernel(tmp_path)
    watched.restart()
    found = watched.fires("StillframeAgentBlind", sensor="files")
    assert watched.said('"a sensor does not cover this machine fully" sensor=files')
    # What the runbook leads to.
    doctor = watched.agent.run("doctor").decode()
    assert "\nfiles      state     scan\n" in doctor
    assert "ovl_write_iter" in doctor
    watched.agent.prefix = in_its_place
    watched.restart()
    watched.is_over(found)


def test_an_agent_that_ends_and_ends_again(watched: Watched) -> None:
    watched.agent.kill()
    down = watched.fires("StillframeAgentDown")
    assert down["labels"]["instance"] == watched.prometheus.instance
    assert down["annotations"]["summary"] == (
        f"Containers on {watched.prometheus.instance} are not watched, since"
        " its Stillframe agent is down.")

    def restarted() -> dict | None:
        """Before it is even ready."""
        watched.launch()
        watched.scraped()
        watched.agent.kill()
        return watched.alert("StillframeAgentRestarting")

    watched.lasting.append(
        wait_for(restarted, 60, "StillframeAgentRestarting fires"))
    watched.start()
    watched.is_over(down)
