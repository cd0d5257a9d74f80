# SPDX-License-Identifier: Apache-2.0
"""Checks what scripts/demo claims, by asking the agent and Prometheus.

usage: demo_ask.py QUESTION [ARGUMENT…]

  port PREFERRED                     prints PREFERRED, or a port that is free
  up URL PID                         the server answers; PID must live
  still CONTAINER                    the agent says so
  changed CONTAINER PATH ORIGIN TOOL ("-": no tool) PATH was changed that way
  executed CONTAINER PATH            PATH was run and is not of the image
  event CONTAINER KIND               the agent has published such an event
  alert NAME CONTAINER               Prometheus: the alert fires
  silent CONTAINER                   Prometheus: it runs, is still, no alert
  metric NAME VALUE [LABEL=VALUE…]   Prometheus: one series with that value
  alerts                             prints what fires

Each but the first and last waits for its condition, at most 20 seconds, and
exits 1 with what it saw instead. The environment names the agent's binary
(DEMO_BINARY) and socket (DEMO_SOCKET), and Prometheus (DEMO_PROMETHEUS).
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable

PATIENCE_SECONDS = 20
POLL_SECONDS = 0.1
_SEVERITIES = ("critical", "warning", "info")


class NotYet(Exception):
    """The condition does not hold; the text says what was seen."""


def stillframe(*arguments: str) -> str:
    result = subprocess.run(
        [os.environ["DEMO_BINARY"], *arguments,
         "--socket", os.environ["DEMO_SOCKET"]],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    if result.returncode != 0:
        raise NotYet(result.stderr.strip())
    return result.stdout


def prometheus(path: str, **query: str) -> dict:
    url = os.environ["DEMO_PROMETHEUS"] + "/api/v1/" + path
    if query:
        url += "?" + urllib.parse.urlencode(query)
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)["data"]


def samples(expression: str) -> list[tuple[dict, float]]:
    found = prometheus("query", query=expression)["result"]
    return [(item["metric"], float(item["value"][1])) for item in found]


def firing() -> list[dict]:
    alerts = [{**a["labels"], "summary": a["annotations"].get("summary", "")}
              for a in prometheus("alerts")["alerts"]
              if a["state"] == "firing"]
    return sorted(alerts, key=lambda a: (
        _SEVERITIES.index(a["severity"]), a["alertname"], a.get("name", "")))


def changes(container: str) -> dict[str, dict]:
    diff = json.loads(stillframe("diff", container, "-o", "json"))
    return {change["path"]: change for change in diff["changes"]}


def port(preferred: str) -> None:
    for number in (int(preferred), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                continue
            print(probe.getsockname()[1])
            return


def up(url: str, pid: str) -> None:
    if not pathlib.Path(f"/proc/{pid}/cmdline").exists() or not pathlib.Path(
            f"/proc/{pid}/cmdline").read_bytes():
        sys.exit("it has ended")
    with urllib.request.urlopen(url, timeout=5):
        pass


def still(container: str) -> None:
    diff = json.loads(stillframe("diff", container, "-o", "json"))
    if diff["state"] != "still" or not diff["complete"]:
        raise NotYet(f"it is {diff['state']}: {diff['changes']}")


def changed(container: str, path: str, origin: str, tool: str) -> None:
    change = changes(container).get(path)
    if change is None:
        raise NotYet(f"no change of {path} is known")
    seen = [(a["origin"], a["tool"] or "-") for a in change["actors"]]
    if change["verdict"] != "violation" or (origin, tool) not in seen:
        raise NotYet(f"{path} has verdict {change['verdict']}, actors {seen}")


def executed(container: str, path: str) -> None:
    change = changes(container).get(path)
    if change is None or "exec_new" not in change["kinds"]:
        raise NotYet(f"{path} is known as {change}")


def event(container: str, kind: str) -> None:
    lines = stillframe("events", "-o", "json", "--container", container)
    kinds = [json.loads(line)["kind"] for line in lines.splitlines()]
    if kind not in kinds:
        raise NotYet(f"its events are {sorted(set(kinds))}")


def alert(name: str, container: str) -> None:
    seen = [(a["alertname"], a.get("name")) for a in firing()]
    if (name, container) not in seen:
        raise NotYet(f"what fires is {seen}")


def silent(container: str) -> None:
    about_it = f'stillframe_container_info{{name="{container}"}}'
    running = (f"stillframe_container_mutated and on (container_id) {about_it}"
               " and on (container_id) stillframe_container_running == 1")
    state = [value for _, value in samples(running)]
    if state != [0.0]:
        raise NotYet(f"stillframe_container_mutated of it is {state}")
    seen = [a["alertname"] for a in firing() if a.get("name") == container]
    if seen:
        raise NotYet(f"{seen} still fire")


def metric(name: str, value: str, *labels: str) -> None:
    wanted = dict(label.split("=", 1) for label in labels)
    series = samples(name)
    seen = [v for have, v in series if wanted.items() <= have.items()]
    if seen != [float(value)]:
        raise NotYet(f"the series are {series}")


def alerts() -> None:
    rows = [(a["severity"].upper(), a["alertname"], a.get("name", "-"),
             a["summary"]) for a in firing()]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip())


def wait(question: Callable[..., None], arguments: list[str]) -> int:
    end = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while True:
        try:
            question(*arguments)
            return 0
        except (NotYet, OSError, subprocess.TimeoutExpired) as reason:
            if time.monotonic() >= end:
                print(f"not within {PATIENCE_SECONDS} s: {reason}",
                      file=sys.stderr)
                return 1
        pause.wait(POLL_SECONDS)


AT_ONCE = {"port": port, "alerts": alerts}
WAITING = {"up": up, "still": still, "changed": changed, "executed": executed,
           "event": event, "alert": alert, "silent": silent, "metric": metric}


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] in AT_ONCE:
        AT_ONCE[arguments[0]](*arguments[1:])
        return 0
    if arguments and arguments[0] in WAITING:
        return wait(WAITING[arguments[0]], arguments[1:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
