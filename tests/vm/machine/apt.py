# SPDX-License-Identifier: Apache-2.0
"""Packages of any Debian suite, without touching this machine's own apt.

Which mirror, and how security suites are called on it, comes from the machine's
configuration: it may be the only one that can be reached from here. Everything
is checked against Debian's archive keys, as apt always does.
"""

import pathlib
import re
import subprocess

KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SECURITY = "-security"


class AptError(Exception):
    """A package, or an index of packages, that cannot be had."""


def _run(*command: str, cwd: pathlib.Path | None = None) -> str:
    result = subprocess.run(command, capture_output=True, text=True,
                            check=False, cwd=cwd)
    # apt-get update calls an index that it could not get a warning.
    if result.returncode != 0 or "\nE: " in "\n" + result.stderr:
        raise AptError(f"{command[0]} {command[-1]} failed:\n"
                       f"{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def mirrors() -> dict[bool, str]:
    """Where this machine gets Debian (False) and its security updates (True)."""
    listing = _run("apt-get", "indextargets", "Created-By: Packages", "--format",
                   "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)")
    found: dict[bool, str] = {}
    for line in listing.splitlines():
        origin, codename, component, uri = line.split("|")
        if origin == "Debian" and component == "main":
            found.setdefault(codename.endswith(SECURITY), uri)
    return found


class Suites:
    """A private apt that knows one or more suites and installs nothing."""

    def __init__(self, directory: pathlib.Path, suites: tuple[str, ...]) -> None:
        self._directory = directory
        if not KEYRING.exists():
            raise AptError(f"{KEYRING} is missing: "
                           "apt-get install debian-archive-keyring")
        for name in ("etc", "state/lists/partial", "cache/archives/partial"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "status").touch()
        (directory / "etc/sources.list").write_text(
            "".join(self._source(suite) for suite in suites))
        # A backport is a candidate like any other.
        (directory / "etc/preferences").write_text(
            "Package: *\nPin: release *\nPin-Priority: 500\n")
        self._options = [
            f"-oDir::Etc::preferences={directory}/etc/preferences",
            "-oDir::Etc::preferencesparts=/dev/null",
            f"-oDir::Etc::sourcelist={directory}/etc/sources.list",
            "-oDir::Etc::sourceparts=/dev/null",
            f"-oDir::State={directory}/state",
            f"-oDir::State::status={directory}/status",
            f"-oDir::Cache={directory}/cache",
            "-oAcquire::Languages=none",
            "-oAPT::Update::Error-Mode=any",
        ]

    @staticmethod
    def _source(suite: str) -> str:
        base = mirrors().get(suite.endswith(SECURITY))
        if base is None:
            raise AptError(f"apt's sources on this machine do not say where to"
                           f" get {suite} from: none of them is Debian's"
                           f" {'security' if SECURITY in suite else 'main'}"
                           " archive")
        return f"deb [signed-by={KEYRING}] {base} {suite} main\n"

    def update(self) -> None:
        _run("apt-get", *self._options, "update")

    def fields(self, package: str) -> dict[str, str]:
        """The newest version's record; continuation lines are left out."""
        text = _run("apt-cache", *self._options, "show", "--no-all-versions",
                    package)
        return dict(line.split(": ", 1) for line in text.splitlines()
                    if re.match(r"[A-Za-z0-9-]+: ", line))

    def closure(self, package: str, wanted: re.Pattern) -> dict[str, str]:
        """The package and what it needs of names that match: name to version."""
        found: dict[str, str] = {}
        open_ends = [package]
        while open_ends:
            name = open_ends.pop()
            if name in found:
                continue
            fields = self.fields(name)
            found[name] = fields["Version"]
            for dependency in re.split(r"[,|]", fields.get("Depends", "")):
                needed = dependency.split("(")[0].strip()
                if wanted.fullmatch(needed):
                    open_ends.append(needed)
        return found

    def download(self, packages: dict[str, str],
                 into: pathlib.Path) -> list[pathlib.Path]:
        into.mkdir(parents=True, exist_ok=True)
        for name, version in packages.items():
            # Else apt's own user, which cannot write there, would have to.
            _run("apt-get", *self._options, "-oAPT::Sandbox::User=root",
                 "download", f"{name}={version}", cwd=into)
        return sorted(into.glob("*.deb"))
