"""Self-attention over utterances, with rotary positions."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from bossline.batches.padded import Padding
from bossline.core.config import MOST_LAYERS, Config
from bossline.models.layers import Linear

_ON_A_GPU = [
    SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH,
]  # fmt: skip
_LANES = 32  # numbers in bfloat16 that one instruction of a CPU takes

Rotation = tuple[Tensor, Tensor]
"""Cosine and sine, (T, half a head's width) each."""


class AttentionConfig(Config):
    """What every encoder with attention is told."""

    kind: str
    depth: int = Field(4, ge=1, le=MOST_LAYERS, description="layers")
    width: int = Field(144, ge=2, description="numbers per frame between the layers")
    heads: int = Field(4, ge=1, description="heads; 2 x heads must divide the width")
    feed_forward: int = Field(4, ge=1, description="inner width of a feed-forward / width")
    dropout: float = Field(0.1, ge=0, lt=1, description="of branches, never of attention weights")

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} is no multiple of 2 x heads = {2 * self.heads}: "
                "a rotary head has an even width"
            )
        return self


class RotaryPositions(nn.Module):
    """Rotary positions (Su et al. 2021, arXiv 2104.09864).

    Query and key of frame t are turned by angles proportional to t, so their product depends on the
    distance of two frames alone. Positions are thus relative, as in the Conformer's paper, yet no
    (T, T) bias exists that would cost memory and shut out the fused attention kernels.
    """

    frequencies: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        pairs = torch.arange(0, head_width, 2) / head_width
        self.register_buffer("frequencies", 10_000**-pairs, persistent=False)

    def forward(self, steps: int) -> Rotation:
        """The rotation of each of so many frames, for all layers."""
        times = torch.arange(steps, device=self.frequencies.device)
        angles = times.unsqueeze(1) * self.frequencies
        return angles.cos(), angles.sin()


class SelfAttention(nn.Module):
    """(B, T, width) -> (B, T, width): multi-head self-attention over each utterance's real frames.

    Its weights have no dropout: on a CPU that would cost more than all the rest of it.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values = Linear(width, 3 * width)
        self.output = Linear(width, width)

    def forward(self, x: Tensor, padding: Padding, rotation: Rotation) -> Tensor:
        """
        Args:
            x: (B, T, width), finite in the padding too.
            padding: of these frames.
            rotation: of T frames.
        """
        projected = self.queries_keys_values(x).unflatten(-1, (3, self.heads, -1))
        queries_keys, values = projected.permute(2, 0, 3, 1, 4).split((2, 1))
        queries, keys = _rotated(queries_keys, rotation)
        attended = _attended(queries, keys, values[0], padding.mask)
        joined: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return joined


def _attended(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """(B, heads, T, head) each, mask (B, T) -> the same; scaled by 1 / sqrt(head).

    By torch's fused kernels, which never hold (T, T) weights; on a GPU not by cuDNN's, which plans
    every new shape anew for 8 ms each way. Training in bfloat16 on a CPU is the exception: there
    their gradient takes up to three times as long as that of plain products.
    """
    if queries.device.type == "cpu" and queries.dtype == torch.bfloat16 and queries.requires_grad:
        return _attended_plainly(queries, keys, values, mask)
    where = mask[:, None, None, :]
    with _kernels(queries.device):
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=where)


def _kernels(device: torch.device) -> AbstractContextManager[None]:
    return sdpa_kernel(_ON_A_GPU) if device.type == "cuda" else nullcontext()


def _attended_plainly(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    steps, heads, scale = mask.shape[1], queries.shape[1], queries.shape[-1] ** -0.5
    # A row of weights fills whole vector registers: the softmax takes 2/3 of the time.
    spare = -steps % _LANES
    q, k, v = (functional.pad(x.flatten(0, 1), (0, 0, 0, spare)) for x in (queries, keys, values))
    real = functional.pad(mask, (0, spare))
    barred = q.new_zeros(real.shape).masked_fill(~real, float("-inf"))
    barred = barred.repeat_interleave(heads, dim=0).unsqueeze(1)
    weights = torch.baddbmm(barred, q, k.mT, alpha=scale).softmax(-1, dtype=q.dtype)
    return torch.bmm(weights, v)[:, :steps].reshape(values.shape)


class _Turned(Function):
    """(..., T, head) -> the same: number i and number i + head / 2 are a point in a plane.

    Products are summed in place: 4 passes over half the numbers, not 7 and a copy.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        context.save_for_backward(cosine, sine)
        turned = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        first, second = x.chunk(2, dim=-1)
        left, right = turned.chunk(2, dim=-1)
        torch.mul(first, cosine, out=left).addcmul_(second, sine, value=-1)
        torch.mul(second, cosine, out=right).addcmul_(first, sine)
        return turned

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = context.saved_tensors
        return _Turned.apply(gradient, cosine, -sine), None, None  # type: ignore[no-untyped-call]


def _rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """(..., T, head) -> the same."""
    cosine, sine = (part.to(x.dtype) for part in rotation)
    if torch.compiler.is_compiling():  # the same for a graph, which knows no results in place
        first, second = x.chunk(2, dim=-1)
        left = torch.addcmul(first * cosine, second, sine, value=-1)
        return torch.cat((left, torch.addcmul(second * cosine, first, sine)), dim=-1)
    turned: Tensor = _Turned.apply(x, cosine, sine)  # type: ignore[no-untyped-call]
    return turned
