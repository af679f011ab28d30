"""Study files: those that come with bossline, and those that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.recipes import catalogue, load_recipe
from bossline.studies.study import open_study


@pytest.mark.parametrize("name", catalogue.studies())
def test_every_ready_study_holds_valid_recipes(name: str) -> None:
    study = open_study(name)
    assert study.about
    assert len(study.cells) == len(study.recipes) >= 2
    fitted = all(recipe.model.fitted for recipe in study.recipes)  # it draws nothing
    assert len(study.seeds) == 1 if fitted else len(study.seeds) >= 3
    text = (catalogue.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith(f"# bossline sweep {name} --corpus ")


def test_studies_are_there_and_are_no_task() -> None:
    wanted = (
        "batch-norm batch-size ctc-weight depth-width dropout guided-attention optimisers "
        "polynomials positions scheduled-sampling schedulers speaker-hints window"
    ).split()
    assert catalogue.studies() == [f"studies/{name}" for name in wanted]
    assert catalogue.STUDIES not in catalogue.tasks()
    assert not set(catalogue.names()) & set(catalogue.studies())


def test_the_schedulers_are_those_of_the_course() -> None:
    study = open_study("studies/schedulers")
    recipes = dict(zip([cell.name for cell in study.cells], study.recipes, strict=True))
    assert len(recipes) == 10
    for rate in ("5e-4", "2.5e-4"):
        for kind in ("cosine", "restarts"):
            recipe = recipes[f"{kind} 10, {rate}"]
            assert recipe.optimiser is not None
            schedule = recipe.schedule.model_dump()
            assert schedule["floor"] * recipe.optimiser.lr == pytest.approx(1e-7)
            assert (schedule["period"], schedule["unit"]) == (10, "epoch")
        plateau = recipes[f"plateau, {rate}"].schedule.model_dump()
        assert (plateau["gamma"], plateau["patience"], plateau["threshold"]) == (0.8, 10, 1e-3)


def test_deep_and_shallow_have_about_equal_parameters() -> None:
    counts = [
        sum(p.numel() for p in recipe.model.build(11 * 39, 41).parameters())
        for recipe in open_study("studies/depth-width").recipes
    ]
    assert counts[0] == pytest.approx(counts[1], rel=0.02)


def test_a_file_says_what_the_command_line_says(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "about: own\nrecipe: phoneme/simple\noverrides: [epochs=1, seed=5]\n"
        "axes: {model.width: [8, 16], batches.frames: '3..5:2'}\nseeds: 2\n"
        "reference: width=16, frames=3\n"
    )
    study = open_study(str(path), ["batches.size=64"])
    same = open_study(
        "phoneme/simple",
        ["epochs=1", "seed=5", "batches.size=64", "model.width=8,16", "batches.frames=3..5:2"],
        seeds=2,
    )
    assert study.recipes == same.recipes
    assert study.cells == same.cells
    assert study.axes == same.axes
    assert study.seeds == same.seeds == (5, 6)
    assert (study.reference, same.reference) == (2, 0)
    assert study.seeded(3, 6) == load_recipe(
        "phoneme/simple",
        ["epochs=1", "seed=6", "batches.size=64", "model.width=16", "batches.frames=5"],
    )


GOOD = "recipe: phoneme/simple\ncells: {a: [epochs=1], b: [epochs=2]}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe: phoneme/simple\n", "own.yaml: expected either axes or cells"),
        (GOOD + "axes: {epochs: [1, 2]}\n", "own.yaml: expected either axes or cells"),
        (GOOD + "sedes: 3\n", "own.yaml: sedes: unknown key; did you mean 'seeds'?"),
        (GOOD + "seeds: 0\n", "own.yaml: seeds: input should be greater than or equal to 1, not 0"),
        (GOOD + "reference: c\n", "no cell 'c': known: a, b"),
        ("recipe: phoneme/simpel\ncells: {a: []}\n", "did you mean 'phoneme/simple'?"),
        ("recipe: phoneme/simple\ncells: {a: [epochs=0]}\n", "cell a: recipe phoneme/simple: "),
        ("recipe: phoneme/simple\ncells: {a: [seed=2]}\n", "cell a: every cell gets the same"),
        ("recipe: phoneme/simple\ncells: {a: [], b: []}\n", "'a' and 'b' are the same recipe"),
        ("recipe: phoneme/simple\ncells: {a: epochs=1}\n", "cells.a: input should be a valid"),
        ("recipe: phoneme/simple\naxes: {epochs: 3}\n", "'axes.epochs': expected a list"),
        ("recipe: phoneme/simple\naxes: {epochs: [3]}\n", "an axis wants at least two values"),
        ("recipe: phoneme/simple\naxes: {epochs: [3, 3]}\n", "a value is given twice"),
        (
            "recipe: phoneme/simple\naxes: {split.seed: [3, 4]}\n",
            "cells of other tasks or splits cannot be compared",
        ),
        ("recipe: [\n", "own.yaml: not valid YAML"),
    ],
)
def test_a_wrong_study_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        open_study(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("studies/scheduler", [], "did you mean 'studies/schedulers'?"),
        ("phoneme/simpel", ["epochs=1,2"], "did you mean 'phoneme/simple'?"),
        ("phoneme/simple", ["epochs=1"], "nothing to sweep"),
        ("studies/dropout", ["epochs=1,2"], "give epochs one value"),
        ("studies/dropout", ["model.dropout=0.1"], "model.dropout is what its cells set"),
        ("studies/dropout", ["model={kind: mlp}"], "model is what its cells set"),
        ("studies/schedulers", ["schedule.kind=step"], "schedule.kind is what its cells set"),
        ("phoneme/simple", ["batches.frames=3..6"], "cell frames=4: recipe phoneme/simple: "),
    ],
)
def test_a_wrong_command_is_one_clear_line(name: str, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        open_study(name, arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
