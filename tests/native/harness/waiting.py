# SPDX-License-Identifier: Apache-2.0
"""Waiting on conditions, never on time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_POLL_SECONDS = 0.02


def wait_for(condition: Callable[[], T], deadline: float, what: str) -> T:
    """The first true value of `condition`, asked until `deadline` seconds."""
    end = time.monotonic() + deadline
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise TimeoutError(f"not within {deadline} s: {what}")
        pause.wait(_POLL_SECONDS)
