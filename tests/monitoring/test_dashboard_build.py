# SPDX-License-Identifier: Apache-2.0
"""The committed dashboards are what their source makes."""

import pathlib
import shutil
import subprocess

from harness.agent import REPOSITORY
from monitor.dashboard import DASHBOARDS

SOURCE = REPOSITORY / "dashboards/src"


def _run(*command: str, cwd: pathlib.Path) -> None:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True,
                            check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def test_committed_dashboards_are_up_to_date(tmp_path: pathlib.Path) -> None:
    # A copy, so that what is installed next to the source plays no part.
    source = tmp_path / "src"
    shutil.copytree(SOURCE, source,
                    ignore=shutil.ignore_patterns("node_modules"))
    _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts",
         "--prefer-offline", cwd=source)
    built = tmp_path / "grafana"
    built.mkdir()
    _run("node", "build.js", str(built), cwd=source)
    made = {path.name: path.read_text() for path in built.iterdir()}
    committed = {path.name: path.read_text() for path in DASHBOARDS}
    assert made == committed, "run `npm ci && npm run build` in dashboards/src"


def test_lock_file_names_no_registry() -> None:
    assert "resolved" not in (SOURCE / "package-lock.json").read_text()
