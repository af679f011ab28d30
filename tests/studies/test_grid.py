"""key=value arguments and the grid that they span."""

from __future__ import annotations

import json
from itertools import product

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.studies.grid import Axis, Grid, axis_of, parse_arguments, parse_values

SCALARS = st.one_of(
    st.integers(-(10**6), 10**6),
    st.booleans(),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3)),
    st.text("abcdefgh,:{}[]'\"# .", min_size=1, max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.lists(
        st.one_of(st.integers(), st.dictionaries(st.text("ab", min_size=1), st.integers())),
        min_size=1,
        max_size=5,
        unique_by=repr,
    )
)
def test_values_come_back_from_the_text_that_joins_them(values: list[object]) -> None:
    parsed = parse_values(",".join(map(json.dumps, values)), where="key")
    assert [yaml.safe_load(text) for text in parsed] == values


@given(st.lists(VALUES, min_size=2, max_size=4, unique_by=repr))
def test_an_axis_of_a_file_keeps_its_values(values: list[object]) -> None:
    axis = axis_of("key", values)
    assert [yaml.safe_load(text) for text in axis.values] == values
    assert not any("\n" in text for text in axis.values)


@given(st.integers(-50, 50), st.integers(0, 60), st.integers(1, 9))
def test_a_range_is_a_range(first: int, length: int, step: int) -> None:
    last = first + length
    expected = [str(value) for value in range(first, last + 1) if (value - first) % step == 0]
    assert list(parse_values(f"{first}..{last}:{step}", where="")) == expected
    if step == 1:
        assert list(parse_values(f"{first}..{last}", where="")) == expected


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_a_grid_holds_every_combination_once(sizes: list[int]) -> None:
    axes = [
        Axis(f"part{number}.key", tuple(f"v{value}" for value in range(size)))
        for number, size in enumerate(sizes)
    ]
    cells = Grid.of(axes).cells
    combinations = {
        tuple(f"{axis.key}={value}" for axis, value in zip(axes, values, strict=True))
        for values in product(*(axis.values for axis in axes))
    }
    assert {cell.overrides for cell in cells} == combinations
    assert len({cell.name for cell in cells}) == len(cells) == len(combinations)


def test_one_value_is_an_override_and_several_are_an_axis() -> None:
    overrides, axes = parse_arguments(
        ["epochs=3", "model.dropout=0.25,0.5", "model.lags=[0, 5]", "split.by=", "schedule="
         "{kind: step, every: 5},{kind: cosine}", "batches.frames=3..31:14"]
    )  # fmt: skip
    assert overrides == ("epochs=3", "model.lags=[0, 5]", "split.by=")
    assert axes == (
        Axis("model.dropout", ("0.25", "0.5")),
        Axis("schedule", ("{kind: step, every: 5}", "{kind: cosine}")),
        Axis("batches.frames", ("3", "17", "31")),
    )
    assert [axis.numbers for axis in axes] == [(0.25, 0.5), None, (3, 17, 31)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["epochs"], "'epochs': expected key.path=values"),
        (["=3"], "'=3': expected key.path=values"),
        (["epochs=1", "epochs=2,3"], "epochs is given twice"),
        (["epochs=1,,2"], "'epochs=1,,2': a value is missing"),
        (["epochs=1,2,"], "a value is missing"),
        (["epochs=2,1,2"], "2 is given twice"),
        (["epochs=1..3,2"], "2 is given twice"),
        (["epochs=5..3"], "the range 5..3 holds nothing"),
        (["epochs=3..5:0"], "the range 3..5:0 holds nothing"),
        (["epochs=1..9999999999"], "holds 9,999,999,999 values"),
        (["model={kind: mlp,width: 3"], "expected } before the end"),
        (["model.kind='mlp,b"], "expected ' before the end"),
    ],
)
def test_what_is_no_axis_is_one_clear_line(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_arguments(arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
