"""Plans of the command line and of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.models.mlp import MlpConfig
from bossline.studies.tuning.plan import open_plan

PLAN = """
about: Narrow or wide?
recipe: phoneme/simple
overrides: [epochs=3]
space:
  model.width: 8..64:log
  model.activation: [relu, gelu]
"""


def test_a_file_is_the_same_as_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "widths.yaml").write_text(PLAN)
    written = open_plan(str(tmp_path / "widths.yaml"))
    typed = open_plan(
        "phoneme/simple", ["epochs=3", "model.width=8..64:log", "model.activation=relu,gelu"]
    )
    assert (written.name, written.about) == ("widths", "Narrow or wide?")
    assert written.fingerprint == typed.fingerprint
    recipe = written.with_values({"model.width": "32", "model.activation": "gelu"})
    assert isinstance(recipe.model, MlpConfig)
    assert (recipe.epochs, recipe.model.width, recipe.model.activation) == (3, 32, "gelu")


def test_arguments_change_what_a_file_says(tmp_path: Path) -> None:
    (tmp_path / "widths.yaml").write_text(PLAN)
    name = str(tmp_path / "widths.yaml")
    plan = open_plan(name, ["epochs=5", "model.width=4..8", "model.activation=silu"])
    assert [str(dimension) for dimension in plan.space] == ["model.width=4..8"]
    recipe = plan.with_values({"model.width": "4"})
    assert isinstance(recipe.model, MlpConfig)
    assert (recipe.epochs, recipe.model.activation) == (5, "silu")
    assert plan.fingerprint != open_plan(name).fingerprint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to tune"),
        (["epochs=3"], "nothing to tune"),
        (["model.widht=1..4"], "did you mean 'model.width'"),
        (["model.dropout=0.0..1.0"], "model.dropout: input should be less than 1"),
        (["batches.frames=3..10"], "batches.frames: a window has a centre frame"),
        (["model.activation=relu,gleu"], "model.activation: input should be"),
    ],
)
def test_what_does_not_fit_the_recipe_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_plan("phoneme/simple", arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe: phoneme/simple\nspace: {}\n", "space: "),
        ("space: {model.width: 4..8}\n", "recipe: missing"),
        ("recipe: phoneme/simple\nspace: {model.width: 3}\n", r"space\.model\.width"),
        ("recipe: phoneme/simple\nspaces: {}\nspace: {a: 1..2}\n", "spaces: unknown key"),
    ],
)
def test_a_file_that_is_no_plan(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        open_plan(str(tmp_path / "plan.yaml"))
