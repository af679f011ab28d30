from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bossline import cli
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.models.mlp import MlpConfig
from bossline.studies.width import SizedMlp, equal_size


def size(inputs: int, outputs: int, depth: int, width: int, norm: Any = "none") -> SizedMlp:
    return SizedMlp(MlpConfig(depth=depth, width=width, norm=norm), inputs, outputs)


def formula(inputs: int, outputs: int, layers: int, width: int, norm: str) -> int:
    hidden = (inputs + 1) * width + (width + 1) * width * (layers - 1)
    return hidden + (width + 1) * outputs + (0 if norm == "none" else 2 * width * layers)


@pytest.mark.parametrize(
    ("inputs", "outputs", "depth", "width", "expected"),
    [(117, 41, 6, 64, 31017), (117, 41, 2, 113, 30890), (8, 8, 2, 16, 552), (4, 3, 1, 5, 43)],
)
def test_parameters_of_the_course(
    inputs: int, outputs: int, depth: int, width: int, expected: int
) -> None:
    assert size(inputs, outputs, depth, width).parameters == expected


def test_the_course_s_shallow_twin() -> None:
    found = size(117, 41, 6, 64).with_layers(2)
    assert (found.config.width, found.parameters) == (113, 30890)


@given(
    inputs=st.integers(1, 300),
    outputs=st.integers(1, 60),
    depth=st.integers(1, 6),
    width=st.integers(1, 80),
    layers=st.integers(1, 6),
    norm=st.sampled_from(["none", "batch", "layer"]),
)
def test_no_other_width_is_nearer(
    inputs: int, outputs: int, depth: int, width: int, layers: int, norm: str
) -> None:
    like = size(inputs, outputs, depth, width, norm)
    wanted = formula(inputs, outputs, depth, width, norm)
    assert like.parameters == wanted
    found = like.with_layers(layers)
    widths = range(1, max(3000, 2 * found.config.width))
    brute = [abs(formula(inputs, outputs, layers, w, norm) - wanted) for w in widths]
    assert abs(found.parameters - wanted) == min(brute)
    assert found.parameters == formula(inputs, outputs, layers, found.config.width, norm)
    assert found.config.norm == norm


def test_the_same_depth_wants_the_same_width() -> None:
    like = size(1599, 41, 3, 1024, "batch")
    assert like.with_layers(3) == like


def test_a_recipe_s_twin_and_how_to_train_it() -> None:
    found = equal_size("phoneme/simple", 2, ["model.width=64", "model.depth=6", "epochs=3"])
    assert (found.like.parameters, found.found.parameters) == (31017, 30890)
    assert found.command == (
        "bossline train phoneme/simple --corpus NAME epochs=3 model.depth=2 model.width=113"
    )


def test_inputs_and_outputs_come_from_a_corpus(toy: Corpus) -> None:
    found = equal_size("phoneme/simple", 1, corpus="toy")
    assert (found.like.inputs, found.like.outputs) == (3 * 6, 5)
    assert found.command.startswith("bossline train phoneme/simple --corpus toy model.depth=1")
    given = equal_size("phoneme/simple", 1, inputs=18, outputs=5)
    assert given.found == found.found


def test_what_cannot_be_asked(toy: Corpus) -> None:
    with pytest.raises(UserError, match="kind tagger"):
        equal_size("phoneme/boss", 2)
    with pytest.raises(UserError, match="leave those out"):
        equal_size("phoneme/simple", 2, corpus="toy", inputs=3)


def test_the_verb_prints_both_networks_and_a_command() -> None:
    shape = ["model.width=64", "model.depth=6"]
    verb = ["width", "--like", "phoneme/simple", "--layers", "2", *shape]
    out = CliRunner().invoke(cli.app, verb)
    assert out.exit_code == 0
    assert out.output.splitlines() == [
        "117 -> 6 x 64 -> 41: 31,017 parameters",
        "117 -> 2 x 113 -> 41: 30,890 parameters",
        "difference: -127 (-0.41%)",
        "bossline train phoneme/simple --corpus NAME model.depth=2 model.width=113",
    ]
