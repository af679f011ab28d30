"""What every encoder is, and the one rule about padding."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded


class Encoder(nn.Module, ABC):
    """(B, T, inputs) -> (B, T', outputs) with its lengths; T' = T unless it subsamples.

    Real frames never depend on what lies in the padding, not even on NaN there, and every utterance
    gets what it would get alone. What an encoder itself leaves in the padding is finite, no more.

    Attributes:
        outputs: numbers per frame that come out.
    """

    outputs: int

    @abstractmethod
    def forward(self, batch: Padded) -> Padded: ...


def zero_padding(x: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), (B, T) -> (B, T, D). A choice, not a product: 0 times NaN is NaN."""
    if unpadded(mask):
        return x
    return torch.where(mask.unsqueeze(-1), x, 0.0)


def unpadded(mask: Tensor) -> bool:
    """Whether all frames are known to be real. On a CPU a look tells; a GPU is not waited for."""
    return mask.device.type == "cpu" and bool(mask.all())
