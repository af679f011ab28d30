"""Runs that are found again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.studies import kept
from bossline.studies.kept import is_finished, reach, run_name, run_path

SMALL = load_recipe("phoneme/simple", ["model.width=8", "epochs=1", "batches.size=64"])
STUDY = Path("runs/study")


def reached() -> Run:
    return reach(SMALL, "toy", STUDY, device="cpu", threads=1, console=Console(quiet=True))


def test_recipe_seed_and_corpus_name_a_run() -> None:
    other = SMALL.model_copy(update={"seed": 2})
    names = {run_name(SMALL, "a"), run_name(other, "a"), run_name(SMALL, "b")}
    assert len(names) == 3
    digest = hashlib.sha256((SMALL.model_dump_json() + "a").encode()).hexdigest()
    assert run_name(SMALL, "a") == f"simple-{digest[:8]}"


def test_a_finished_run_is_found_without_training(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = reached()
    assert run.path == run_path(SMALL, "toy", STUDY)
    assert is_finished(run.path, SMALL)
    for verb in ("train", "resume"):
        monkeypatch.setattr(kept, verb, None)
    assert reached().scores == run.scores


def test_a_folder_that_a_kill_left_half_made_is_made_anew(toy: Corpus) -> None:
    path = run_path(SMALL, "toy", STUDY)
    path.mkdir(parents=True)
    (path / "run.json").write_text("{}")
    assert not is_finished(path, SMALL)
    assert is_finished(reached().path, SMALL)


def test_a_run_that_another_process_makes_is_left_alone(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "PATIENCE_SECONDS", 0.1)
    path = run_path(SMALL, "toy", STUDY)
    STUDY.mkdir(parents=True)
    with (
        FileLock(STUDY / f".{path.name}.lock"),
        pytest.raises(UserError, match="in use by another process"),
    ):
        reached()
    assert not path.exists()


def test_a_run_of_another_recipe_in_its_place_is_named(toy: Corpus) -> None:
    path = run_path(SMALL, "toy", STUDY)
    other = SMALL.model_copy(update={"seed": 2})
    reach(other, "toy", STUDY, device="cpu", threads=1, console=Console(quiet=True)).path.rename(
        path
    )
    with pytest.raises(UserError, match=f"{path} holds a run of another recipe .* of seed 2"):
        reached()


def test_a_folder_of_something_else_in_its_place_is_left_alone(toy: Corpus) -> None:
    path = run_path(SMALL, "toy", STUDY)
    path.mkdir(parents=True)
    (path / "thesis.tex").write_text("dear")
    with pytest.raises(UserError, match=f"{path} exists"):
        reached()
    assert (path / "thesis.tex").read_text() == "dear"


@pytest.mark.parametrize("name", ["run.json", "recipe.yaml", "scores.json"])
def test_a_damaged_run_is_named_and_not_trained_again(toy: Corpus, name: str) -> None:
    run = reached()
    (run.path / name).write_text("[]")
    with pytest.raises(UserError, match=name):
        reached().scores  # noqa: B018
    assert run.best_weights.exists()


def test_a_finished_run_without_scores_says_how_to_get_them(toy: Corpus) -> None:
    run = reached()
    (run.path / "scores.json").unlink()
    with pytest.raises(
        UserError, match=f"scores.json is damaged: it is missing; .*evaluate {run.path}"
    ):
        reached().scores  # noqa: B018
