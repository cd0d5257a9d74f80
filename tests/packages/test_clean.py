# SPDX-License-Identifier: Apache-2.0
"""On a Debian that has nothing else: what the package depends on is all that it needs."""

import pathlib
import platform
import subprocess

import pytest

from harness.waiting import patience
from machine.apt import mirrors


@pytest.fixture(scope="module")
def said(packages: dict[str, pathlib.Path]) -> str:
    """By the package manager and the program, in a root of this machine's release."""
    package = packages["stillframe"]
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]

    def hook(command: str) -> str:
        return f"--customize-hook={command}"

    def there(command: str) -> str:
        return hook(f'chroot "$1" sh -c \'{command}\' >&2')

    result = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=apt", "--format=null",
         hook(f"upload {package} /root/{package.name}"),
         there("apt-get install -qq -y --no-install-recommends "
               f"/root/{package.name} && stillframe --version && "
               "stillframe run --config.file /etc/stillframe/config.toml "
               "--print-config && getent group stillframe && "
               "stillframe policy check /etc/stillframe/policy.yaml"),
         there("apt-get purge -qq -y stillframe && "
               "find /etc /usr /var/lib /run -name \"*stillframe*\" | sed s/^/left:/"),
         suite, "/dev/null", mirrors()[False]],
        capture_output=True, text=True, timeout=patience(600), check=False)
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stderr


def test_what_it_depends_on_is_enough(said: str) -> None:
    assert "stillframe 0." in said
    assert 'policy = "/etc/stillframe/policy.yaml"' in said


def test_nothing_is_left_of_it(said: str) -> None:
    # What apt downloaded or was given is not of the package.
    assert [line for line in said.splitlines() if line.startswith("left:")] == []
