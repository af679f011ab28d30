"""What a run costs: multiply-accumulates of a frame, row or image, and of the whole training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bossline.batches.base import BatchConfig
from bossline.batches.images import ImageConfig
from bossline.batches.padded import Padded
from bossline.batches.rows import RowConfig
from bossline.batches.segments import SegmentConfig
from bossline.batches.utterances import UtteranceConfig, cut
from bossline.batches.windows import WindowConfig
from bossline.data.packed import Ints
from bossline.data.splits import split_corpus
from bossline.models.costs import multiply_accumulates
from bossline.runs.run import Run
from bossline.tasks import task_of

STEP = 3  # a training step in forward passes: the backward one multiplies twice as often


@dataclass(frozen=True)
class Costs:
    """Multiply-accumulates; see `multiply_accumulates` for what counts."""

    per_item: float  # of a forward pass, for each frame, row or image that it answers for
    training: float | None  # of all steps, forward and backward; None: the model takes none


def costs_of(run: Run) -> Costs:
    """Count on an utterance of the length in which the average training frame stands.

    Attention costs a frame as much as its utterance is long. So the mean over all training frames
    is what a frame costs in an utterance of the mean length, weighted by length. Padding of batches
    of whole utterances is left out; segments cost their full length. An image costs what it does at
    the side that the model sees, in one view.

    Raises:
        UserError: the run's corpus is gone, or has changed since.
    """
    recipe, corpus = run.recipe, run.corpus()
    splits = split_corpus(corpus, recipe.split, task_of(recipe).labelled(corpus))
    features = run.info.features
    inputs, answered, items = _typical(
        recipe.batches, features.dim, corpus.lengths[splits["train"]]
    )
    model = task_of(recipe).model(recipe, features, run.info.classes).eval()
    per_item = multiply_accumulates(model, inputs) / answered
    epochs = sum(row["kind"] == "epoch" for row in run.metrics())
    training = None if recipe.model.fitted else STEP * epochs * items * per_item
    return Costs(per_item, training)


def item_of(run: Run) -> str:
    """What `per_item` is of."""
    item = run.info.features.item
    return "frame" if item == "utterance" else item


def _typical(batches: BatchConfig, dim: int, lengths: Ints) -> tuple[Tensor | Padded, int, int]:
    """A typical input, the items that a model answers for in it, and in an epoch of training.

    Args:
        batches: of the recipe.
        dim: numbers of a frame or row, or channels of an image.
        lengths: (U,) of the training items.
    """
    width = batches.inputs(dim)
    match batches:
        case WindowConfig():
            return torch.zeros(1, width), 1, int(lengths.sum())
        case RowConfig():
            return torch.zeros(1, width), 1, len(lengths)
        case ImageConfig():
            return torch.zeros(1, width, batches.side, batches.side), 1, len(lengths)
        case SegmentConfig():
            length = min(batches.frames, int(lengths.max()))
            items = batches.valid_every * batches.size * length
        case UtteranceConfig():
            _, pieces = cut(lengths, batches.longest)
            length = round(np.square(pieces).sum() / pieces.sum())
            items = int(pieces.sum())
        case _:
            raise TypeError(f"no typical input is known of batches of kind {batches.kind}")
    return Padded.of(torch.zeros(1, length, width), torch.tensor([length])), length, items
