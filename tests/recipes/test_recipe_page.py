"""Recipes as pages: they say what every key means, and load again."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from bossline.core.errors import UserError
from bossline.recipes import catalogue, load_recipe
from bossline.recipes.catalogue import read_yaml
from bossline.recipes.page import explained, recipe, recipe_keys
from bossline.recipes.schema import REQUIRED, key_of, kind_of, models_in, names_of
from bossline.tasks import TASKS


@pytest.mark.parametrize("name", catalogue.names())
def test_a_page_loads_again_to_the_same_recipe(name: str, tmp_path: Path) -> None:
    page = tmp_path / "own.yaml"
    settings = recipe(name, output=page)
    assert load_recipe(str(page)) == load_recipe(name)
    content = read_yaml(page)
    for setting in settings:  # what is shown is what stands in the file
        at = content
        for step in setting.key.path.split("."):
            at = at[int(step)] if isinstance(at, list) else at[step]
        assert isinstance(at, dict | list) if setting.opened else at == setting.value
    assert max(map(len, page.read_text().splitlines())) < 130


def test_a_page_of_an_own_file_with_overrides(tmp_path: Path) -> None:
    own, page = tmp_path / "own.yaml", tmp_path / "next.yaml"
    recipe("phoneme/boss", ["model.encoder.width=24"], output=own)
    recipe(str(own), ["epochs=3", "augment=null"], output=page)
    found = load_recipe(str(page))
    assert found == load_recipe("phoneme/boss", ["model.encoder.width=24", "epochs=3", "augment="])
    text = page.read_text()
    assert "epochs: 3  # integer, at least 1: passes over the training split" in text
    assert "augment: null  # spec-augment | null: in training only" in text
    assert "kind: adamw" in text or "kind: muon" in text


def test_a_page_replaces_nothing(tmp_path: Path) -> None:
    page = tmp_path / "own.yaml"
    page.write_text("mine")
    with pytest.raises(UserError, match=r"own\.yaml exists: choose another name"):
        recipe("phoneme/simple", output=page)
    assert page.read_text() == "mine"
    with pytest.raises(UserError, match=r"a recipe is a \.yaml file"):
        recipe("phoneme/simple", output=tmp_path / "own.txt")


def reachable(model: type[BaseModel]) -> set[type[BaseModel]]:
    found, waiting = set(), [model]
    while waiting:
        if (each := waiting.pop()) not in found:
            found.add(each)
            waiting += [m for f in each.model_fields.values() for m in models_in(f.annotation)]
    return found


@pytest.mark.parametrize("task", TASKS)
def test_every_key_of_every_kind_says_what_it_means(task: str) -> None:
    """So that no page has a bare key: a field has a description, a kind a docstring."""
    for model in reachable(TASKS[task].recipe):
        for name in names_of(model):
            assert key_of(model, name).meaning, f"{model.__name__}.{name}"


def test_only_the_kinds_of_the_task_are_shown() -> None:
    kinds = {s.key.path: s.key.choices for s in recipe("covid/simple")}
    assert set(kinds["model.kind"]) == {"regressor", "ridge", "multilevel"}
    assert "augment" not in kinds  # a table has none
    kinds = {s.key.path: s.key.choices for s in recipe("phoneme/strong")}
    assert {"mlp", "tagger", "lda"} <= set(kinds["model.kind"])
    assert "speaker" not in kinds["model.kind"]


def test_keys_below_a_part_are_those_of_each_kind() -> None:
    keys = recipe_keys("model.encoder", of="phoneme")
    by_kind = {(key.of, key.path.split(".")[-1]): key for key in keys}
    assert by_kind["rnn", "cell"].choices == ("rnn", "gru", "lstm")
    assert by_kind["rnn", "cell"].default == "lstm"
    assert by_kind["tdnn", "kernel"].type == "integer, at least 1"
    assert by_kind["subsample", "encoder"].default == REQUIRED
    assert set(keys.values()) == {("phoneme",)}
    # Without a task: those of all that have the key; a kind that several have stands there once.
    everywhere = recipe_keys("model.encoder")
    assert len(everywhere) == len(keys)
    assert {"phoneme", "speaker", "transcribe"} == set(next(iter(everywhere.values())))


def test_a_single_key_and_parts_without_kinds() -> None:
    (am, aam) = recipe_keys("model.head.margin", of="speaker/simple")
    assert (am.of, aam.of) == ("am-softmax", "aam-softmax")
    paths = [key.path for key in recipe_keys("augment", of="phoneme")]
    assert "augment.time_warp.frames" in paths
    assert [key.path for key in recipe_keys("model.members.0.head.scale", of="speaker")] != []


@pytest.mark.parametrize(
    ("path", "of", "message"),
    [
        ("model.encodr", None, "model.encodr: unknown key; did you mean 'model.encoder'?"),
        ("epochs.x", "food", "epochs has no keys below it"),
        ("model", "phonem", "no recipe 'phonem'"),
    ],
)
def test_an_unknown_key_is_one_clear_line(path: str, of: str | None, message: str) -> None:
    with pytest.raises(UserError) as caught:
        recipe_keys(path, of=of)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_types_in_words() -> None:
    settings = {s.key.path: s.key for s in recipe("phoneme/strong")}
    assert settings["batches.frames"].type == "integer, 1 to 1001"
    assert settings["optimiser.lr"].type == "number, above 0"
    assert settings["model.dropout"].type == "number, at least 0, below 1"
    assert settings["patience"].type == "integer, at least 1, or null"
    assert settings["batches.kind"].choices == tuple(
        map(kind_of, models_in(TASKS["phoneme"].recipe.model_fields["batches"].annotation))
    )
    assert explained(settings["model.norm"]) == "none | batch | layer: before each activation"
