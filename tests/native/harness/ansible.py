# SPDX-License-Identifier: Apache-2.0
"""Playbooks of Debian's own Ansible, on containers of podman's."""

import json
import os
import pathlib
import subprocess

from .podman import Container
from .waiting import patience

# How the connection of containers.podman works: it enters, and copies.
CONNECTION = '''
import subprocess
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: entered
short_description: podman exec and podman cp
description: as containers.podman.podman has it
options: {}
"""


class Connection(ConnectionBase):
    transport = "entered"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def _run(self, *command, data=None):
        done = subprocess.run(["podman", *command], input=data,
                              capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def exec_command(self, cmd, in_data=None, sudoable=True):
        return self._run("exec", "-i", self._play_context.remote_addr,
                         "/bin/sh", "-c", cmd, data=in_data)

    def put_file(self, source, to):
        self._run("cp", source, f"{self._play_context.remote_addr}:{to}")

    def fetch_file(self, source, to):
        self._run("cp", f"{self._play_context.remote_addr}:{source}", to)

    def close(self):
        self._connected = False
'''


def play(container: Container, directory: pathlib.Path, tasks: list[dict],
         **more) -> None:
    """Each task must change something or say that its failure does not count."""
    plugins = directory / "connection_plugins"
    plugins.mkdir()
    (plugins / "entered.py").write_text(CONNECTION)
    # JSON is YAML.
    (directory / "play.yml").write_text(json.dumps(
        [{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    changes = sum(not task.get("ignore_errors") for task in tasks)
    played = subprocess.run(
        ["ansible-playbook", "-i", f"{container.name},", "-c", "entered",
         "play.yml"],
        cwd=directory, capture_output=True, timeout=patience(180), check=False,
        env=os.environ | {"ANSIBLE_CONNECTION_PLUGINS": str(plugins)}, **more)
    assert f"changed={changes}".encode() in played.stdout, \
        played.stdout + played.stderr
