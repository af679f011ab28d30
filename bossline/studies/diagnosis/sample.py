"""What a diagnosis looks at: fixed training batches, and test predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bossline.core.runtime import Runtime
from bossline.data.packed import Ints
from bossline.evaluation.calibration import Binning, CalibrationBin, calibration_bins
from bossline.recipes import Recipe
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson
from bossline.tasks.trained import TrainedModel

_FEWEST, _MOST = 700, 3000  # frames of a batch: a diagnosis takes minutes, whatever the model
_WORK = 1.5e9  # frames x parameters of a batch, in between
_IMAGES = 16  # of a batch at most
_FEW_FRAMES, _FEW_IMAGES = 100, 4  # of a batch that is gone through layer by layer
_LONGEST = 1000  # frames of an utterance: plain attention holds all pairs of them
_TEST_ITEMS = 100_000

Calibration = dict[Binning, list[CalibrationBin]]


def open_lesson(run: Run, batches: int, runtime: Runtime) -> Lesson[Any]:
    """The run's lesson without augmentation and in float32, its batches small and at least so many.

    Batches of images are smaller: an image is as much work as many frames.

    Raises:
        UserError: the run's corpus is gone, or its content has changed.
    """
    batch: Any = run.recipe.batches
    size = int(min(max(_WORK / max(run.info.parameters, 1), _FEWEST), _MOST))
    if batch.kind == "images":
        size = min(batch.size, _IMAGES)
    corpus = run.corpus()
    lesson = lesson_of(_plain(run.recipe, size), corpus, runtime)
    in_split = int(_items(lesson, lesson.splits["train"]).sum())
    return lesson_of(_plain(run.recipe, min(size, in_split // batches)), corpus, runtime)


def _items(lesson: Lesson[Any], items: Ints) -> Ints:
    """(U,) what is looked at of each item: its frames; 1 of an image, whatever its size."""
    lengths = lesson.corpus.lengths[items]
    return np.ones_like(lengths) if lesson.unit == "images" else lengths


def _plain(recipe: Recipe, frames: int) -> Recipe:
    batches: Any = recipe.batches
    if batches.kind == "segments":
        smaller = {"size": max(2, frames // batches.frames)}
    elif batches.kind == "utterances":
        smaller = {"size": max(1, frames), "longest": min(batches.longest, _LONGEST)}
    else:
        smaller = {"size": max(2 if batches.kind == "images" else 1, frames)}
    return recipe.model_copy(
        update={
            "precision": "float32",
            "augment": None,
            "batches": batches.model_copy(update=smaller),
        }
    )


def fixed_batches(lesson: Lesson[Any], count: int) -> list[Any]:
    """The first batches of a training, a head's margin in full."""
    return [
        lesson.in_full(lesson.batch(*divmod(step, lesson.steps_per_epoch))) for step in range(count)
    ]


def small_batch(lesson: Lesson[Any]) -> Any:
    """A batch of few items: what is exact for any of them need not be seen on many."""
    few = _FEW_IMAGES if lesson.recipe.batches.kind == "images" else _FEW_FRAMES
    smaller = lesson_of(_plain(lesson.recipe, few), lesson.corpus, lesson.runtime)
    return fixed_batches(smaller, 1)[0]


def calibration(lesson: Lesson[Any], trained: TrainedModel) -> Calibration:
    """How sure and how often right it is on the test split, on 100,000 frames or images at most."""
    test = np.random.default_rng(0).permutation(lesson.splits["test"])
    fitting = int((_items(lesson, test).cumsum() <= _TEST_ITEMS).sum())
    lesson.splits = {**lesson.splits, "test": np.sort(test[: max(1, fitting)])}
    probabilities = torch.from_numpy(trained.answers(lesson.pieces("test")).array)
    confidences, predicted = probabilities.max(1)
    correct = predicted.numpy() == lesson.truth("test").array
    return {
        binning: calibration_bins(confidences.numpy(), correct, binning=binning)
        for binning in ("equal-width", "equal-mass")
    }
