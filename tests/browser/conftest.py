# SPDX-License-Identifier: Apache-2.0
"""Draws all dashboards once, and lets the tests look at what came out."""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from harness.agent import REPOSITORY
from monitor.dashboard import DASHBOARDS
from town import NAMES, Town

HERE = pathlib.Path(__file__).parent
BUILD = REPOSITORY / "build/browser"
PICTURES = REPOSITORY / "build/pictures"
BEFORE_SECONDS = 2
WIDTHS = (1280, 1920)


@dataclasses.dataclass(frozen=True)
class Drawing:
    dashboard: str
    time: str
    theme: str
    width: int

    def __str__(self) -> str:
        return f"{self.dashboard}-{self.time}-{self.theme}-{self.width}"


DRAWINGS = [Drawing(path.stem, time, theme, width)
            for path in DASHBOARDS for time in ("calm", "busy")
            for theme in ("light", "dark") for width in WIDTHS]


def _node(*command: str, **more) -> str:
    result = subprocess.run(command, cwd=BUILD, capture_output=True, text=True,
                            check=False, timeout=600, **more)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _built_page() -> pathlib.Path:
    """Grafana's components and the page, as one file; 600 MB to make it of."""
    BUILD.mkdir(parents=True, exist_ok=True)
    installed = BUILD / "installed.json"
    lock = (HERE / "package-lock.json").read_text()
    for name in ("package.json", "package-lock.json", "build.js", "draw.js"):
        shutil.copy(HERE / name, BUILD)
    shutil.copytree(HERE / "page", BUILD / "page", dirs_exist_ok=True)
    if not installed.exists() or installed.read_text() != lock:
        _node("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts",
              "--prefer-offline")
        installed.write_text(lock)
    site = BUILD / "site"
    site.mkdir(exist_ok=True)
    _node("node", "build.js", str(site))
    return site


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    if os.geteuid() != 0:
        pytest.fail("the real agent needs root")
    with Town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture(scope="session")
def results(town: Town) -> dict[Drawing, dict]:
    with concurrent.futures.ThreadPoolExecutor(1) as aside:
        page = aside.submit(_built_page)
        town.be_calm()
        town.be_busy()
        site = page.result()
    PICTURES.mkdir(parents=True, exist_ok=True)
    ends = {"calm": town.calm, "busy": town.busy}
    tasks = [{
        "dashboard": drawing.dashboard, "theme": drawing.theme,
        "width": drawing.width,
        "from": int(town.began - BEFORE_SECONDS), "to": int(ends[drawing.time]),
        # Others' containers may run on this machine, too.
        "variables": {"workload": [town.name(of) for of in NAMES]} | (
            {"container": [town.metric_id("shop-web")]}
            if drawing.dashboard == "container" else {}),
        "picture": str(PICTURES / f"{drawing}.png"),
    } for drawing in DRAWINGS]
    answer = _node("node", "draw.js", input=json.dumps({
        "chromium": shutil.which("chromium"), "page": str(site),
        "dashboards": str(DASHBOARDS[0].parent), "scrape": 1,
        "prometheus": town.prometheus.url, "drawings": tasks,
    }))
    return dict(zip(DRAWINGS, json.loads(answer), strict=True))
