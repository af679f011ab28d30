"""Ranges and choices on the command line and in files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.studies.grid import parse_values
from bossline.studies.tuning.space import (
    Choice,
    Dimension,
    Range,
    WholeRange,
    dimension_of,
    parse_space,
)


def parsed(argument: str) -> Dimension:
    overrides, (dimension,) = parse_space([argument])
    assert overrides == ()
    return dimension


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("model.dropout=0.0..0.5", Range("model.dropout", 0.0, 0.5)),
        ("model.dropout=0..0.5", Range("model.dropout", 0.0, 0.5)),
        ("x=.5..1.", Range("x", 0.5, 1.0)),
        ("x=-1.5..-0.5", Range("x", -1.5, -0.5)),
        ("optimiser.lr=1e-4..1e-2:log", Range("optimiser.lr", 1e-4, 1e-2, log=True)),
        ("x=0.0..1.0:0.25", Range("x", 0.0, 1.0, step=0.25)),
        ("model.depth=1..4", WholeRange("model.depth", 1, 4)),
        ("model.width=8..1024:log", WholeRange("model.width", 8, 1024, log=True)),
        ("x=3..31:4", WholeRange("x", 3, 31, step=4)),
        ("x=3..30:4", WholeRange("x", 3, 27, step=4)),
        ("x=relu,gelu,silu", Choice("x", ("relu", "gelu", "silu"))),
        ("x={kind: a, b: 1},null", Choice("x", ("{kind: a, b: 1}", "null"))),
        ("x=1,4..6", Choice("x", ("1", "4", "5", "6"))),
    ],
)
def test_what_leaves_a_choice_is_a_dimension(argument: str, expected: Dimension) -> None:
    assert parsed(argument) == expected
    key, _, text = argument.partition("=")
    assert dimension_of(key, text) == expected


@given(
    low=st.integers(-50, 50), more=st.integers(1, 60), step=st.integers(1, 60), log=st.booleans()
)
def test_a_range_reads_what_it_writes(low: int, more: int, step: int, log: bool) -> None:
    """And has the values that a sweep makes of it."""
    if log and low > 0:
        dimension: Dimension = WholeRange("a.b", low, low + more, log=True)
    elif step <= more:
        dimension = parsed(f"a.b={low}..{low + more}:{step}")
        assert isinstance(dimension, WholeRange)
        values = range(dimension.low, dimension.high + 1, dimension.step)
        assert tuple(map(str, values)) == parse_values(f"{low}..{low + more}:{step}", "")
    else:
        return
    assert parsed(str(dimension)) == dimension


@given(low=st.floats(1e-12, 1e12), factor=st.floats(1.001, 1e6), log=st.booleans())
def test_a_range_of_numbers_reads_what_it_writes(low: float, factor: float, log: bool) -> None:
    dimension = Range("a.b", low, low * factor, log=log)
    assert parsed(str(dimension)) == dimension


def test_one_value_is_an_override() -> None:
    assert parse_space(["epochs=3", "name=a..b", "x=[1, 2]"]) == (
        ("epochs=3", "name=a..b", "x=[1, 2]"),
        (),
    )


def test_a_file_gives_lists() -> None:
    assert dimension_of("clip", [None, 1.0]) == Choice("clip", ("null", "1.0"))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("0.1..0.2", "expected key.path=values"),
        ("x=0.5..0.5", "holds nothing"),
        ("x=4..1", "holds nothing"),
        ("x=0..1:log", "begins above 0"),
        ("x=1..4:0", "the step 0 does not fit"),
        ("x=1..4:9", "the step 9 does not fit"),
        ("x=1..4:linear", "after the colon comes a step, or log"),
        ("x=1,1", "given twice"),
    ],
)
def test_a_wrong_space_is_one_clear_line(argument: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse_space([argument])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [3, "3", ["a"], ["a", "a"], {"low": 1}])
def test_what_is_no_dimension_in_a_file(values: object) -> None:
    with pytest.raises(UserError, match=r"space\.x"):
        dimension_of("x", values)


def test_a_key_is_given_once() -> None:
    with pytest.raises(UserError, match="x is given twice"):
        parse_space(["x=1..4", "x=3"])
