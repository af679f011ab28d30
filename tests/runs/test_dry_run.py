"""A training that is only planned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from rich.console import Console

from bossline import api
from bossline.cli.tables.plan import plan_tables
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.recipes import Recipe
from bossline.runs.plan import Plan
from tests.lessons import RECIPES, lesson, small


def dry(recipe: str | Recipe, corpus: str | Corpus, *overrides: str) -> Plan:
    return api.dry_run(
        recipe, corpus, overrides, device="cpu", threads=1, console=Console(quiet=True)
    )


def shown(plan: Plan) -> str:
    console = Console(width=140)
    with console.capture() as captured:
        console.print(*plan_tables(plan))
    return captured.get()


@pytest.mark.parametrize("name", [name for name in RECIPES if not name.endswith("summit")])
def test_every_recipe_can_be_planned(name: str, home: Path, tmp_path: Path) -> None:
    recipe = small(name)
    taught = lesson(recipe)
    before = sorted(tmp_path.rglob("*"))
    plan = dry(recipe, taught.corpus)
    assert sorted(tmp_path.rglob("*")) == before  # nothing is left behind
    model = taught.build_model()
    assert plan.parameters == sum(p.numel() for p in model.parameters())
    if recipe.model.fitted:
        assert (plan.steps_per_epoch, plan.seconds) == (None, None)
    else:
        assert plan.steps_per_epoch == taught.steps_per_epoch
        assert plan.seconds is not None
        assert plan.seconds_per_step is not None
        least = plan.seconds_per_step * taught.steps_per_epoch * recipe.epochs
        assert least <= plan.seconds <= 2 * least
    assert plan.counts["train"] == taught.count("train")
    assert f"{plan.parameters:,}" in shown(plan)


def test_what_it_says(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = dry("phoneme/strong", "toy", "batches.size=64", "batches.frames=5")
    text = shown(plan)
    assert "layers.0" in text
    assert "1024 x 30" in text
    assert "windows of 5, batches of 64" in text
    assert "no published score for this corpus" in text
    monkeypatch.setattr("bossline.cli.tables.plan.edition_of", lambda corpus: "2023")
    assert "0.74944 (2023); boss baseline 0.83017 (2023)" in shown(plan)
    plan = dry("phoneme/simple", "toy", "split.validation=0")
    assert "none: the last epoch is kept" in shown(plan)


def test_chance_goes_on_as_if_nothing_had_been(toy: Corpus) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    dry("phoneme/simple", "toy", "batches.size=64", "model.dropout=0.5")
    assert torch.equal(torch.rand(3), expected)


def test_it_refuses_what_a_training_would(toy: Corpus) -> None:
    with pytest.raises(UserError, match="unknown key"):
        dry("phoneme/simple", "toy", "model.widht=3")
    with pytest.raises(UserError, match="holds utterances, and the recipe is for rows"):
        dry("covid/simple", "toy")
