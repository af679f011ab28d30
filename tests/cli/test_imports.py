"""What needs no torch does not wait for it; what torch asks when it is loaded is set by then."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from bossline import cli
from tests.conftest import write_toy

CHILD = """
import sys
import bossline.cli

for words in {lines!r}:
    sys.argv = ["bossline", *words]
    try:
        bossline.cli.main()
    except SystemExit as stop:
        assert stop.code in {codes!r}, (words, stop.code)
    assert "torch" not in sys.modules, words
"""


def in_a_process(lines: Sequence[Sequence[str]], *codes: int | None) -> str:
    child = CHILD.format(lines=lines, codes=codes)
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_needs_no_torch() -> None:
    verbs = [
        command.name or command.callback.__name__
        for part in (cli.data, cli.training, cli.studies, cli.voices, cli.alignments)
        for command in part.app.registered_commands
    ]
    assert len(verbs) > 20
    out = in_a_process([["--help"], ["--version"], *([verb, "--help"] for verb in verbs)], None, 0)
    assert "bossline diagnose" in out


@pytest.mark.usefixtures("home")
def test_what_there_is_needs_no_torch() -> None:
    write_toy("0" * 64)
    out = in_a_process([["tasks"], ["corpus"], ["corpus", "toy"]], None, 0)
    assert "phoneme/strong" in out
    assert "34 utterances" in out


def test_what_is_misspelt_needs_no_torch() -> None:
    in_a_process(
        [
            ["train", "phoneme/strnog", "-c", "toy"],
            ["ladder", "phonem", "-c", "toy"],
            ["recipe", "phoneme/strnog"],
            ["corpus", "nowhere"],
            ["tasks", "too", "much"],
        ],
        2,
    )


def test_names_of_recipes_are_imported_when_used() -> None:
    code = "import sys, bossline.recipes as r; assert 'torch' not in sys.modules; r.load_recipe"
    subprocess.run([sys.executable, "-c", code + "('phoneme/simple'); r.Recipe"], check=True)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({}, "10000 None"),
        ({"GOMP_SPINCOUNT": "5"}, "5 None"),
        ({"OMP_WAIT_POLICY": "active"}, "None active"),
    ],
)
def test_threads_wait_for_a_short_while_unless_somebody_chose(
    chosen: dict[str, str], found: str
) -> None:
    code = """
import os, sys
import bossline.cli

sys.argv = ["bossline", "--version"]
try:
    bossline.cli.main()
except SystemExit:
    assert "torch" not in sys.modules
    print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("OMP_WAIT_POLICY"))
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | chosen, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == found


def test_answers_need_no_pictures() -> None:
    needed = "bossline.api, bossline.cli, bossline.runs.loaded, bossline.runs.pictured"
    code = f"import sys, {needed}; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
