"""What a model makes of several views of the same utterance or image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bossline.batches.images import Images
from bossline.batches.segments import Segments
from bossline.core.runtime import Runtime
from bossline.recipes.schema import Recipe


def averaged(
    answer: Callable[[Any], Tensor],
    model: nn.Module,
    opened: Segments | Images,
    recipe: Recipe,
    runtime: Runtime,
) -> Tensor:
    """(U, n) mean of the model's answers (B, n) to each utterance's views."""
    model.eval()
    numbers, rows = [], []
    for inputs, whose in opened.in_order():
        with runtime.autocast(recipe.precision):
            rows.append(answer(inputs))
        numbers.append(whose)
    model.train()
    joined, whose = torch.cat(rows), torch.cat(numbers)
    total = joined.new_zeros(len(opened), joined.shape[1]).index_add_(0, whose, joined)
    return total / torch.bincount(whose, minlength=len(opened)).unsqueeze(1)
