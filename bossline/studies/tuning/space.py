"""key=value arguments -> overrides, and the ranges and choices that a search draws from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bossline.core.errors import UserError
from bossline.studies.grid import axis_of, key_values, parse_values

_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(.*))?")


class Draws(Protocol):
    """What a value is drawn from: an Optuna trial."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int: ...

    def suggest_categorical(self, name: str, choices: tuple[str, ...]) -> str: ...


@dataclass(frozen=True)
class Choice:
    """A key that takes one of several values, each as one writes it in an override."""

    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(self.values)}"

    @property
    def probes(self) -> tuple[str, ...]:
        """Values that must fit the recipe, tried before anything is trained."""
        return self.values

    def draw(self, trial: Draws) -> str:
        return trial.suggest_categorical(self.key, self.values)


@dataclass(frozen=True)
class WholeRange:
    """A key that takes whole numbers, both ends included."""

    key: str
    low: int
    high: int
    step: int = 1
    log: bool = False

    def __str__(self) -> str:
        how = ":log" if self.log else f":{self.step}" if self.step > 1 else ""
        return f"{self.key}={self.low}..{self.high}{how}"

    @property
    def probes(self) -> tuple[str, ...]:
        return str(self.low), str(self.high)

    def draw(self, trial: Draws) -> str:
        return str(trial.suggest_int(self.key, self.low, self.high, step=self.step, log=self.log))


@dataclass(frozen=True)
class Range:
    """A key that takes numbers, both ends included."""

    key: str
    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __str__(self) -> str:
        how = ":log" if self.log else f":{self.step!r}" if self.step is not None else ""
        return f"{self.key}={self.low!r}..{self.high!r}{how}"

    @property
    def probes(self) -> tuple[str, ...]:
        return repr(self.low), repr(self.high)

    def draw(self, trial: Draws) -> str:
        found = trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)
        return repr(found)


Dimension = Choice | WholeRange | Range


def parse_space(arguments: Iterable[str]) -> tuple[tuple[str, ...], tuple[Dimension, ...]]:
    """Plain overrides, and the dimensions: those that leave a choice.

    >>> overrides, dimensions = parse_space(["epochs=3", "optimiser.lr=1e-4..1e-2:log"])
    >>> overrides
    ('epochs=3',)
    >>> print(*dimensions)
    optimiser.lr=0.0001..0.01:log

    Raises:
        UserError: no key=value, a key twice, or a range that holds nothing.
    """
    overrides: list[str] = []
    dimensions: list[Dimension] = []
    for argument, key, text in key_values(arguments, example="model.dropout=0.0..0.5"):
        if (found := _range(key, text.strip(), argument)) is not None:
            dimensions.append(found)
        elif len(values := parse_values(text, where=argument)) > 1:
            dimensions.append(Choice(key, values))
        else:
            overrides.append(argument)
    return tuple(overrides), tuple(dimensions)


def dimension_of(key: str, values: object) -> Dimension:
    """A dimension as a file gives it: text as on the command line, or a list of YAML values.

    Raises:
        UserError: neither, fewer than two values, or a range that holds nothing.
    """
    if isinstance(values, str):
        where = f"space.{key}: {values}"
        if (found := _range(key, values.strip(), where)) is not None:
            return found
        if len(texts := parse_values(values, where=where)) > 1:
            return Choice(key, texts)
    elif isinstance(values, list) and len(values) > 1 and not _has_twins(values):
        return Choice(key, axis_of(key, values).values)
    raise UserError(
        f"'space.{key}': expected a list of values that differ, or a range such as '0.0..0.5'"
    )


def _has_twins(values: list[object]) -> bool:
    return any(values.count(value) > 1 for value in values)


def _range(key: str, text: str, where: str) -> Dimension | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    first, last, how = match[1], match[2], match[3]
    log = how == "log"
    if how is not None and not log and not re.fullmatch(_NUMBER, how):
        raise UserError(f"'{where}': after the colon comes a step, or log; not '{how}'")
    low, high, step = float(first), float(last), None if log or how is None else float(how)
    if low >= high:
        raise UserError(f"'{where}': the range {first}..{last} holds nothing: write low..high")
    if log and low <= 0:
        raise UserError(f"'{where}': a range on a logarithmic scale begins above 0")
    if step is not None and not 0 < step <= high - low:
        raise UserError(f"'{where}': the step {how} does not fit between {first} and {last}")
    ends = (first, last) if step is None else (first, last, how)
    if all(map(_WHOLE.fullmatch, ends)):
        by = int(step or 1)
        steps = (int(last) - int(first)) // by
        return WholeRange(key, int(first), int(first) + steps * by, by, log)
    return Range(key, low, high, step, log)
