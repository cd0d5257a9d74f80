# SPDX-License-Identifier: Apache-2.0
"""Clients that a scrape must not wait for, and how long one takes beside them."""
import base64
import contextlib
import dataclasses
import pathlib
import socket
import ssl
import statistics
import subprocess
import threading
import time

CREDENTIALS = ("prometheus", "a long password")
USERS = 'basic_auth_users:\n  prometheus: "{}"\n'
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


def _request() -> bytes:
    word = base64.b64encode(":".join(CREDENTIALS).encode()).decode()
    return (f"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Fill: {'x' * 4000}\r\n"
            f"Authorization: Basic {word}\r\n\r\n").encode()


class SlowClients:
    """A quarter each sends nothing, sends a byte a second of its request, reads a
    byte a second of the answer, and keeps its connection for later."""

    def __init__(self, port: int, count: int,
                 authority: pathlib.Path | None) -> None:
        context = None
        if authority is not None:
            context = ssl.create_default_context(cafile=str(authority))
        self.all: list[socket.socket] = []
        self.senders: list[socket.socket] = []
        self.readers: list[socket.socket] = []
        self.ended = threading.Event()
        for number in range(count):
            client = socket.create_connection(("127.0.0.1", port), 10)
            if number % 4 != 0 and context is not None:
                client = context.wrap_socket(client, server_hostname="localhost")
            self.all.append(client)
            if number % 4 == 1:
                self.senders.append(client)
            if number % 4 == 2:
                client.sendall(_request())
                self.readers.append(client)
        self.thread = threading.Thread(target=self._go_on)
        self.thread.start()

    def _go_on(self) -> None:
        sent = 0
        while not self.ended.wait(1):
            # Who is too slow for the agent is gone.
            for client in self.senders:
                with contextlib.suppress(OSError):
                    client.sendall(_request()[sent:sent + 1])
            sent += 1
            for client in self.readers:
                with contextlib.suppress(OSError):
                    client.recv(1)

    def close(self) -> None:
        self.ended.set()
        self.thread.join()
        for client in self.all:
            client.close()


def _processor_ms(pid: int) -> float:
    """Of all threads that it has, exactly (proc(5), schedstat)."""
    return sum(int(path.read_text().split()[0]) for path in
               pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e6


@dataclasses.dataclass(frozen=True)
class Scrapes:
    """Milliseconds: the median and the most that one took, and the median of the
    agent's processor time meanwhile."""

    middle: float
    most: float
    processor: float


def scrapes(pid: int, port: int, authority: pathlib.Path | None, *options: str,
            count: int) -> Scrapes:
    """By curl, each on a connection of its own. A rendering serves all who ask
    within a second: each comes later than that."""
    trust = () if authority is None else ("--cacert", str(authority))
    scheme = "http" if authority is None else "https"
    took, processor = [], []
    for _ in range(count):
        time.sleep(1.1)
        before = _processor_ms(pid)
        result = subprocess.run(
            ["curl", "-sSf", *options, "-o", "/dev/null",
             "-w", "%{time_total}", "-u", ":".join(CREDENTIALS), *trust,
             f"{scheme}://localhost:{port}/metrics"],
            check=True, capture_output=True, text=True)
        took.append(float(result.stdout) * 1000)
        processor.append(_processor_ms(pid) - before)
    return Scrapes(statistics.median(took), max(took),
                   statistics.median(processor))
