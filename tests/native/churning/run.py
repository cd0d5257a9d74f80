# SPDX-License-Identifier: Apache-2.0
"""What all threads of one churn share: when it is over, and why."""

import collections
import threading
import time

KEPT_STEPS = 40


class Over(Exception):
    """Raised in a thread that goes on although the churn is over."""


class Run:
    """The first failure ends it for all."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.failure: str | None = None
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._count = 0
        self.steps: collections.deque[str] = collections.deque(
            maxlen=KEPT_STEPS)

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def note(self, text: str) -> None:
        """Records a step that is about to be taken."""
        with self._lock:
            self._count += 1
            at = time.monotonic() - self.began
            self.steps.append(f"{at:7.2f} s  step {self._count}: {text}")

    def fail(self, what: str) -> None:
        with self._lock:
            if self.failure is None:
                at = time.monotonic() - self.began
                self.failure = f"after {at:.2f} s: {what}"
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Until the time is up, or somebody failed."""
        self._over.wait(seconds)
        self.check()

    def check(self) -> None:
        if self.failure is not None:
            raise Over


class Worker(threading.Thread):
    """Takes one step after the other until it is asked to stop."""

    def __init__(self, run: Run, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.run_ = run
        self.steps = 0
        self._stop_now = threading.Event()

    @property
    def stopping(self) -> bool:
        return self._stop_now.is_set() or self.run_.over

    def step(self) -> None:
        raise NotImplementedError

    def interrupt(self) -> None:
        """Ends a step that waits for what need not come."""

    def run(self) -> None:
        try:
            while not self.stopping:
                self.step()
                self.steps += 1
        except Exception as error:  # of any kind: it is reported, with its kind
            self.run_.fail(f"{self.name}: {type(error).__name__}: {error}")

    def finish(self, seconds: float) -> None:
        self._stop_now.set()
        self.interrupt()
        self.join(seconds)
        if self.is_alive():
            self.run_.fail(f"{self.name} did not end within {seconds:g} s")
