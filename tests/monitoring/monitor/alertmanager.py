# SPDX-License-Identifier: Apache-2.0
"""A real Alertmanager, configured as the documentation has it, which notifies
nobody: its receivers have no addresses yet."""

import pathlib
import re

from harness.agent import REPOSITORY

from .server import Server


def _documented() -> str:
    text = (REPOSITORY / "docs/alerts.md").read_text()
    config, = re.findall(r"```yaml\n(route:.*?)```", text, re.DOTALL)
    return config


class Alertmanager(Server):
    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self._config = directory / "alertmanager.yml"
        self._config.write_text(_documented())

    def command(self) -> list[str]:
        return [
            "prometheus-alertmanager",
            f"--config.file={self._config}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]

    def alerts(self) -> list[dict]:
        return self.get("/api/v2/alerts")
