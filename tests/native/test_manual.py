# SPDX-License-Identifier: Apache-2.0
"""The manual pages are sound, and say what the program itself says."""

import os
import pathlib
import re
import subprocess

import pytest

from harness import agent as agents
from harness.agent import REPOSITORY, command_line

MANUAL = agents.binary().parent / "man"
PAGES = sorted(page.name.removesuffix(".scd")
               for page in (REPOSITORY / "docs/man").glob("*.scd"))


def _shown(page: str) -> str:
    """As a reader sees it, and not a warning with it."""
    result = subprocess.run(
        ["man", "--warnings=all", "--no-hyphenation", "--local-file",
         str(MANUAL / page)], capture_output=True, check=True,
        env=os.environ | {"MANWIDTH": "400", "LC_ALL": "C.UTF-8",
                          "MANPAGER": "cat"})
    assert result.stderr == b""
    return re.sub(r".\x08", "", result.stdout.decode())


def _offered(*words: str) -> list[str]:
    lines = command_line("__complete", *words).stdout.decode().splitlines()
    return [line.split("\t")[0] for line in lines[1:]]


def _commands() -> list[str]:
    return [name for name in _offered("") if name not in ("help", "version")]


def test_each_command_has_a_page() -> None:
    assert set(PAGES) == {"stillframe.1", "stillframe-config.5",
                          "stillframe-policy.5"} | {
        f"stillframe-{name}.1" for name in _commands()}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_sound(page: str) -> None:
    text = _shown(page)
    assert "NAME" in text and "DESCRIPTION" in text and "SEE ALSO" in text
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning",
                           str(MANUAL / page)], capture_output=True, text=True,
                          check=False)
    # scdoc begins a paragraph more often than it has to.
    assert [line for line in lint.stdout.splitlines()
            if "skipping paragraph macro" not in line] == []


def test_each_option_is_in_its_page() -> None:
    for command in _commands():
        text = _shown(f"stillframe-{command}.1")
        inner = _offered(command, "")
        family = [name for name in inner if _offered(command, name, "--")
                  ] if command in ("policy", "audit") else []
        assert bool(family) == (command in ("policy", "audit"))
        for words in ((command,), *((command, name) for name in family)):
            offered = _offered(*words, "--")
            assert "--help" in offered
            for option in offered:
                assert re.search(rf"(^|[ ,]){re.escape(option)}\b", text,
                                 re.MULTILINE), (words, option)
            for shown in command_line("help", *words).stdout.decode(
                    ).splitlines():
                if shown.startswith("  stillframe "):
                    assert shown.strip() in text


def test_each_setting_is_in_its_page() -> None:
    text = _shown("stillframe-config.5")
    settings = command_line("run", "--print-config").stdout.decode()
    names = [line.split(" = ")[0] for line in settings.splitlines()]
    assert "journal.sync" in names
    for name in names:
        assert re.search(rf"^ +{re.escape(name)}\b", text, re.MULTILINE), name


def test_the_shown_settings_are_read(tmp_path: pathlib.Path) -> None:
    source = (REPOSITORY / "docs/man/stillframe-config.5.scd").read_text()
    file = tmp_path / "stillframe.toml"
    file.write_text(source.split("```")[1])
    printed = command_line("run", "--config.file", str(file), "--print-config")
    assert b'retention = "365d"' in printed.stdout, printed.stderr


def test_the_shown_policy_is_right(tmp_path: pathlib.Path) -> None:
    source = (REPOSITORY / "docs/man/stillframe-policy.5.scd").read_text()
    file = tmp_path / "policy.yaml"
    file.write_text(source.split("```")[1])
    checked = command_line("policy", "check", str(file))
    assert checked.stdout == b"ok: 1 rule\n", checked.stderr


def test_pages_and_completions_are_installed(tmp_path: pathlib.Path) -> None:
    subprocess.run(["cmake", "--install", str(MANUAL.parent), "--prefix",
                    str(tmp_path)], capture_output=True, check=True)
    share = tmp_path / "share"
    for page in PAGES:
        assert (share / f"man/man{page[-1]}" / page).is_file()
    for shell, file in (
            ("bash", "bash-completion/completions/stillframe"),
            ("zsh", "zsh/site-functions/_stillframe"),
            ("fish", "fish/vendor_completions.d/stillframe.fish")):
        assert (share / file).read_bytes() == command_line(
            "completion", shell).stdout
    assert (tmp_path / "sbin/stillframe").is_file()
