# SPDX-License-Identifier: Apache-2.0
"""Debian's package manager on a machine of the tests."""

import pathlib

from harness.systemd import Systemd


def install(machine: Systemd, package: pathlib.Path) -> None:
    """Or upgrade, or downgrade to it."""
    place = f"/root/{package.name}"
    machine.path(place).write_bytes(package.read_bytes())
    # As for who keeps this machine's services from being started by packages.
    machine.path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
    # What takes most of the time of it, and is none of ours.
    machine.path("/var/lib/man-db/auto-update").unlink(missing_ok=True)
    machine.run("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "-i", place)
    machine.path(place).unlink()


def purge(machine: Systemd) -> None:
    machine.run("dpkg", "--purge", "stillframe")
