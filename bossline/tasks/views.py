"""What a model makes of several views of the same item, and of frames that come in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bossline.batches.base import Batches, FrameBatches
from bossline.core.runtime import Runtime


def averaged(
    answer: Callable[[Any], Tensor], opened: Batches, precision: str, runtime: Runtime
) -> Tensor:
    """(U, n) mean of a model's answers (B, n) to each item's views."""
    indices, rows = [], []
    for inputs, whose in opened.in_order():
        with runtime.autocast(precision):
            rows.append(answer(inputs))
        indices.append(whose)
    joined, whose = torch.cat(rows), torch.cat(indices)
    total = joined.new_zeros(len(opened), joined.shape[1]).index_add_(0, whose, joined)
    return total / torch.bincount(whose, minlength=len(opened)).unsqueeze(1)


def of_frames(
    model: Callable[[Any], Tensor], opened: FrameBatches, precision: str, runtime: Runtime
) -> Tensor:
    """(N, C) class probabilities of all frames, utterances end to end.

    Args:
        model: gives logits (..., C) of the frames of a batch.
    """
    # Each batch goes to its place at once: probabilities take more memory than frames do.
    answers = torch.empty(0, device=runtime.device)
    for inputs, where, rows in opened.in_order():
        with runtime.autocast(precision):
            logits: Tensor = model(inputs)
        if not len(answers):
            answers = answers.new_empty(len(opened), logits.shape[-1])
        own = logits.flatten(0, -2).index_select(0, rows)
        answers.index_copy_(0, where, own.float().softmax(1))
    return answers
