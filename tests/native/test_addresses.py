# SPDX-License-Identifier: Apache-2.0
"""Where metrics are to be had, as a real client sees it."""

import pathlib
import subprocess

from harness.agent import Agent, free_port
from harness.waiting import patience, wait_for


class Listening(Agent):
    """One that listens where its options say, and there only."""

    def __init__(self, directory: pathlib.Path, *flags: str,
                 prefix: tuple[str, ...] = ()) -> None:
        super().__init__(directory, prefix=prefix)
        directory.mkdir()
        self.flags = flags

    def arguments(self) -> list[str]:
        return ["run", "--state-dir", str(self.state),
                "--socket", str(self.socket), *self.flags]


def _status(url: str) -> str:
    result = subprocess.run(
        ["curl", "-s", "-g", "-o", "/dev/null", "-w", "%{http_code}",
         "-m", str(patience(10)), url],
        capture_output=True, text=True, check=False)
    return result.stdout


def test_several_addresses_each_of_its_family(tmp_path: pathlib.Path) -> None:
    first, second = free_port(), free_port()
    with Listening(tmp_path / "agent",
                   "--web.listen-address", f"127.0.0.1:{first}",
                   "--web.listen-address", f"[::1]:{second}") as agent:
        agent.launch()
        for url in (f"http://127.0.0.1:{first}", f"http://[::1]:{second}"):
            wait_for(lambda u=url: _status(f"{u}/-/ready") == "200", 60, url)
        assert _status(f"http://[::1]:{first}/") == "000"
        assert _status(f"http://127.0.0.1:{second}/") == "000"
        assert f"address=[::1]:{second}" in agent.log.read_text()


def test_no_host_is_every_address(tmp_path: pathlib.Path) -> None:
    port = free_port()
    with Listening(tmp_path / "agent",
                   "--web.listen-address", f":{port}") as agent:
        agent.launch()
        for host in ("127.0.0.1", "[::1]"):
            wait_for(lambda h=host: _status(f"http://{h}:{port}/-/ready")
                     == "200", 60, host)
        wait_for(lambda: "open_to=" in agent.log.read_text(), 5, "the log")
        assert 'open_to="everyone who reaches it"' in agent.log.read_text()


def test_systemd_hands_over_sockets(tmp_path: pathlib.Path) -> None:
    """They listen before there is an agent, which the first client starts."""
    first, second = free_port(), free_port()
    activate = ("systemd-socket-activate", "-l", f"127.0.0.1:{first}",
                "-l", f"[::1]:{second}")
    with Listening(tmp_path / "agent", "--web.systemd-socket",
                   prefix=activate) as agent:
        agent.launch()
        wait_for(lambda: "Listening on" in agent.log.read_text()
                 and f"[::1]:{second}" in agent.log.read_text(), 10,
                 "systemd listens")
        assert not agent.socket.exists()
        # Its connection waits in the socket's queue for the agent.
        assert _status(f"http://127.0.0.1:{first}/-/ready") in ("200", "503")
        wait_for(lambda: _status(f"http://[::1]:{second}/-/ready") == "200",
                 60, "ready on the other socket")


def test_without_a_socket_of_systemd_it_says_what_to_do(
        tmp_path: pathlib.Path) -> None:
    with Listening(tmp_path / "agent", "--web.systemd-socket") as agent:
        agent.launch()
        assert agent.process.wait(patience(30)) == 1
        assert ("--web.systemd-socket: systemd has handed over no socket"
                in agent.log.read_text())


def test_a_socket_that_is_no_tcp_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "unix.sock"
    with Listening(tmp_path / "agent", "--web.systemd-socket",
                   prefix=("systemd-socket-activate", "-l", str(path))) as agent:
        agent.launch()
        wait_for(path.exists, 10, "systemd listens")
        subprocess.run(["curl", "-s", "-m", str(patience(10)), "--unix-socket",
                        path, "http://x/"], capture_output=True, check=False)
        assert agent.process.wait(patience(30)) == 1
        assert "is not a listening TCP socket" in agent.log.read_text()
