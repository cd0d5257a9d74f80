# SPDX-License-Identifier: Apache-2.0
"""The package's unit, started by systemd."""

import json
import pathlib
import re
import subprocess
from collections.abc import Iterator

import pytest

from dpkg import install, purge
from harness.agent import REPOSITORY
from harness.image import Tree
from harness.podman import RUN_OPTIONS
from harness.systemd import Systemd
from harness.waiting import wait_for

_UNIT = "stillframe.service"
_OURS = "/etc/stillframe"
_DROP_INS = "/etc/systemd/system"
_PAGE = REPOSITORY / "docs/install.md"
_RUNBOOKS = REPOSITORY / "dashboards/runbooks"


@pytest.fixture(scope="module")
def running(machine: Systemd, packages: dict[str, pathlib.Path]) -> Iterator[Systemd]:
    install(machine, packages["stillframe"])
    yield machine
    purge(machine)


@pytest.fixture
def unit(running: Systemd) -> Iterator[Systemd]:
    """As it was installed, whatever a test makes of it."""
    running.run("cp", "-a", _OURS, "/root/configuration")
    yield running
    running.run("sh", "-c", f"""
        systemctl stop stillframe.socket {_UNIT}
        rm -rf {_DROP_INS}/stillframe.*.d {_OURS} && mv /root/configuration {_OURS} &&
        systemctl daemon-reload && systemctl reset-failed && systemctl start {_UNIT}""")


def _show(machine: Systemd, name: str) -> str:
    return machine.run("systemctl", "show", "-P", name, _UNIT).decode().strip()


def _drop_in(machine: Systemd, text: str) -> None:
    place = machine.path(f"{_DROP_INS}/{_UNIT}.d")
    place.mkdir(parents=True, exist_ok=True)
    (place / "test.conf").write_text(f"[Service]\n{text}")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", _UNIT)


def test_a_mutated_container_is_shown(unit: Systemd, tree: Tree) -> None:
    podman = ("podman", "--cgroup-manager", "cgroupfs", "--events-backend", "file")
    unit.run(*podman, "import", "-q", "-", "localhost/unit:1", input=tree.bytes())
    for name in ("still", "changed"):
        unit.run(*podman, "run", "-d", "--name", name, *RUN_OPTIONS, "--pids-limit", "0",
                      "localhost/unit:1", "/bin/sleep", "1000")
    unit.run(*podman, "exec", "changed", "/bin/sh", "-c", "echo x >>/etc/motd")
    assert (unit.run("stillframe", "diff", "changed", "-o", "docker")
            == unit.run(*podman, "diff", "changed"))
    # This machine's others are there as well: it is one kernel.
    states = {row["name"]: row["state"] for row in json.loads(
        unit.run("stillframe", "ps", "-o", "json"))["containers"]}
    assert (states["still"], states["changed"]) == ("still", "mutated")


def test_it_says_when_it_is_ready_and_what_it_does(unit: Systemd) -> None:
    assert _show(unit, "Type") == "notify"
    assert _show(unit, "ActiveState") == "active"
    assert _show(unit, "StatusText") == "Watching containers"
    unit.run("systemctl", "stop", _UNIT)
    assert _show(unit, "Result") == "success"


def test_one_that_hangs_is_started_again(unit: Systemd) -> None:
    _drop_in(unit, "WatchdogSec=1\nTimeoutAbortSec=1\nRestartSec=0\n")
    hung = _show(unit, "MainPID")
    unit.run("kill", "-STOP", hung)
    wait_for(lambda: _show(unit, "NRestarts") == "1"
             and _show(unit, "ActiveState") == "active", 30, "another agent")
    assert _show(unit, "MainPID") != hung


def test_one_that_dies_is_started_again(unit: Systemd) -> None:
    _drop_in(unit, "RestartSec=0\n")
    unit.run("kill", "-KILL", _show(unit, "MainPID"))
    wait_for(lambda: _show(unit, "NRestarts") == "1"
             and _show(unit, "ActiveState") == "active", 30, "another agent")


def test_one_whose_configuration_is_wrong_is_not(unit: Systemd) -> None:
    config = unit.path("/etc/stillframe/config.toml")
    config.write_text("no-such-setting = 1\n")
    assert unit.attempt("systemctl", "restart", _UNIT).returncode != 0
    wait_for(lambda: _show(unit, "ActiveState") == "failed", 10, "its end")
    assert _show(unit, "ExecMainStatus") == "2"
    assert _show(unit, "NRestarts") == "0"


def test_reload_reads_the_policy_again(unit: Systemd) -> None:
    def rules() -> int:
        report = json.loads(unit.run("stillframe", "doctor", "--socket",
                                     "/run/stillframe/stillframe.sock",
                                     "-o", "json"))
        return report["policy"]["rules"]

    assert rules() > 0
    unit.path("/etc/stillframe/policy.yaml").write_text("version: 1\n")
    unit.run("systemctl", "reload", _UNIT)
    wait_for(lambda: rules() == 0, 10, "another policy")


def test_the_socket_is_for_its_group(unit: Systemd) -> None:
    ask = ("stillframe", "ps")
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534")
    member = unit.attempt(*nobody, "--groups", "stillframe", *ask)
    assert member.returncode == 0, member.stderr
    other = unit.attempt(*nobody, "--clear-groups", *ask)
    assert other.returncode == 1
    assert b"permission denied" in other.stderr
    assert (unit.path("/var/lib/stillframe").stat().st_mode & 0o777) == 0o700


def test_the_journal_is_signed_by_a_credential(unit: Systemd) -> None:
    unit.run("stillframe", "audit", "keygen", "--out", "/root/journal.key")
    _drop_in(unit,
             "LoadCredential=stillframe-journal-key:/root/journal.key\n")
    unit.run("systemctl", "stop", _UNIT)
    verified = unit.run("stillframe", "audit", "verify", "--key",
                             "/root/journal.pub")
    assert b"signed by key" in verified


def test_a_certificate_is_a_credential(unit: Systemd) -> None:
    key, certificate = "/root/tls.key", "/root/tls.crt"
    unit.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                  "-keyout", key, "-out", certificate)
    credentials = f"/run/credentials/{_UNIT}"
    unit.path("/etc/stillframe/web.yml").write_text(
        f"tls_server_config:\n  cert_file: {credentials}/tls.crt\n"
        f"  key_file: {credentials}/tls.key\n")
    config = unit.path("/etc/stillframe/config.toml")
    config.write_text('[web]\nconfig.file = "/etc/stillframe/web.yml"\n'
                      'listen-address = ["127.0.0.1:12499"]\n')
    _drop_in(unit,
             f"LoadCredential=tls.key:{key}\nLoadCredential=tls.crt:{certificate}\n")
    page = unit.run("curl", "-s", "--cacert", certificate,
                         "--resolve", "localhost:12499:127.0.0.1",
                         "https://localhost:12499/metrics")
    assert b"stillframe_build_info" in page


def test_systemd_holds_the_port(unit: Systemd) -> None:
    unit.run("systemctl", "stop", _UNIT)
    unit.path("/etc/stillframe/config.toml").write_text(
        "[web]\nsystemd-socket = true\n")
    place = unit.path(f"{_DROP_INS}/stillframe.socket.d")
    place.mkdir(parents=True)
    (place / "test.conf").write_text(
        "[Socket]\nListenStream=\nListenStream=127.0.0.1:12498\n")
    unit.run("systemctl", "daemon-reload")
    unit.run("systemctl", "start", "stillframe.socket")
    # Starts the agent, and waits for it.
    page = unit.run("curl", "-s", "http://127.0.0.1:12498/metrics")
    assert b"stillframe_build_info" in page
    wait_for(lambda: _show(unit, "ActiveState") == "active", 30, "the agent")


def _commands_for_a_service() -> list[str]:
    """Those of the runbooks that ask systemd."""
    return sorted({line for page in _RUNBOOKS.glob("*.md")
                   for block in re.findall(r"```sh\n(.*?)```", page.read_text(),
                                           re.DOTALL)
                   for line in block.splitlines()
                   if line.startswith(("systemctl", "journalctl"))})


def test_runbooks_ask_the_service(unit: Systemd) -> None:
    unit.run("systemctl", "start", "systemd-journald")
    web = unit.path(f"{_OURS}/web.yml")
    web.write_text("{}\n")
    unit.path(f"{_OURS}/config.toml").write_text(
        f'[web]\nconfig.file = "{_OURS}/web.yml"\n'
        'listen-address = ["127.0.0.1:12497"]\n')
    unit.run("systemctl", "restart", _UNIT)
    web.write_text("rules: []\n")
    unit.run("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:12497/metrics")
    commands = _commands_for_a_service()
    assert len(commands) >= 4
    for command in commands:
        shown = unit.run("sh", "-c", command).decode()
        service = "systemd-journald" if "journald" in command else "stillframe"
        assert service in shown, command
        if "grep" in command:
            assert "web configuration is bad" in shown


def test_what_is_exposed_is_what_the_page_says() -> None:
    """And no more: the score of systemd-analyze, which is lower the less there is."""
    unit = REPOSITORY / "packaging/systemd" / _UNIT
    documented = re.search(r"Overall exposure level for \S+: ([0-9.]+) (\w+)",
                           _PAGE.read_text())
    assert documented
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager",
         f"--threshold={round(float(documented[1]) * 10)}", str(unit)],
        capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-400:] + result.stderr
