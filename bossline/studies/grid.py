"""key=value arguments -> overrides and axes -> the cells of a grid."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import yaml

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.recipes.overrides import Overrides, as_text

MOST_VALUES = 1000  # of a range: more is a slip of the finger

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?::(\d+))?")
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Axis:
    """A key of a recipe and the values that it takes, each as one writes it in an override."""

    key: str
    values: tuple[str, ...]

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers; None where one is none."""
        try:
            found = tuple(map(float, self.values))
        except ValueError:
            return None
        return found if all(map(math.isfinite, found)) else None


@dataclass(frozen=True)
class Cell:
    """One recipe of a study: what it is called, and what it changes."""

    name: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Every combination of the values of some axes; listed cells have no axes."""

    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]

    @classmethod
    def of(cls, axes: Sequence[Axis]) -> Grid:
        """All cells, the last axis fastest."""
        names = _short([axis.key for axis in axes])
        cells = [
            Cell(
                ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True)),
                tuple(f"{axis.key}={value}" for axis, value in zip(axes, values, strict=True)),
            )
            for values in product(*(axis.values for axis in axes))
        ]
        return cls(tuple(axes), tuple(cells))


def as_arguments(values: Overrides) -> list[str]:
    """As the command line has them: of a dict a list, a range or an array are several values.

    >>> as_arguments({"model.dropout": [0, 0.25], "optimiser.lr": "1e-4..1e-2:log", "epochs": 3})
    ['model.dropout=0,0.25', 'optimiser.lr=1e-4..1e-2:log', 'epochs=3']

    Raises:
        UserError: as `as_text`.
    """
    if not isinstance(values, Mapping):
        return as_text(values)
    return [f"{key}={_written(key, value)}" for key, value in values.items()]


def _written(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    each = value if isinstance(value, list | tuple | range | np.ndarray) else [value]
    return ",".join(as_text({key: one})[0].partition("=")[2] for one in each)


def parse_arguments(arguments: Iterable[str]) -> tuple[tuple[str, ...], tuple[Axis, ...]]:
    """Plain overrides, and the axes: those that give several values.

    Raises:
        UserError: no key=value, values that cannot be told apart, or a key twice.
    """
    overrides, axes = [], []
    for argument, key, text in key_values(arguments, example="model.dropout=0.25,0.5"):
        values = parse_values(text, where=argument)
        if len(values) > 1:
            axes.append(Axis(key, values))
        else:
            overrides.append(f"{key}={values[0]}")
    return tuple(overrides), tuple(axes)


def key_values(arguments: Iterable[str], *, example: str) -> Iterator[tuple[str, str, str]]:
    """Each argument, its key, and what stands after the equals sign.

    Raises:
        UserError: no key=value, or a key twice.
    """
    keys = set()
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or not key:
            raise UserError(f"'{argument}': expected key.path=values, as in {example}")
        if key in keys:
            raise UserError(f"'{argument}': {key} is given twice")
        keys.add(key)
        yield argument, key, text


def parse_values(text: str, where: str) -> tuple[str, ...]:
    """Values between commas, integer ranges written out.

    A comma within brackets, braces or quotes does not separate. A range holds both its ends if the
    step meets them.

    >>> parse_values("0.25,{kind: step, every: 5},3..11:4", where="")
    ('0.25', '{kind: step, every: 5}', '3', '7', '11')

    Raises:
        UserError: a bracket or quote is left open, nothing between two commas, a range that holds
            nothing, or a value twice.
    """
    items = _split(text, where)
    if len(items) > 1 and "" in items:
        raise UserError(f"'{where}': a value is missing between two commas, or at an end")
    values = [value for item in items for value in _expand(item, where)]
    for value in values:
        if values.count(value) > 1:
            raise UserError(f"'{where}': {value} is given twice")
    return tuple(values)


def axis_of(key: str, values: object) -> Axis:
    """An axis as a study file gives it: a list of YAML values, or text as on the command line.

    Raises:
        UserError: neither, or fewer than two values.
    """
    where = f"axes.{key}"
    if isinstance(values, str):
        texts = parse_values(values, where=f"{where}: {values}")
    elif isinstance(values, list):
        texts = tuple(map(_as_text, values))
        if len(set(texts)) < len(texts):
            raise UserError(f"'{where}': a value is given twice")
    else:
        raise UserError(f"'{where}': expected a list of values, or a range such as '3..31:4'")
    if len(texts) < 2:
        raise UserError(f"'{where}': an axis wants at least two values")
    return Axis(key, texts)


def _split(text: str, where: str) -> list[str]:
    items, awaited, quote = [""], [""], ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _CLOSING:
            awaited.append(_CLOSING[letter])
        elif letter == awaited[-1]:
            awaited.pop()
        elif letter == "," and len(awaited) == 1:
            items.append("")
            continue
        items[-1] += letter
    if quote or len(awaited) > 1:
        raise UserError(f"'{where}': expected {quote or awaited[-1]} before the end")
    return [item.strip() for item in items]


def _expand(item: str, where: str) -> list[str]:
    match = _RANGE.fullmatch(item)
    if match is None:
        return [item]
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if step == 0 or last < first:
        raise UserError(
            f"'{where}': the range {item} holds nothing: write first..last or first..last:step, "
            "rising"
        )
    values = range(first, last + 1, step)
    if len(values) > MOST_VALUES:
        raise UserError(
            f"'{where}': {item} holds {counted(len(values), 'value')}, and {MOST_VALUES} go"
        )
    return list(map(str, values))


def _as_text(value: object) -> str:
    """On one line, as in an override."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=math.inf, sort_keys=False, allow_unicode=True
    )
    return text.strip().removesuffix("...").strip()


def _short(keys: Sequence[str]) -> list[str]:
    """The last part of each key, or the whole of it where two end alike."""
    ends = [key.rpartition(".")[2] for key in keys]
    return [end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True)]
