"""Recipes without, or with, one part at a time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rich.console import Console

from bossline import api, cli
from bossline.augmentation.spec_augment import SpecAugment
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.evaluation.comparison import holm_adjusted, paired_difference
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.studies.ablate import Ablation, ablate, ablation_folder
from bossline.studies.standings import Standings
from bossline.training.schedules import ConstantConfig

RECIPE = """
task: phoneme
epochs: 2
batches: {kind: windows, frames: 3, size: 64}
model: {kind: mlp, depth: 1, width: 8, dropout: 0.4}
optimiser: {kind: adam, lr: 2.0e-2}
schedule: {kind: one-cycle}
clip: 1.0
smoothing: {kind: median}
"""


@pytest.fixture
def small(toy: Corpus) -> str:
    Path("small.yaml").write_text(RECIPE)
    return "small.yaml"


def ablated(ablation: Ablation, seeds: int = 1) -> Standings:
    return ablate(
        ablation, "toy", seeds=seeds, device="cpu", threads=1, console=Console(quiet=True)
    )


def trained() -> dict[Path, int]:
    """Every run, and when it was last written."""
    return {path: path.stat().st_mtime_ns for path in Path("runs").glob("*/*/run.json")}


def test_parts_go_back_to_the_defaults_of_the_schema() -> None:
    parts = [
        "augment", "augment.time_masks", "augment.time_masks.width", "averaging", "smoothing",
        "model.dropout", "model.encoder.dropout", "schedule", "clip",
    ]  # fmt: skip
    ablation = Ablation.of("phoneme/boss", parts)
    full = load_recipe("phoneme/boss")
    assert ablation.recipe == full
    assert [variant.name for variant in ablation.variants] == [
        *(f"without {part}" for part in parts), "without all"
    ]  # fmt: skip
    assert (
        len({variant.recipe.name for variant in ablation.variants} | {full.name}) == len(parts) + 2
    )
    found = {variant.name.removeprefix("without "): variant.recipe for variant in ablation.variants}
    for part, recipe in found.items():
        same = full.model_dump(exclude={"name", part.split(".")[0]})
        if part != "all":
            assert recipe.model_dump(exclude={"name", part.split(".")[0]}) == same
    assert found["augment"].augment is None
    masks = found["augment.time_masks"].augment
    assert isinstance(masks, SpecAugment)
    assert isinstance(full.augment, SpecAugment)
    assert (masks.time_warp, masks.time_masks) == (full.augment.time_warp, None)
    assert found["schedule"].schedule == ConstantConfig()
    assert found["model.dropout"].model.model_dump()["dropout"] == 0
    everything = found["all"]
    assert (everything.augment, everything.averaging, everything.clip) == (None, None, None)
    assert everything.optimiser == full.optimiser


@pytest.mark.parametrize(
    ("parts", "add", "message"),
    [
        (["augmnt"], False, "no part 'augmnt' in phoneme/boss: did you mean 'augment'?"),
        (["augment.time_mask"], False, "did you mean 'augment.time_masks'?"),
        (["clip.norm"], False, "no part 'clip.norm'"),
        (["augment.frequency_masks"], False, "augment.frequency_masks is already off"),
        (["augment.frequency_masks.width"], False, "augment.frequency_masks is already off"),
        (["objective.label_smoothing"], False, "objective.label_smoothing is already off"),
        (["model"], False, "model cannot be removed from phoneme/boss"),
        (["optimiser"], False, "optimiser cannot be removed"),
        (["optimiser.lr"], False, "optimiser.lr cannot be removed .*: it has no default"),
        (["model.encoder"], False, "model.encoder cannot be removed"),
        (["schedule.kind"], False, "schedule.kind cannot be removed"),
        (["split.test"], False, "split.test cannot be removed"),
        (["seed"], False, "seed cannot be removed"),
        (["clip", "clip"], False, "clip is given twice"),
        (["clip=1", "clip=2"], True, "clip is given twice"),
        (["clip=1"], True, "clip=1 is already so in phoneme/boss"),
        (["clp=1"], True, "did you mean 'clip'?"),
        (["clip"], True, r"expected key\.path=value"),
        (["seed=2"], True, "seed is no part to add"),
    ],
)
def test_a_wrong_part_is_one_clear_line(parts: list[str], add: bool, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        Ablation.of("phoneme/boss", parts, add=add)
    assert "\n" not in str(refused.value)


def test_every_cell_is_trained_once_and_smoothing_never(small: str) -> None:
    standings = ablated(Ablation.of(small, ["model.dropout", "smoothing"]), seeds=2)
    assert [entry.name for entry in standings.entries] == [
        "small", "without model.dropout", "without smoothing", "without all"
    ]  # fmt: skip
    full, plain, unsmoothed, nothing = standings.entries
    runs = trained()
    assert len(runs) == 6  # three variants of two seeds
    assert unsmoothed.runs == full.runs
    assert unsmoothed.scores == tuple(r.scores["test, unsmoothed"] for r in full.runs)
    assert all(run.recipe.smoothing is None for run in nothing.runs)
    assert [run.recipe.seed for run in plain.runs] == [1, 2]
    found = [paired_difference(entry.scores, full.scores) for entry in standings.others]
    assert list(standings.comparisons) == holm_adjusted(found)

    again = ablated(Ablation.of(small, ["model.dropout", "smoothing"]), seeds=2)
    assert again.comparisons == standings.comparisons
    assert trained() == runs
    ablated(Ablation.of(small, ["model.dropout", "clip"]))
    assert len(trained()) == 8  # without clip, and without these two
    assert runs.items() <= trained().items()


def test_added_smoothing_scores_the_same_runs_again(small: str) -> None:
    Path("small.yaml").write_text(RECIPE.replace("smoothing: {kind: median}\n", ""))
    parts = ["smoothing.kind=median", "objective.label_smoothing=0.1"]
    standings = ablated(Ablation.of(small, parts, add=True))
    plain, smoothed, softened, both = standings.entries
    assert [entry.name for entry in standings.others] == [*(f"with {p}" for p in parts), "with all"]
    assert len(trained()) == 3
    assert smoothed.runs == plain.runs
    expected = api.evaluate(plain.runs[0], smoothing="median", device="cpu")["test"]
    assert smoothed.scores == (expected,)
    assert softened.runs[0].recipe.objective.label_smoothing == 0.1
    assert both.runs[0].recipe.smoothing is not None
    assert both.runs[0].recipe.objective.label_smoothing == 0.1


def test_the_verb_writes_a_page(
    small: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    arguments = ["ablate", small, "clip", "smoothing", "-c", "toy", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["bossline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    out = capsys.readouterr().out
    standings = ablated(Ablation.of(small, ["clip", "smoothing"]))
    assert all(str(entry.score) in out for entry in standings.entries)
    for comparison in standings.comparisons:
        d = comparison.difference
        assert f"{d.value:+.4f} [{d.low:+.4f}, {d.high:+.4f}]" in out
    folder = ablation_folder(load_recipe(small), "toy")
    assert folder == Path("runs/ablate-small-toy")
    assert all(run.path.parent == folder for entry in standings.entries for run in entry.runs)
    page = (folder / "removed.html").read_text(encoding="utf-8")
    assert all(f"{entry.score.value:.4f}" in page for entry in standings.entries)
    assert "bossline ablate small.yaml clip smoothing --corpus toy" in page
    assert Run(folder / standings.reference.runs[0].name).info.state == "finished"
