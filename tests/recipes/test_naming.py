"""A recipe that was changed says so, and does not speak with its rung's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossline.recipes import catalogue, load_recipe
from bossline.recipes.naming import changes, full_name, sentence


@pytest.mark.parametrize("name", catalogue.names())
def test_a_rung_as_it_is_has_its_name_and_its_sentence(name: str) -> None:
    recipe = load_recipe(name)
    assert full_name(recipe) == name
    assert sentence(recipe) == recipe.about != ""


def test_what_was_changed_stands_in_the_name() -> None:
    recipe = load_recipe("phoneme/strong", ["model.depth=2", "batches.frames=21"])
    assert full_name(recipe) == "phoneme/strong (batches.frames=21, model.depth=2)"
    assert sentence(recipe) == ""


@pytest.mark.parametrize(
    "overrides",
    [
        ["schedule={kind: cosine}"],
        ["clip=null", "optimiser.lr=1e-5"],
        ["model.norm=none", "model.activation=tanh"],
        ["split.fold=2", "seed=9"],
    ],
)
def test_changes_make_the_recipe_again(overrides: list[str]) -> None:
    recipe = load_recipe("phoneme/strong", overrides)
    assert load_recipe("phoneme/strong", list(changes(recipe).values())) == recipe


def test_many_changes_are_counted() -> None:
    keys = ["epochs=1", "seed=2", "clip=1", "patience=1", "model.depth=1", "model.width=8"]
    name = full_name(load_recipe("phoneme/strong", keys))
    assert name.endswith(", 2 more)")
    assert name.count("=") == 4


def test_a_seed_changes_the_name_but_not_what_is_said_of_it() -> None:
    recipe = load_recipe("phoneme/strong", ["seed=2"])
    assert full_name(recipe) == "phoneme/strong (seed=2)"
    assert full_name(recipe, without=("seed",)) == "phoneme/strong"
    assert sentence(recipe) == recipe.about


def test_a_file_made_from_a_rung(tmp_path: Path) -> None:
    text = catalogue.find("phoneme/medium").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("epochs: ", "epochs: 1"), encoding="utf-8")
    mine = load_recipe(str(path))
    assert full_name(mine) == "mine"
    assert sentence(mine) == ""
    own = mine.model_copy(update={"about": "Of my own."})
    assert sentence(own) == "Of my own."
    named = mine.model_copy(update={"name": "phoneme/medium"})
    assert full_name(named).startswith("phoneme/medium (epochs=")
