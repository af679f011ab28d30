from __future__ import annotations

from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.models.mlp import MlpConfig
from bossline.recipes import catalogue, load_recipe
from bossline.recipes.loading import check_recipe, save_recipe


@pytest.mark.parametrize("name", catalogue.names())
def test_every_recipe_loads_and_says_what_it_is(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about
    text = catalogue.find(name).read_text(encoding="utf-8")
    assert text.startswith(f"# bossline train {name} --corpus ")


def test_the_ladder_climbs() -> None:
    assert catalogue.ladder("phoneme")[:4] == [
        f"phoneme/{rung}" for rung in ("floor", "simple", "medium", "strong")
    ]
    targets = [load_recipe(name).target["2023"] for name in catalogue.ladder("phoneme")[1:4]]
    assert targets == [0.49798, 0.66440, 0.74944]  # published


def test_the_ladder_of_speakers_stands_on_its_floor() -> None:
    assert catalogue.ladder("speaker")[:2] == ["speaker/floor", "speaker/simple"]


def test_a_saved_recipe_loads_as_it_was(tmp_path: Path) -> None:
    recipe = load_recipe("phoneme/strong", ["model.width=77", "optimiser.lr=1e-3"])
    assert isinstance(recipe.model, MlpConfig)
    assert recipe.model.width == 77
    assert recipe.optimiser is not None
    assert recipe.optimiser.lr == 1e-3
    save_recipe(recipe, tmp_path / "own.yaml")
    assert load_recipe(str(tmp_path / "own.yaml")) == recipe


def test_a_saved_recipe_of_a_fitted_model_loads_as_it_was(tmp_path: Path) -> None:
    recipe = load_recipe("speaker/floor", ["epochs=1", "model.lags=[0, 5]"])
    save_recipe(recipe, tmp_path / "own.yaml")
    assert load_recipe(str(tmp_path / "own.yaml")) == recipe


def test_another_kind_forgets_the_old_kinds_keys() -> None:
    recipe = load_recipe("phoneme/strong", ["optimiser.kind=sgd", "optimiser.lr=0.1"])
    assert recipe.optimiser is not None
    assert recipe.optimiser.kind == "sgd"
    assert recipe.optimiser.weight_decay == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.widht=3", "model.widht: unknown key; did you mean 'model.width'?"),
        ("lr=1e-3", "lr: unknown key; did you mean 'optimiser.lr'?"),
        ("width=64", "width: unknown key; did you mean 'model.width'?"),
        ("optimser.lr=3", "optimser: unknown key; did you mean 'optimiser'?"),
        ("optimiser.momentun=0.9", "optimiser.momentun: unknown key; "),
        ("batches.frames=4", "batches.frames: a window has a centre frame"),
        ("schedule.kind=plateu", "schedule.kind: no kind 'plateu'; did you mean 'plateau'?"),
        (
            "batches={size: 4}",
            "batches.kind: missing; one of utterances, windows",
        ),
        ("batches.kind=utterances", "a model of kind mlp takes windows: set batches.kind=windows"),
        ("epochs=0", "epochs: input should be greater than or equal to 1, not 0"),
        ("optimiser.lr=fast", "optimiser.lr: input should be a valid number"),
        ("optimiser.lr=.inf", "optimiser.lr: "),
        ("split.test=0.95", "split: validation and test together"),
        ("width", "'width': expected key.path=value"),
        ("epochs.more=1", "'epochs.more=1': epochs has no keys below it"),
        ("epochs=[", "not valid YAML"),
    ],
)
def test_a_wrong_override_is_one_clear_line(override: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe("phoneme/strong", [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "frames"), [("phoneme/boss", 2), ("speaker/simple", 3)])
def test_frame_stack_is_also_read_by_its_former_name(name: str, frames: int) -> None:
    recipe = load_recipe(name)
    content = recipe.model_dump(mode="json")
    content["model"]["stack"] = content["model"].pop("frame_stack")
    assert content["model"]["stack"] == frames
    assert check_recipe(content, where="of an old run") == recipe
    with pytest.raises(UserError, match=r"unknown key; did you mean 'model\.frame_stack'"):
        load_recipe(name, ["model.stack=1"])


FITTED = "a model of kind speaker-lda is fitted without gradient steps: leave out"


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("speaker/floor", ["epochs=3"], f"{FITTED} epochs"),
        ("speaker/floor", ["optimiser={kind: sgd, lr: 0.1}"], f"{FITTED} optimiser"),
        ("speaker/floor", ["augment={kind: spec-augment, time_warp: {}}"], f"{FITTED} augment"),
        ("speaker/floor", ["objective.label_smoothing=0.1"], f"{FITTED} objective"),
        ("speaker/floor", ["schedule={kind: cosine}"], f"{FITTED} schedule"),
        ("speaker/floor", ["averaging={kind: swa}"], f"{FITTED} averaging"),
        ("speaker/floor", ["patience=2", "clip=1", "epochs=3"], f"{FITTED} clip, epochs, patience"),
        ("speaker/floor", ["batches={kind: windows}"], "batches.kind: no kind 'windows'"),
        (
            "speaker/floor",
            ["model={kind: lda}"],
            "model.kind: no kind 'lda'",
        ),
        ("speaker/floor", ["model.shrinkage=1.5"], "model.shrinkage: input should be less than"),
        ("speaker/floor", ["model.lags=[0, -1]"], "model.lags.1: input should be greater than"),
        (
            "phoneme/simple",
            ["model={kind: lda}"],
            "fitted without gradient steps: leave out epochs, optimiser",
        ),
        ("phoneme/simple", ["optimiser=null"], "a model of kind mlp wants an optimiser"),
        ("speaker/simple", ["optimiser=null"], "a model of kind speaker wants an optimiser"),
    ],
)
def test_only_gradients_take_what_steers_them(
    name: str, overrides: list[str], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(name, overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_errors_come_at_once() -> None:
    with pytest.raises(UserError) as caught:
        load_recipe("phoneme/strong", ["model.widht=3", "epochs=0", "seed=-1"])
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("phoneme/strnog", "did you mean 'phoneme/strong'?"),
        ("nowhere.yaml", "no recipe file nowhere.yaml"),
        ("x" * 300 + ".yaml", "no recipe file x+.yaml"),
    ],
)
def test_an_unknown_recipe_names_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        load_recipe(name)


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1\n", "\tx: 1", "!!python/object:os.system x"])
def test_a_file_that_is_no_recipe(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(UserError, match=r"own\.yaml: "):
        load_recipe(str(tmp_path / "own.yaml"))
