# SPDX-License-Identifier: Apache-2.0
"""Metrics by HTTPS and to those who know a password, as real clients see it."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from harness.agent import REPOSITORY, command_line, free_port
from harness.waiting import patience, wait_for
from harness.web import Authority, SecureAgent, bcrypt

ALICE = ("alice", "open sesame")
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
USERS = f"basic_auth_users:\n  alice: {bcrypt(ALICE[1])}\n"
Start = Callable[..., SecureAgent]


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> pathlib.Path:
    made = tmp_path / "agent"
    made.mkdir()
    return made


@pytest.fixture
def authority(directory: pathlib.Path) -> Authority:
    made = Authority(directory, "authority")
    made.sign("server")
    return made


@pytest.fixture
def start(directory: pathlib.Path, authority: Authority) -> Iterator[Start]:
    started: list[SecureAgent] = []

    def start_agent(text: str, user: tuple[str, str] = ALICE) -> SecureAgent:
        agent = SecureAgent(directory, authority.certificate,
                            user if "basic_auth" in text else None)
        agent.configuration.write_text(text)
        started.append(agent)
        agent.start()
        return agent

    yield start_agent
    for agent in started:
        agent.stop()


def _served(agent: SecureAgent) -> str:
    """Whose certificate openssl's client is shown."""
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{agent.port}",
         "-CAfile", agent.authority], input="", text=True,
        capture_output=True, check=False, timeout=patience(30))
    found = re.search(r"subject=CN = (\S+)", result.stdout)
    assert found, result
    return found[1]


def _wait_for_metric(agent: SecureAgent, name: str,
                     samples: dict[str, float]) -> None:
    """A rendering serves all who ask within a second."""
    wait_for(lambda: agent.metric(name) == samples, 5, f"{name} {samples}")


def test_curl_gets_metrics_with_the_password(start: Start) -> None:
    agent = start(TLS + USERS)
    name_and_password = ":".join(ALICE)
    right = agent.curl("/metrics", "-u", name_and_password)
    assert right.status == "200", right.messages
    assert "stillframe_build_info{" in right.body
    assert agent.curl("/metrics").status == "401"
    assert agent.curl("/metrics", "-u", "alice:wrong").status == "401"
    assert agent.curl("/metrics", "-u", "bob:open sesame").status == "401"
    _wait_for_metric(agent, "stillframe_web_requests_refused_total", {
        'reason="no_credentials"': 1, 'reason="wrong_credentials"': 2})
    assert "open_to=users" in agent.log.read_text()


@pytest.mark.parametrize("versions,accepted", [
    ("", {"1.2", "1.3"}),
    ("  min_version: TLS13\n", {"1.3"}),
    ("  max_version: TLS12\n", {"1.2"}),
])
def test_speaks_the_versions_that_it_is_told(
        start: Start, versions: str, accepted: set[str]) -> None:
    agent = start(TLS + versions)
    for version in ("1.0", "1.1", "1.2", "1.3"):
        # Whatever the system's own configuration forbids its clients.
        answer = agent.curl("/-/ready", f"--tlsv{version}", "--tls-max",
                            version, "--ciphers", "DEFAULT:@SECLEVEL=0")
        assert (answer.status == "200") == (version in accepted), version


def test_asks_for_a_certificate_where_one_is_required(
        directory: pathlib.Path, authority: Authority) -> None:
    certificate, key = authority.sign("client", "DNS:scraper.example")
    wrong_name = authority.sign("wrong", "DNS:other.example")
    elsewhere = directory / "elsewhere"
    elsewhere.mkdir()
    stranger = Authority(elsewhere, "other").sign("stranger",
                                                  "DNS:scraper.example")
    agent = SecureAgent(directory, authority.certificate)
    agent.configuration.write_text(TLS + """
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: authority.crt
  client_allowed_sans: [scraper.example]
""")
    agent.launch()
    try:
        def answer() -> str:
            return agent.curl("/-/ready", "--cert", certificate,
                              "--key", key).status

        wait_for(lambda: answer() == "200", 60, "ready for its client")
        for options in ((), ("--cert", wrong_name[0], "--key", wrong_name[1]),
                        ("--cert", stranger[0], "--key", stranger[1])):
            refused = agent.curl("/metrics", *options)
            assert refused.code != 0 and refused.status == "000"

        def refusals() -> bool:
            answer = agent.curl("/metrics", "--cert", certificate, "--key", key)
            return ("stillframe_web_tls_handshakes_refused_total 3"
                    in answer.body.splitlines())

        wait_for(refusals, 5, "three refused handshakes")
        assert "open_to=\"clients with a certificate\"" in agent.log.read_text()
    finally:
        agent.stop()


def test_a_new_certificate_is_shown_without_a_restart(
        start: Start, directory: pathlib.Path, authority: Authority) -> None:
    agent = start(TLS)
    assert _served(agent) == "server"
    certificate, key = authority.sign("renewed")
    # As cert-manager and certbot do it: one after the other.
    os.replace(certificate, directory / "server.crt")
    assert _served(agent) == "server"
    _wait_for_metric(agent, "stillframe_web_config_load_success", {"": 0})
    assert agent.metric("stillframe_web_config_load_errors_total") == {"": 1}
    os.replace(key, directory / "server.key")
    assert _served(agent) == "renewed"
    _wait_for_metric(agent, "stillframe_web_config_load_success", {"": 1})
    log = agent.log.read_text()
    assert log.count("the web configuration is bad") == 1
    assert "web.yml:3:13: " in log and "not the key of the certificate" in log


def test_a_bad_file_keeps_the_last_good_one(start: Start) -> None:
    agent = start(TLS + USERS)
    agent.configuration.write_text(TLS + "basic_auth_users: {alice: plain}\n")
    assert agent.curl("/metrics").status == "401"
    assert agent.curl("/metrics", "-u", ":".join(ALICE)).status == "200"
    _wait_for_metric(agent, "stillframe_web_config_load_success", {"": 0})
    agent.configuration.write_text(
        TLS + f"basic_auth_users:\n  bob: {bcrypt('new')}\n")
    assert agent.curl("/metrics", "-u", ":".join(ALICE)).status == "401"
    assert agent.curl("/metrics", "-u", "bob:new").status == "200"


@pytest.mark.parametrize("text,message", [
    ("tls_server_config: {cert_file: none.crt, key_file: none.key}\n",
     "web.yml:1:32: "),
    ("http_server_config:\n  headers:\n    Server: x\n",
     "web.yml:3:5: unknown key 'Server' in headers"),
])
def test_does_not_start_with_a_bad_file(
        directory: pathlib.Path, text: str, message: str) -> None:
    agent = SecureAgent(directory, None)
    agent.configuration.write_text(text)
    result = command_line(*agent.arguments())
    assert result.returncode == 1
    assert message in result.stderr.decode()


def test_slow_clients_do_not_hinder_a_scrape_by_tls(start: Start) -> None:
    agent = start(TLS + USERS)
    slow = []
    try:
        for number in range(100):
            client = socket.create_connection(("127.0.0.1", agent.port))
            slow.append(client)
            if number % 2:
                client.sendall(b"\x16\x03\x01\x02\x00\x01")
        for _ in range(5):
            answer = agent.curl("/metrics", "-u", ":".join(ALICE),
                                "-m", str(patience(2)))
            assert answer.status == "200", answer.messages
    finally:
        for client in slow:
            client.close()


def test_says_that_it_is_open_where_it_is(
        directory: pathlib.Path, authority: Authority) -> None:
    agent = SecureAgent(directory, None)
    agent.configuration.write_text("")
    with agent.start():
        assert ("tls=false open_to=\"everyone who reaches it\""
                in agent.log.read_text())


def test_the_documented_example_works(
        start: Start, directory: pathlib.Path, authority: Authority) -> None:
    """docs/web.md's own file, with its hash replaced by one that is known."""
    page = (REPOSITORY / "docs/web.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]
    assert "$2y$" in example
    example = re.sub(r"\$2y\$\S+", lambda _: bcrypt(ALICE[1]), example)
    certificates = directory / "tls"
    certificates.mkdir()
    example = example.replace("/etc/stillframe", str(directory))
    for suffix in ("crt", "key"):
        shutil.copy(directory / f"server.{suffix}",
                    certificates / f"server.{suffix}")
    user = ("prometheus", ALICE[1])
    agent = start(example, user)
    subprocess.run(["promtool", "check", "web-config", agent.configuration],
                   check=True, capture_output=True)
    answer = agent.curl("/metrics", "-u", ":".join(user))
    assert answer.status == "200", answer.messages


@pytest.fixture
def prometheus(tmp_path: pathlib.Path) -> Iterator[Callable]:
    """A real one that scrapes one target every second; its queries."""
    started: list[subprocess.Popen] = []

    def scrape(job: dict) -> Callable[[str], list[dict]]:
        port = free_port()
        config = tmp_path / "prometheus.yml"
        # JSON is YAML.
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
        with open(tmp_path / "prometheus.log", "wb") as log:
            started.append(subprocess.Popen(
                ["prometheus", f"--config.file={config}",
                 f"--storage.tsdb.path={tmp_path / 'data'}",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdout=log, stderr=log))

        def query(expression: str) -> list[dict]:
            parameters = urllib.parse.urlencode({"query": expression})
            url = f"http://127.0.0.1:{port}/api/v1/query?{parameters}"
            try:
                with urllib.request.urlopen(url, timeout=patience(5)) as answer:
                    return json.load(answer)["data"]["result"]
            except OSError:  # it is not there yet
                return []

        return query

    yield scrape
    for process in started:
        process.terminate()
        process.wait()


def test_prometheus_scrapes_by_tls_with_a_password(
        start: Start, authority: Authority, prometheus: Callable) -> None:
    agent = start(TLS + USERS)
    query = prometheus({
        "job_name": "stillframe", "scheme": "https",
        "tls_config": {"ca_file": str(authority.certificate)},
        "basic_auth": {"username": ALICE[0], "password": ALICE[1]},
        "static_configs": [{"targets": [f"127.0.0.1:{agent.port}"]}]})

    def values(expression: str) -> set[str]:
        return {sample["value"][1] for sample in query(expression)}

    wait_for(lambda: values("up") == {"1"}, 30, "a scrape")
    # One request asked without a password would have been counted.
    for expression, value in (
            ("stillframe_build_info", "1"),
            ("sum(stillframe_web_requests_refused_total)", "0"),
            ("count(stillframe_mutated_lifetime_seconds_bucket)", "9")):
        wait_for(lambda e=expression, v=value: values(e) == {v}, 5, expression)
    # Over and over on one connection, then with other users.
    agent.configuration.write_text(
        TLS + f"basic_auth_users:\n  bob: {bcrypt('new')}\n")
    wait_for(lambda: values("up") == {"0"}, 10, "no more scrapes")
    agent.configuration.write_text(TLS + USERS)
    wait_for(lambda: values("up") == {"1"}, 10, "scrapes again")
