"""A training that is only planned: its layers, batches and time, without a trace of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.core.memory import exhaustion_named
from bossline.core.progress import waiting
from bossline.core.runtime import Precision, Runtime
from bossline.core.terminal import terminal
from bossline.data.packed import Corpus
from bossline.models.layout import SEEN, Layer, layers_of, receptive_fields
from bossline.recipes import Recipe
from bossline.recipes.overrides import Overrides
from bossline.runs.engine import LESS, chosen_corpus, chosen_recipe
from bossline.runs.further import begin_from
from bossline.runs.info import Origin
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson
from bossline.training.single import single_step

_STEPS = 8  # that are timed, or fewer
_SECONDS = 10.0  # after which no further one is
_VALIDATING = 1 / 3  # of a training step's time for as much data: the forward pass of three parts


@dataclass(frozen=True)
class Plan:
    """What a training would be.

    Attributes:
        counts: what is scored of each split, by its name.
        unit: what that is: frames, utterances, images or rows.
        batches: what one step sees, in words.
        steps_per_epoch: None of a model that is fitted.
        seconds_per_step: mean of a few real steps; None of a model that is fitted.
        seconds: estimate of the whole training, validation included, scoring left out.
        origin: the run that it would begin from.
    """

    recipe: Recipe
    corpus: Corpus
    hardware: str
    layers: list[Layer]
    counts: dict[str, int]
    unit: str
    batches: str
    steps_per_epoch: int | None
    seconds_per_step: float | None
    seconds: float | None
    origin: Origin | None

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)


def dry_run(
    recipe: str | Recipe | None = None,
    corpus: str | Path | Corpus | None = None,
    overrides: Overrides = (),
    *,
    from_run: str | Path | Run | None = None,
    device: str = "auto",
    threads: int | None = None,
    precision: Precision | None = None,
    console: Console | None = None,
) -> Plan:
    """What `train` would do with the same arguments. Trains nothing and writes nothing.

    Its time is estimated from a few real steps of a model that is then forgotten.

    Raises:
        UserError: what `train` would refuse.
    """
    start = None if from_run is None else Run.of(from_run)
    chosen = chosen_recipe(recipe, overrides, start)
    opened = chosen_corpus(corpus, start)
    runtime = Runtime.choose(device, threads, precision=precision)
    lesson = lesson_of(chosen, opened, runtime)
    with (
        waiting(console or terminal(), "trying a few steps"),
        exhaustion_named(LESS),
        torch.random.fork_rng(devices=[]),
    ):
        model = lesson.build_model()
        lesson.prepare(model)
        origin = None if start is None else begin_from(start, lesson, model)[0]
        layers = layers_of(model, _fields(model, lesson))
        each = None if chosen.model.fitted else _timed(model, lesson)
    counts = {split: lesson.count(split) for split in chosen.split.sides}
    steps = None if each is None else lesson.steps_per_epoch
    return Plan(
        recipe=chosen,
        corpus=opened,
        hardware=runtime.describe(chosen.precision),
        layers=layers,
        counts=counts,
        unit=lesson.unit,
        batches=lesson.training.description,
        steps_per_epoch=steps,
        seconds_per_step=each,
        seconds=None if each is None else _whole(each, lesson, counts),
        origin=origin,
    )


def _fields(model: nn.Module, lesson: Lesson[Any]) -> dict[str, int]:
    """Of models that read utterances or images."""
    if lesson.recipe.model.fitted:
        return {}
    inputs, _ = lesson.drawn(0, 0)
    if isinstance(inputs, Padded):
        frames = torch.randn(1, SEEN, inputs.frames.shape[2], device=inputs.frames.device)
        return receptive_fields(model, Padded.of(frames, torch.tensor([SEEN])))
    if isinstance(inputs, Tensor) and inputs.dim() == 4:
        return receptive_fields(model, inputs[:1, :, :SEEN])
    return {}


def _timed(model: nn.Module, lesson: Lesson[Any]) -> float:
    """Mean seconds of a training step, from steps all over an epoch."""
    recipe = lesson.recipe
    optimiser = recipe.optimiser.build(model)
    last = lesson.steps_per_epoch - 1
    began = time.perf_counter()
    taken: list[float] = []
    for number in range(_STEPS + 1):
        before = time.perf_counter()
        batch = lesson.batch(0, number * last // _STEPS)
        float(single_step(lesson, model, optimiser, batch, recipe.clip))  # waits for the device
        taken.append(time.perf_counter() - before)
        if number and time.perf_counter() - began > _SECONDS:
            break
    measured = taken[1:]  # the first one also finds its kernels and memory
    return sum(measured) / len(measured)


def _whole(each: float, lesson: Lesson[Any], counts: dict[str, int]) -> float:
    training: float = each * lesson.steps_per_epoch
    share = counts.get("validation", 0) / counts["train"]
    epochs: int = lesson.recipe.epochs
    return epochs * training * (1 + _VALIDATING * share)
