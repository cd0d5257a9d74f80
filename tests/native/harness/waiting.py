# SPDX-License-Identifier: Apache-2.0
"""Waiting on conditions, never on time."""

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# How many times slower than real this machine may be: an emulated one is.
_SLOWNESS = float(os.environ.get("STILLFRAME_TEST_SLOWNESS", "1"))
_POLL_SECONDS = 0.02 * _SLOWNESS


def patience(seconds: float) -> float:
    """A deadline for a machine of the usual speed, as one for this machine."""
    return seconds * _SLOWNESS


def wait_for(condition: Callable[[], T], deadline: float, what: str) -> T:
    """The first true value of `condition`, asked until `deadline` seconds."""
    seconds = patience(deadline)
    end = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        pause.wait(_POLL_SECONDS)
