"""Runs are listed, expanded and removed, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.data.store import names, open_corpus, pack_path, register, remove_corpus
from bossline.runs.answers import submit
from bossline.runs.listing import list_runs, remove_run, runs_within
from bossline.runs.run import Run
from tests.data.packs import write_kind


def test_a_folder_of_runs_is_its_runs(speaker_run: Run) -> None:
    Path("runs/ladder").mkdir()
    speaker_run.path.rename("runs/ladder/a")
    assert [run.path for run in runs_within(["runs/ladder"])] == [Path("runs/ladder/a")]
    assert [run.path for run in runs_within(["runs/ladder/a"])] == [Path("runs/ladder/a")]
    with pytest.raises(UserError, match="no run in runs/x"):
        runs_within(["runs/x"])


def test_a_run_is_removed_damaged_or_not(speaker_run: Run) -> None:
    (speaker_run.path / "recipe.yaml").write_text("no recipe")
    remove_run(speaker_run.path)
    assert list_runs() == []
    assert os.listdir("runs") == []


def test_what_is_no_run_or_in_use_stays(speaker_run: Run) -> None:
    Path("runs/notes").mkdir()
    with pytest.raises(UserError, match="no run in runs/notes"):
        remove_run("runs/notes")
    with speaker_run.locked(), pytest.raises(UserError, match="in use by another process"):
        remove_run(speaker_run.path)
    assert sorted(os.listdir("runs")) == ["a", "notes"]


def test_a_corpus_is_removed_once_no_name_is_left(home: Path) -> None:
    pack = write_kind(pack_path("a" * 64), "speech")
    register("one", pack)
    register("other", pack)
    remove_corpus("one")
    assert names() == ["other"]
    assert len(open_corpus("other")) == 4
    with pytest.raises(UserError, match="no corpus 'othr': did you mean 'other'"):
        remove_corpus("othr")
    remove_corpus("other")
    assert names() == []
    assert not pack.exists()


def test_a_submission_is_a_csv_file(speaker_run: Run) -> None:
    with pytest.raises(UserError, match=r"answers\.xlsx: a submission is a \.csv file"):
        submit(speaker_run, "answers.xlsx")
    assert not Path("answers.xlsx").exists()
