# SPDX-License-Identifier: Apache-2.0
"""Users of the host whose containers may have ids of their own."""

import pathlib
import pwd
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .waiting import patience


def _existing() -> str | None:
    def owners(file: str) -> list[str]:
        path = pathlib.Path(file)
        return [line.split(":")[0] for line in path.read_text().splitlines()
                ] if path.exists() else []

    users = {entry.pw_name for entry in pwd.getpwall()}
    both = users.intersection(owners("/etc/subuid"), owners("/etc/subgid"))
    return min(both, default=None)


@contextmanager
def subordinate_user() -> Iterator[str]:
    """One that there is, or one that is made for as long as it is needed."""
    name = _existing()
    if name is not None:
        yield name
        return
    name = f"sf{uuid.uuid4().hex[:8]}"
    # Where these are there, useradd gives ids to users who are no system's.
    for file in ("/etc/subuid", "/etc/subgid"):
        pathlib.Path(file).touch()
    _run("useradd", "--create-home", "--shell", "/bin/sh", name)
    try:
        if _existing() is None:
            pytest.skip("no user has subordinate ids")
        yield name
    finally:
        # What keeps namespaces open for podman outlives it.
        subprocess.run(["pkill", "--signal", "KILL", "--uid", name],
                       check=False, timeout=patience(60))
        _run("userdel", "--force", "--remove", name)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True,
                   timeout=patience(60))
