# SPDX-License-Identifier: Apache-2.0
"""A real Alertmanager that notifies nobody."""

import pathlib

from .server import Server

_CONFIG = """
route: {receiver: nobody, group_wait: 0s}
receivers: [{name: nobody}]
"""


class Alertmanager(Server):
    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        self._config = directory / "alertmanager.yml"
        self._config.write_text(_CONFIG)

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
