# SPDX-License-Identifier: Apache-2.0
"""Installed, upgraded, removed and purged, by dpkg under a real systemd."""

import pathlib
import re
import subprocess

from dpkg import install
from harness.agent import binary
from harness.systemd import Systemd

_UNIT = "stillframe.service"
# What package management and systemd keep for themselves.
_NOT_OURS = re.compile(
    r"/var/(lib/(dpkg|systemd|containers)|log|cache|tmp)\b|/run/(systemd|udev)\b"
    r"|/etc/(group|gshadow)-$|/etc/\.pwd\.lock$")


def _files(machine: Systemd) -> set[str]:
    text = machine.run("find", "/etc", "/usr", "/var", "/run", "-xdev").decode()
    return {path for path in text.splitlines() if not _NOT_OURS.search(path)}


def _state(machine: Systemd) -> str:
    return machine.attempt("systemctl", "is-active", _UNIT).stdout.decode().strip()


def _groups(machine: Systemd) -> set[str]:
    return {line.partition(":")[0] for line in
            machine.path("/etc/group").read_text().splitlines()}


def test_lintian_has_nothing_to_say(packages: dict[str, pathlib.Path]) -> None:
    result = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning",
         *map(str, packages.values())], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_symbols_are_those_of_the_program(packages: dict[str, pathlib.Path],
                                          tmp_path: pathlib.Path) -> None:
    """As a debugger asks: by the debug link's name, and the sum of the file."""
    for package in packages.values():
        subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    program = tmp_path / "usr/sbin/stillframe"
    text = subprocess.run(["readelf", "--debug-dump=links", program], text=True,
                          capture_output=True, check=True).stdout
    name = re.search(r"Separate debug info file: (\S+)", text)
    assert name and name[1] == "stillframe.debug"
    symbols = tmp_path / "usr/lib/debug/usr/sbin" / name[1]
    sections = subprocess.run(["readelf", "-SW", symbols], text=True,
                              capture_output=True, check=True).stdout
    assert ".debug_info" in sections


def test_installed_elsewhere_the_unit_names_that_place(tmp_path: pathlib.Path) -> None:
    def install_there() -> None:
        subprocess.run(["cmake", "--install", binary().parent, "--prefix", tmp_path],
                       check=True, capture_output=True)

    install_there()
    unit = (tmp_path / "lib/systemd/system/stillframe.service").read_text()
    config = tmp_path / "etc/stillframe/config.toml"
    start = re.search(r"^ExecStart=(\S+) run --config.file (\S+)$", unit, re.M)
    assert start and start.groups() == (f"{tmp_path}/sbin/stillframe", str(config))
    printed = subprocess.run([*start[0].partition("=")[2].split(), "--print-config"],
                             capture_output=True, text=True, check=True).stdout
    assert f'policy = "{tmp_path}/etc/stillframe/policy.yaml"' in printed
    config.write_text(config.read_text() + "# ours\n")
    install_there()
    assert config.read_text().endswith("# ours\n")


def test_installed_it_runs_and_has_its_files(installed: Systemd) -> None:
    assert _state(installed) == "active"
    assert b"enabled" in installed.run("systemctl", "is-enabled", _UNIT)
    for path in ("/etc/stillframe/config.toml", "/etc/stillframe/policy.yaml",
                 "/usr/share/man/man1/stillframe.1.gz",
                 "/usr/share/bash-completion/completions/stillframe",
                 "/usr/share/zsh/vendor-completions/_stillframe",
                 "/usr/share/fish/vendor_completions.d/stillframe.fish",
                 "/usr/share/stillframe/alerts/stillframe.yaml",
                 "/usr/share/stillframe/grafana/container.json",
                 "/usr/share/stillframe/runbooks",
                 "/usr/share/doc/stillframe/copyright"):
        assert installed.path(path).exists(), path
    assert b"policy.yaml" in installed.run(
        "stillframe", "run", "--config.file", "/etc/stillframe/config.toml",
        "--print-config")
    installed.run("stillframe", "ps")


def test_an_upgrade_keeps_state_and_configuration(installed: Systemd,
                                                  newer: pathlib.Path) -> None:
    policy = installed.path("/etc/stillframe/policy.yaml")
    policy.write_text(policy.read_text() + "# ours\n")
    before = installed.run("systemctl", "show", "-P", "MainPID", _UNIT)
    journal = installed.run("stillframe", "events", "-o", "json")
    install(installed, newer)
    assert _state(installed) == "active"
    assert installed.run("systemctl", "show", "-P", "MainPID", _UNIT) != before
    assert policy.read_text().endswith("# ours\n")
    assert installed.run("stillframe", "events", "-o", "json").startswith(journal)
    assert installed.run("stillframe", "audit", "verify").startswith(b"ok: ")


def test_a_downgrade_keeps_state(installed: Systemd, newer: pathlib.Path,
                                 packages: dict[str, pathlib.Path]) -> None:
    install(installed, newer)
    journal = installed.run("stillframe", "events", "-o", "json")
    install(installed, packages["stillframe"])
    assert _state(installed) == "active"
    assert installed.run("stillframe", "events", "-o", "json").startswith(journal)


def test_an_upgrade_enables_nothing_that_was_disabled(installed: Systemd,
                                                      newer: pathlib.Path) -> None:
    installed.run("systemctl", "disable", _UNIT)
    install(installed, newer)
    assert b"disabled" in installed.attempt("systemctl", "is-enabled", _UNIT).stdout


def test_removed_it_keeps_its_state_and_purged_nothing(
        machine: Systemd, packages: dict[str, pathlib.Path]) -> None:
    before = _files(machine)
    install(machine, packages["stillframe"])
    machine.run("dpkg", "--remove", "stillframe")
    assert _state(machine) != "active"
    assert not machine.path("/usr/sbin/stillframe").exists()
    assert list(machine.path("/var/lib/stillframe/journal").iterdir())
    assert machine.path("/etc/stillframe/config.toml").exists()
    machine.run("dpkg", "--purge", "stillframe")
    assert _files(machine) == before
    assert "stillframe" not in _groups(machine)
