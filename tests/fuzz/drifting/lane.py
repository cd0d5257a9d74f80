# SPDX-License-Identifier: Apache-2.0
"""Shells that carry out what they are sent, each as another kind of actor."""

import os
import pathlib
import select
import subprocess
import time

from harness.podman import Container
from harness.waiting import patience, wait_for

ANSWER_SECONDS = 30


class Stuck(Exception):
    """A shell that did not answer, or is gone."""


class Lane:
    """A shell. What is written to it at once is carried out at once."""

    def __init__(self, sends: int, answers: int,
                 process: subprocess.Popen | None = None) -> None:
        self._sends = sends
        self._answers = answers
        self._process = process
        self._rest = b""

    def codes(self, commands: list[str]) -> list[int]:
        """Exit codes of commands, carried out one after the other."""
        lines = "".join(f"{c} </dev/null >/dev/null 2>&1; echo $?\n"
                        for c in commands)
        deadline = time.monotonic() + patience(ANSWER_SECONDS)
        try:
            os.write(self._sends, lines.encode())
        except OSError as error:
            raise Stuck(f"{error} at {commands}") from error
        while self._rest.count(b"\n") < len(commands):
            ready, _, _ = select.select([self._answers], [], [],
                                        max(0, deadline - time.monotonic()))
            more = os.read(self._answers, 4096) if ready else b""
            if not more:
                raise Stuck(f"{self._rest!r} is all that came of {commands}")
            self._rest += more
        answers, self._rest = self._rest.splitlines(), b""
        return [int(answer) for answer in answers]

    def close(self) -> None:
        """Without input a shell ends; one that does not is ended."""
        for end in (self._sends, self._answers):
            os.close(end)
        if self._process is None:
            return
        try:
            self._process.wait(patience(5))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _of_process(command: list[str]) -> Lane:
    process = subprocess.Popen(command, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    sends, answers = os.dup(process.stdin.fileno()), os.dup(
        process.stdout.fileno())
    process.stdin.close()
    process.stdout.close()
    return Lane(sends, answers, process)


def host_lane() -> Lane:
    return _of_process(["sh"])


def exec_lane(container: Container) -> Lane:
    """A session of its own, for as long as the lane is open."""
    place = container.store.options if container.store else ()
    return _of_process(["podman", *place, "exec", "-i", container.name, "sh"])


def workload_command(count: int) -> tuple[str, ...]:
    """What a container runs to have that many lanes of its own."""
    numbers = " ".join(map(str, range(count)))
    return ("sh", "-c", f"""for n in {numbers}; do
      [ -p /ctl/$n.in ] || mkfifo /ctl/$n.out /ctl/$n.in
      sh </ctl/$n.in >/ctl/$n.out &
    done
    wait""")


def workload_lane(control: pathlib.Path, number: int) -> Lane:
    """Open both ways: no end waits for the other to be opened."""
    ends = [control / f"{number}.in", control / f"{number}.out"]
    wait_for(lambda: all(end.exists() for end in ends), ANSWER_SECONDS,
             f"lane {number} of the container")
    return Lane(*(os.open(end, os.O_RDWR | os.O_CLOEXEC) for end in ends))
