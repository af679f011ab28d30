"""A ladder on several folds, on small corpora."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rich.console import Console

from bossline import cli
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.evaluation.comparison import paired_difference
from bossline.runs.run import Run
from bossline.studies.folds import Folds
from bossline.studies.ladder import cross_validate, ladder
from tests.conftest import over

SMALL = ("model.width=8", "epochs=1", "batches.size=64")
QUIET = Console(quiet=True)


def validate(folds: int, *overrides: str) -> list[Folds]:
    return cross_validate(
        "phoneme", "toy", over(SMALL, *overrides), folds=folds, to="medium", device="cpu",
        threads=1, console=QUIET,
    )  # fmt: skip


def trained() -> dict[Path, int]:
    """Every run, and when it was last written."""
    return {path: path.stat().st_mtime_ns for path in Path("runs").glob("*/*/run.json")}


def test_folds_are_pooled_and_found_again(toy: Corpus) -> None:
    alone = ladder("phoneme", "toy", SMALL, to="medium", device="cpu", threads=1, console=QUIET)
    climbed = trained()
    rungs = validate(2)
    assert [rung.recipe.name for rung in rungs] == [
        f"phoneme/{rung}" for rung in ("floor", "simple", "medium")
    ]
    assert [rung.runs[0].path for rung in rungs] == [run.path for run in alone]
    two = trained()
    assert len(two) == 6
    assert climbed.items() <= two.items()

    rungs = validate(3)
    assert len(trained()) == 9
    assert two.items() <= trained().items()
    for rung in rungs:
        assert [run.recipe.split.fold for run in rung.runs] == [0, 1, 2]
        tests = [run.scores["test"] for run in rung.runs]
        pooled = rung.scores["test"]
        assert list(rung.scores) == ["test"]
        assert len(set(pooled.ids)) == len(pooled.ids) == 9
        right = sum(sum(scores.sums) for scores in tests)
        frames = sum(scores.count for scores in tests)
        assert pooled.score.value == pytest.approx(right / frames)
        assert rung.info.seconds == sum(run.info.seconds or 0 for run in rung.runs)


def test_a_cut_fold_is_resumed(toy: Corpus) -> None:
    (rung, *_) = validate(2)
    cut = rung.runs[1]
    cut.update(state="training")
    (cut.path / "scores.json").unlink()
    assert validate(2)[0].scores == rung.scores
    assert Run(cut.path).info.state == "finished"


@pytest.mark.parametrize(
    ("folds", "overrides", "message"),
    [
        (11, (), r"phoneme/floor: cannot train 11 folds: split\.test=0\.1 allows 1 to 10"),
        (6, ("split.test=0.2",), r"split\.test=0\.2 allows 1 to 5"),
        (0, (), "cannot train 0 folds"),
        (2, ("split.fold=1",), r"split\.fold=1 is one fold"),
        (2, ("split.by=corpus",), r"split\.by=corpus wants labelled parts"),
        (10, ("split.by=speaker", "split.test=0.1"), "3 speakers: too few"),
    ],
)
def test_folds_that_cannot_be_are_refused_before_training(
    toy: Corpus, folds: int, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        validate(folds, *overrides)
    assert trained() == {}


def test_the_verb_prints_what_the_folds_found(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    arguments = ["ladder", "phoneme", "-c", "toy", *SMALL, "--to", "medium", "--folds", "2"]
    monkeypatch.setattr(sys, "argv", ["bossline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    out = capsys.readouterr().out
    _, simple, medium = validate(2)
    accuracies = [rung.scores["test"].score for rung in (simple, medium)]
    for accuracy in accuracies:  # which a narrow table writes in two lines
        assert all(f"{n:.4f}" in out for n in (accuracy.value, accuracy.low, accuracy.high))
    found = paired_difference(medium.scores["test"], simple.scores["test"])
    gain = found.difference
    assert all(f"{n:+.4f}" in out for n in (gain.value, gain.low, gain.high))
    assert found.verdict.split()[0] in out
    frames = medium.scores["test"].count
    assert f"2 folds test {frames:,} frames, each once" in " ".join(out.split())
    page = Path("runs/ladder-phoneme-toy/report.html").read_text(encoding="utf-8")
    assert all(f"{accuracy.value:.4f}" in page for accuracy in accuracies)
