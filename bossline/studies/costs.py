"""What a run costs: parameters, multiply-accumulates of a frame and of the whole training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bossline.batches import BatchConfig
from bossline.batches.padded import Padded
from bossline.batches.utterances import cut
from bossline.corpora.packed import Ints
from bossline.corpora.splits import split_corpus
from bossline.models.costs import multiply_accumulates
from bossline.tasks import TASKS
from bossline.tasks.base import build_model
from bossline.training.run import Run

STEP = 3  # a training step in forward passes: the backward one multiplies twice as often


@dataclass(frozen=True)
class Costs:
    """Multiply-accumulates; see `multiply_accumulates` for what counts."""

    per_frame: float  # of a forward pass
    training: float | None  # of all steps, forward and backward; None: the model takes none


def costs_of(run: Run) -> Costs:
    """Count on an utterance of the length in which the average training frame stands.

    Attention costs a frame as much as its utterance is long. So the mean over all training frames
    is what a frame costs in an utterance of the mean length, weighted by length. Padding of batches
    of whole utterances is left out; segments cost their full length.

    Raises:
        UserError: the run's corpus is gone, or has changed since.
    """
    recipe, corpus = run.recipe, run.corpus()
    splits = split_corpus(corpus, recipe.split, TASKS[recipe.task].labelled(corpus))
    length, frames = _input(recipe.batches, corpus.lengths[splits["train"]])
    dim = run.info.features.dim
    width = recipe.batches.inputs(dim)
    model = build_model(recipe, dim, len(run.info.classes)).eval()
    inputs = (
        torch.zeros(1, width)
        if recipe.batches.kind == "windows"
        else Padded(torch.zeros(1, length, width), torch.tensor([length]))
    )
    per_frame = multiply_accumulates(model, inputs) / length
    epochs = sum(row["kind"] == "epoch" for row in run.metrics())
    training = None if recipe.model.fitted else STEP * epochs * frames * per_frame
    return Costs(per_frame, training)


def _input(batches: BatchConfig, lengths: Ints) -> tuple[int, int]:
    """Frames that a model answers for in a typical input, and in an epoch of training.

    Args:
        batches: of the recipe.
        lengths: (U,) of the training utterances.
    """
    if batches.kind == "windows":
        return 1, int(lengths.sum())
    if batches.kind == "segments":
        length = min(batches.frames, int(lengths.max()))
        return length, batches.valid_every * batches.size * length
    _, pieces = cut(lengths, batches.longest)
    return round(np.square(pieces).sum() / pieces.sum()), int(pieces.sum())
