"""Runs side by side: which are one entry, which are refused, what differs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bossline import api, cli
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.evaluation.comparison import paired_difference
from bossline.recipes.loading import check_recipe
from bossline.studies.compare import compare
from bossline.studies.costs import costs_of
from tests.conftest import over
from tests.reports.report_fakes import FakeRun, fake_run, fake_speaker_run, unfinished_run

SMALL = ("model.width=8", "epochs=2", "batches.size=64")


def run(name: str, accuracy: float = 0.7, **changes: Any) -> FakeRun:
    """A finished run; changes are of its recipe's top-level keys."""
    made = fake_run(accuracy=accuracy)
    made.path, made.name = Path("runs") / name, name
    content = made.recipe.model_dump(mode="json") | changes
    made.recipe = check_recipe(content, where=name)
    return made


def test_runs_that_differ_in_their_seed_are_one_entry(home: Path) -> None:
    runs = [
        run("a", 0.70, seed=1),
        run("b", 0.75, seed=1, clip=1.0),
        run("c", 0.71, seed=2, about="said in other words"),
        run("d", 0.76, seed=5, clip=1.0),
    ]
    found = compare(runs)
    first, second = found.standings.entries
    assert [r.name for r in first.runs] == ["a", "c"]
    assert [r.name for r in second.runs] == ["b", "d"]
    assert (first.seeds, second.seeds) == ("1, 2", "1, 5")
    expected = paired_difference(
        [runs[k].scores["test"] for k in (1, 3)], [runs[k].scores["test"] for k in (0, 2)]
    )
    assert found.standings.comparisons == (expected,)
    assert found.keys == {"clip": ("–", "1.0")}
    assert found.costs == (None, None)  # there is no such corpus here


def test_another_reference(home: Path) -> None:
    a, b, c = run("a"), run("b", clip=1.0), run("c", clip=2.0)
    turned = compare([a, b, c]).standings
    assert turned.reference.runs == (a,)
    kept = {"a": a, "b": b, "c": c}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bossline.studies.compare.Run.of", lambda r: kept.get(str(r), r))
        for others in ([a, b, c], [a, c]):
            standings = compare(others, reference="b").standings
            assert standings.reference.runs == (b,)
            assert [entry.runs for entry in standings.others] == [(a,), (c,)]


def test_other_content_of_the_corpus_is_another_entry(home: Path) -> None:
    a, b = run("a"), run("b")
    b.info = b.info.model_copy(update={"corpus_key": "0" * 12})
    assert compare([a, b]).keys == {"corpus": ("libriphone (3f0c9a1b)", "libriphone (00000000)")}


def test_keys_of_another_kind(home: Path) -> None:
    averaged = run("b", averaging={"kind": "ema"}, model={"kind": "mlp", "width": 8})
    keys = compare([run("a"), averaged]).keys
    assert keys["averaging.kind"] == ("–", "ema")
    assert keys["averaging.decay"] == ("–", "0.999")
    assert keys["model.width"] == ("1024", "8")
    assert "optimiser.lr" not in keys


def others() -> dict[str, FakeRun]:
    utterances = run("utterances")
    test = utterances.scores["test"]
    utterances.scores["test"] = test.model_copy(
        update={"ids": tuple(f"x{name}" for name in test.ids)}
    )
    classes = run("classes")
    classes.info = classes.info.model_copy(update={"classes": ("a", "b")})
    return {
        "is not finished: go on with bossline train --resume": unfinished_run(),
        "is of the task speaker, runs/a of phoneme": fake_speaker_run(),
        "were scored on other test utterances": utterances,
        "tell other classes apart": classes,
        "are the same training, seed 1: give one of them": run("again"),
        "nothing to compare: give runs of two recipes": run("other-seed", seed=2),
    }


@pytest.mark.parametrize("message", list(others()))
def test_what_cannot_be_compared_is_refused(home: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        compare([run("a"), others()[message]])
    assert "\n" not in str(refused.value)


def test_from_trained_runs_to_a_page(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, changes in {"a": (), "b": ("seed=2",), "c": ("optimiser.lr=1e-2",)}.items():
        api.train(
            "phoneme/simple", "toy", over(SMALL, *changes), run=f"runs/{name}", device="cpu",
            threads=1, console=Console(quiet=True),
        )  # fmt: skip
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(
        sys, "argv", ["bossline", "compare", "runs/a", "runs/b", "runs/c", "-o", "page.html"]
    )
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    out = capsys.readouterr().out
    found = compare(["runs/a", "runs/b", "runs/c"])
    first, second = found.standings.entries
    assert [r.name for r in first.runs] == ["a", "b"]
    assert str(first.score) in out
    assert str(second.score) in out
    assert "seeds 1, 2" in out
    assert "optimiser.lr" in out
    assert found.standings.comparisons[0].verdict in out
    assert found.costs[0] == costs_of(first.runs[0])
    page = Path("page.html").read_text(encoding="utf-8")
    for number in (first.score.value, first.score.low, first.score.high):
        assert f"{number:.4f}" in page
    assert "bossline compare runs/a runs/b runs/c" in page
    assert page.count("<figure") == 4  # differences, curves, learning rate, costs
