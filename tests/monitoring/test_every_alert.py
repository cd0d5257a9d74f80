# SPDX-License-Identifier: Apache-2.0
"""What the other tests have shown, held against the rules: they run with all of
them, and last."""

import yaml

from conftest import Watched
from monitor.prometheus import ALERTS


def test_an_hour_later(watched: Watched) -> None:
    for alert in watched.lasting:
        watched.is_over(alert)


def test_every_alert_came_and_went(watched: Watched) -> None:
    """Each fired in a real Alertmanager, and was resolved there."""
    rules = {(rule["alert"], rule["labels"]["severity"])
             for group in yaml.safe_load(ALERTS.read_text())["groups"]
             for rule in group["rules"]}
    assert watched.resolved == rules
