# SPDX-License-Identifier: Apache-2.0
"""Those who ask the agent without pause, and what they may be answered."""

import json
import random
import re
import subprocess
import urllib.error

from harness.agent import Agent, binary, command_line

from .run import Run, Worker

ANSWER_SECONDS = 30
# An error says what is not there; that the connection broke says nothing.
CLEAR = re.compile(rb"no container|no workload|no path|gone|removed")


class Vague(Exception):
    """A call that ended neither with an answer nor with a clear error."""


class Asker(Worker):
    """Calls the command line, each time with one of some lists of arguments."""

    def __init__(self, run: Run, name: str, agent: Agent, seed: str,
                 names: list[str], calls: list[tuple[str, ...]]) -> None:
        super().__init__(run, name)
        self._agent = agent
        self._random = random.Random(f"{seed}/{name}")
        self._names = names
        self._calls = calls
        self.answers = 0

    def step(self) -> None:
        call = self._random.choice(self._calls)
        container = self._random.choice(self._names)
        arguments = [part.replace("{c}", container) for part in call]
        result = command_line(*arguments, "--socket", str(self._agent.socket),
                              timeout=ANSWER_SECONDS)
        if result.returncode == 0:
            self.answers += 1
        elif result.returncode != 1 or not CLEAR.search(result.stderr):
            # The sanitizer's report of a client is kept with the agent's.
            raise Vague(f"{arguments} gave {result.returncode}:"
                        f" {result.stderr.decode(errors='replace')[-500:]!r}")


class Scraper(Worker):
    def __init__(self, run: Run, agent: Agent) -> None:
        super().__init__(run, "scraper")
        self._agent = agent

    def step(self) -> None:
        try:
            text = self._agent.get("/metrics")
        except (urllib.error.URLError, OSError) as error:
            raise Vague(f"no metrics: {error}") from error
        if "stillframe_build_info" not in text:
            raise Vague(f"no metrics in the answer: {text[:500]!r}")


class Follower(Worker):
    """`events -f`, each line of which is an event later than the one before."""

    def __init__(self, run: Run, agent: Agent) -> None:
        super().__init__(run, "follower")
        self._latest = 0
        self._process = subprocess.Popen(
            [binary(), "events", "-f", "-o", "json", "--socket",
             str(agent.socket)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def step(self) -> None:
        line = self._process.stdout.readline()
        if not line:
            if not self.stopping:
                raise Vague(f"ended with {self._process.wait()}:"
                            f" {self._process.stderr.read()[-500:]!r}")
            return
        seq = json.loads(line).get("seq", self._latest + 1)
        if seq <= self._latest:
            raise Vague(f"event {seq} after event {self._latest}: {line!r}")
        self._latest = seq

    def interrupt(self) -> None:
        self._process.kill()
        self._process.wait()


def make_clients(run: Run, agent: Agent, seed: str,
                 names: list[str]) -> list[Worker]:
    explain = ("policy", "explain", "--container", "{c}")
    sets = {
        "ps": [("ps",), ("ps", "-a", "-o", "json"), ("ps", "--workloads")],
        "diff": [("diff", "{c}", "--all"), ("diff", "{c}", "-o", "json"),
                 ("diff", "{c}", "-o", "docker")],
        "policy": [(*explain, "/data/d0/f1"), (*explain, "/new"),
                   ("policy", "suggest", "--workload", "{c}")],
    }
    askers = [Asker(run, name, agent, seed, names, calls)
              for name, calls in sets.items()]
    return [*askers, Scraper(run, agent), Follower(run, agent)]
