"""The learning-rate range test: the loss while the rate rises from tiny to too much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from rich.console import Console

from bossline.core.errors import UserError
from bossline.core.memory import exhaustion_named
from bossline.core.progress import bar
from bossline.core.runtime import Runtime
from bossline.core.terminal import terminal
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus
from bossline.recipes import Recipe, load_recipe
from bossline.runs.engine import LESS
from bossline.runs.folders import study_folder
from bossline.tasks import lesson_of
from bossline.training.single import single_step

_KEY = "optimiser.lr"
_REACH = 1000.0  # times the recipe's own rate, either way
_MEMORY = 0.9  # of the running mean that may end the test
_WIDTH = 40  # the smoothed loss is a mean over a fortieth of the steps on either side
_FEWEST = 20  # steps
_TOO_MUCH = 3.0  # times the lowest mean above it, where the test ends


@dataclass(frozen=True)
class LrRange:
    """What a range test saw.

    Attributes:
        rates: of each step that was taken.
        losses: of its batch, before it.
        smoothed: mean around each step, nearer ones weighing more: it lags behind neither way.
        own: the recipe's rate.
        ended_early: whether the loss rose beyond all bounds before the last rate.
    """

    recipe: Recipe
    corpus: str
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    own: float
    ended_early: bool

    @property
    def lowest(self) -> float:
        """The rate at the lowest smoothed loss: from there on it is too much."""
        return self.rates[min(range(len(self.rates)), key=self.smoothed.__getitem__)]

    @property
    def suggested(self) -> float:
        """A peak rate: a tenth of the rate at the lowest loss."""
        return self.lowest / 10

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, over the logarithm of the rate."""
        falls = [one - other for one, other in pairwise(self.smoothed)]
        return self.rates[max(range(len(falls)), key=falls.__getitem__)]


def lr_range_folder(recipe: Recipe, corpus: str) -> Path:
    """Where the report of a range test is."""
    return study_folder("lr-range", recipe.name, corpus)


def lr_range(
    recipe: str,
    corpus: str | Path | Corpus,
    arguments: Sequence[str] = (),
    *,
    steps: int = 200,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
) -> LrRange:
    """Train a fresh model for some steps while its rate rises exponentially (Smith 2017).

    Without schedule and averaging; else as the recipe trains. Nothing is kept of the model.

    Args:
        recipe: task/rung, or the path to a YAML file.
        arguments: overrides, among them perhaps "optimiser.lr=1e-5..1": the ends of the range. By
            default it reaches from a thousandth of the recipe's rate to a thousand times of it.
        steps: that are taken from end to end.

    Raises:
        UserError: bad input, or a model that takes no gradient steps.
    """
    if steps < _FEWEST:
        raise UserError(f"a range test wants {_FEWEST} steps at least, not {steps}")
    ends, overrides = _ends(arguments)
    chosen = load_recipe(recipe, overrides)
    if chosen.optimiser is None:
        raise UserError(
            f"a model of kind {chosen.model.kind} is fitted without gradient steps: it has no rate"
        )
    own = chosen.optimiser.lr
    low, high = ends or (own / _REACH, own * _REACH)
    opened = open_corpus(corpus, verified=True)
    lesson = lesson_of(chosen, opened, Runtime.choose(device, threads))
    rates: list[float] = []
    losses: list[float] = []
    means: list[float] = []
    with (
        exhaustion_named(LESS),
        torch.random.fork_rng(devices=[]),
        bar(console or terminal(), "steps", total=steps) as shown,
    ):
        torch.manual_seed(chosen.seed)
        model = lesson.build_model()
        lesson.prepare(model)
        optimiser = chosen.optimiser.build(model)
        for step in range(steps):
            rate = low * (high / low) ** (step / (steps - 1))
            for group in optimiser.param_groups:
                group["lr"] = rate
            batch = lesson.batch(*divmod(step, lesson.steps_per_epoch))
            loss = float(single_step(lesson, model, optimiser, batch, chosen.clip))
            if not math.isfinite(loss):
                break
            rates.append(rate)
            losses.append(loss)
            means.append(_MEMORY * means[-1] + (1 - _MEMORY) * loss if means else loss)
            shown.advance(1)
            lowest = min(means)
            if step >= _FEWEST and means[-1] > lowest + _TOO_MUCH * abs(lowest):
                break
    if len(rates) < _FEWEST:
        raise UserError(
            f"the loss was NaN or infinite after {len(rates)} steps, at a rate of "
            f"{rates[-1] if rates else low:.3g}: give a lower range, {_KEY}=LOW..HIGH"
        )
    ended = len(rates) < steps
    smoothed = _smoothed(losses, max(2, steps // _WIDTH))
    return LrRange(chosen, opened.name, tuple(rates), tuple(losses), smoothed, own, ended)


def _smoothed(losses: Sequence[float], reach: int) -> tuple[float, ...]:
    """The mean around each, with weights that fall in a straight line; at the ends of one side."""
    found = []
    for place in range(len(losses)):
        near = range(max(place - reach, 0), min(place + reach + 1, len(losses)))
        weights = [reach + 1 - abs(other - place) for other in near]
        total = sum(weight * losses[other] for weight, other in zip(weights, near, strict=True))
        found.append(total / sum(weights))
    return tuple(found)


def _ends(arguments: Sequence[str]) -> tuple[tuple[float, float] | None, list[str]]:
    """The ends of the range, where they are given, and the overrides.

    Raises:
        UserError: no range of rates, or another key that leaves a choice.
    """
    ranges = [text for text in arguments if text.startswith(f"{_KEY}=") and ".." in text]
    rest = [text for text in arguments if text not in ranges]
    if not ranges:
        return None, rest
    given = ranges[-1].partition("=")[2].removesuffix(":log")
    low, _, high = given.partition("..")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = 0.0, 0.0
    if len(ranges) > 1 or not 0 < ends[0] < ends[1] < math.inf:
        raise UserError(f"'{ranges[-1]}': expected {_KEY}=LOW..HIGH, rising and above 0")
    return ends, rest
