"""key=value: in any order, at any depth, into lists too."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.recipes import load_recipe
from bossline.recipes.loading import save_recipe
from bossline.recipes.overrides import unreplaced
from bossline.studies.study import open_study
from bossline.studies.tuning.plan import open_plan

SUMMIT = "speaker/summit"
ENCODER = "model.members.1.encoder.encoder"


def test_a_key_is_kept_that_stands_before_its_kind() -> None:
    """64 is asked for; a TDNN has 256 of itself."""
    recipe = load_recipe("speaker/simple", ["model.encoder.width=64", "model.encoder.kind=tdnn"])
    assert recipe.model_dump()["model"]["encoder"]["kind"] == "tdnn"
    assert recipe.model_dump()["model"]["encoder"]["width"] == 64


TOGETHER = [
    ["model.encoder.width=64", "model.encoder.kind=tdnn", "model.encoder.dilations.1=3", "seed=4"],
    ["model.encoder={kind: rnn, depth: 2}", "model.encoder.width=24", "model.encoder.depth=1"],
    ["optimiser.lr=0.1", "optimiser.kind=sgd", "optimiser.momentum=0.8", "optimiser.nesterov=true"],
    ["batches.speeds=[0.8, 1.2]", "batches.speeds.1=1.3", "batches.frames=100"],
    ["averaging.decay=0.9", "averaging.kind=ema", "target.2023=0.5", "target.2021=0.4"],
]  # fmt: skip


@pytest.mark.parametrize("overrides", TOGETHER)
def test_the_order_does_not_matter(overrides: list[str]) -> None:
    recipes = {
        load_recipe("speaker/simple", order).model_dump_json() for order in permutations(overrides)
    }
    assert len(recipes) == 1


@given(st.permutations(sorted({override for overrides in TOGETHER[1:] for override in overrides})))
def test_nothing_is_dropped_in_any_order(overrides: list[str]) -> None:
    dumped = load_recipe("speaker/simple", overrides).model_dump(mode="json")
    for override in overrides:
        path, _, text = override.partition("=")
        node = dumped
        for key in path.split("."):
            node = node[int(key)] if isinstance(node, list) else node[key]
        if not isinstance(node, dict | list):  # what is set as a whole, others may change within
            assert node == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["epochs=3", "seed=1", "epochs=4"], "epochs is given twice"),
        (["epochs=3", "epochs=3"], "epochs is given twice"),
        (
            ["model.encoder.kind=rnn", "model.encoder={kind: tdnn, width: 8}"],
            "'model.encoder.kind=rnn' and 'model.encoder={kind: tdnn, width: 8}' contradict",
        ),
        (["averaging.kind=ema", "averaging=null"], "and 'averaging=null' contradict each other"),
        (["clip.kind=3", "clip=3"], "'clip.kind=3': clip has no keys below it"),
    ],
)
def test_what_contradicts_itself_is_refused(overrides: list[str], message: str) -> None:
    for order in permutations(overrides):
        with pytest.raises(UserError) as caught:
            load_recipe("speaker/simple", order)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_members_of_lists_are_set() -> None:
    recipe = load_recipe(
        SUMMIT,
        [
            "model.members.0.components=32",
            "model.members.1.encoder.encoder.dilations.1=2",
            f"{ENCODER}.dilations.4=5",
            "model.members.2.head.margin=0.3",
        ],
    )
    before = load_recipe(SUMMIT).model_dump(mode="json")
    changed = recipe.model_dump(mode="json")
    members = before["model"]["members"]
    assert members[1]["encoder"]["encoder"]["dilations"] == [1, 1, 2, 3, 4]  # its default
    members[0]["components"] = 32
    members[1]["encoder"]["encoder"]["dilations"] = [1, 2, 2, 3, 5]
    members[2]["head"]["margin"] = 0.3
    assert changed == before


def test_a_member_of_another_kind_begins_anew() -> None:
    head = ["model.members.1.head.scale=20", "model.members.1.head.kind=am-softmax"]
    for order in permutations(head):
        (_, changed, kept) = load_recipe(SUMMIT, order).model_dump()["model"]["members"]
        assert (changed["head"]["kind"], changed["head"]["scale"]) == ("am-softmax", 20)
        assert kept["head"]["kind"] == "aam-softmax"


def test_a_part_that_a_saved_recipe_has_not_can_be_given(tmp_path: Path) -> None:
    """A saved recipe says null of it."""
    save_recipe(load_recipe("phoneme/simple", ["averaging=null"]), tmp_path / "own.yaml")
    recipe = load_recipe(str(tmp_path / "own.yaml"), ["averaging.decay=0.9", "averaging.kind=ema"])
    assert recipe.model_dump()["averaging"]["decay"] == 0.9


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "model.members.3.components=32",
            "'model.members.3.components=32': model.members has 3 members, numbered 0 to 2, not 3",
        ),
        ("model.members.-1.components=32", "model.members has 3 members, numbered 0 to 2, not -1"),
        ("model.members.first.components=32", "has 3 members, numbered 0 to 2, not first"),
        (f"model.members.{'9' * 99}.kind=x", "model.members has 3 members, numbered 0 to 2, not"),
        (f"{ENCODER}.dilations.5=1", f"{ENCODER}.dilations has 5 members, numbered 0 to 4, not 5"),
        ("batches.speeds.0=1.1", "batches.speeds has 0 members, not 0"),
        ("model.members.0.lags.0.1=1", "model.members.0.lags.0 has no keys below it"),
        ("model.members.0.lag.0=1", "lag: unknown key"),
        ("augmnt.0=1", "augmnt: unknown key; did you mean 'augment'?"),
    ],
)
def test_a_member_that_is_not_there_is_one_clear_line(override: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(SUMMIT, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_others_replace() -> None:
    overrides = ["epochs=3", "optimiser.lr=1", "optimiser.kind=sgd", "model.width=8"]
    assert unreplaced(overrides, ["epochs=4", "optimiser={}", "model.width.x=1"]) == [
        "model.width=8"
    ]


def test_a_studys_own_overrides_yield_to_its_cells_and_to_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "recipe: phoneme/simple\noverrides: [epochs=9, optimiser.lr=1, model.width=8]\ncells:\n"
        "  a: ['optimiser={kind: sgd, lr: 0.1}']\n  b: [optimiser.lr=0.3, model.width=16]\n"
    )
    a, b = open_study(str(path), ["epochs=2"]).recipes
    assert a.model_dump()["optimiser"]["lr"] == 0.1
    assert b.model_dump()["optimiser"]["lr"] == 0.3
    assert (a.epochs, b.epochs) == (2, 2)
    assert (a.model_dump()["model"]["width"], b.model_dump()["model"]["width"]) == (8, 16)


def test_a_sweep_of_whole_parts_keeps_what_is_set_within() -> None:
    study = open_study(
        "speaker/simple",
        ["model.encoder.width=24", "model.encoder={kind: rnn},{kind: tdnn}", "seed=2"],
    )
    encoders = [recipe.model_dump()["model"]["encoder"] for recipe in study.recipes]
    assert [(e["kind"], e["width"]) for e in encoders] == [("rnn", 24), ("tdnn", 24)]


def test_a_plans_own_overrides_yield_to_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "recipe: phoneme/simple\noverrides: [epochs=9, model.width=8]\n"
        "space: {model.dropout: 0.0..0.5}\n"
    )
    plan = open_plan(str(path), ["epochs=2", "model.width=4..16"])
    assert plan.overrides == ("epochs=2",)
    recipe = plan.with_values({"model.dropout": "0.1", "model.width": "5"})
    assert (recipe.epochs, recipe.model_dump()["model"]["width"]) == (2, 5)
