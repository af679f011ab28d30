"""What a model makes of several views of the same utterance or image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bossline.batches.base import Batches
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
