# SPDX-License-Identifier: Apache-2.0
"""The program as it was linked: what makes a fault in it harder to use."""

import re
import subprocess

import pytest

from harness.agent import binary


@pytest.fixture(scope="module")
def elf() -> str:
    """Headers, dynamic section, notes and the dynamic symbols."""
    return subprocess.run(
        ["readelf", "--wide", "--file-header", "--segments", "--dynamic", "--notes",
         "--dyn-syms", str(binary())],
        capture_output=True, text=True, check=True).stdout


def test_it_lies_at_another_address_at_each_start(elf: str) -> None:
    assert re.search(r"^\s*Type:\s+DYN ", elf, re.M)
    assert re.search(r"\(FLAGS_1\).*\bPIE\b", elf)


def test_tables_of_addresses_are_read_only(elf: str) -> None:
    assert re.search(r"^\s*GNU_RELRO ", elf, re.M)
    assert re.search(r"\(FLAGS_1\).*\bNOW\b", elf)


def test_no_memory_is_written_and_run(elf: str) -> None:
    segments = re.findall(r"^\s*(LOAD|GNU_STACK)\s+(?:0x\w+\s+){5}([RWE ]{3})", elf,
                          re.M)
    assert {kind for kind, _ in segments} == {"LOAD", "GNU_STACK"}
    for kind, flags in segments:
        assert not ("W" in flags and "E" in flags), (kind, flags)
        assert kind != "GNU_STACK" or "E" not in flags


def test_stacks_are_guarded(elf: str) -> None:
    assert "__stack_chk_fail@" in elf


def test_sizes_are_checked(elf: str) -> None:
    checked = set(re.findall(r"\b(__\w+_chk)@", elf))
    assert checked - {"__stack_chk_fail"}, "no function with a check of its size"
