"""The Conformer as public PyTorch code usually has it: what benchmarks.conformer holds ours to.

Written from the papers (arXiv 2005.08100; positions of Transformer-XL, arXiv 1901.02860), with the
habits of the most copied code. Padding is not looked at. Positions are repeated for every utterance
and projected there, a position score is made for each of the 2T - 1 distances and shifted into
place, the attention weights exist in memory and have dropout, Swish and the gated unit are products
with a sigmoid, and convolutions transpose to (B, D, T).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class UsualConformer(nn.Module):
    """(B, T, inputs) -> (B, T, width)."""

    distances: Tensor

    def __init__(
        self,
        inputs: int,
        *,
        depth: int,
        width: int,
        heads: int,
        kernel: int,
        dropout: float,
        longest: int,
    ) -> None:
        """
        Args:
            inputs: numbers per frame.
            longest: frames; positions are made once, for utterances up to this length.
        """
        super().__init__()
        self.project = nn.Sequential(nn.Linear(inputs, width), nn.Dropout(dropout))
        self.blocks = nn.ModuleList(_Block(width, heads, kernel, dropout) for _ in range(depth))
        self.register_buffer("distances", sinusoids(longest, width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        steps, longest = x.shape[1], (len(self.distances) + 1) // 2
        positions = self.distances[longest - steps : longest + steps - 1]
        x = self.project(x)
        for block in self.blocks:
            x = block(x, positions)
        return x


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.first = _feed_forward(width, dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = RelativeAttention(width, heads, dropout)
        self.dropout = nn.Dropout(dropout)
        self.convolution = _Convolution(width, kernel, dropout)
        self.second = _feed_forward(width, dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        x = x + 0.5 * self.first(x)
        x = x + self.dropout(self.attention(self.attention_norm(x), positions))
        x = x + self.convolution(x)
        x = x + 0.5 * self.second(x)
        normed: Tensor = self.norm(x)
        return normed


def _feed_forward(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 4 * width),
        Swish(),
        nn.Dropout(dropout),
        nn.Linear(4 * width, width),
        nn.Dropout(dropout),
    )


class RelativeAttention(nn.Module):
    """(B, T, width) -> (B, T, width): self-attention with Transformer-XL's relative positions."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.position = nn.Linear(width, width, bias=False)
        self.content_bias = nn.Parameter(torch.empty(heads, self.head_width))
        self.position_bias = nn.Parameter(torch.empty(heads, self.head_width))
        nn.init.xavier_uniform_(self.content_bias)
        nn.init.xavier_uniform_(self.position_bias)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """
        Args:
            x: (B, T, width).
            positions: (2T - 1, width), of the distances from T - 1 down to 1 - T.
        """
        size, steps, width = x.shape
        query = self.query(x).view(size, steps, self.heads, self.head_width)
        key = self.key(x).view(size, steps, self.heads, self.head_width).transpose(1, 2)
        value = self.value(x).view(size, steps, self.heads, self.head_width).transpose(1, 2)
        repeated = positions.repeat(size, 1, 1)
        position = self.position(repeated).view(size, -1, self.heads, self.head_width)
        content_query = (query + self.content_bias).transpose(1, 2)
        position_query = (query + self.position_bias).transpose(1, 2)
        content = torch.matmul(content_query, key.transpose(-2, -1))
        shifted = relative_shift(torch.matmul(position_query, position.permute(0, 2, 3, 1)))
        weights = torch.softmax((content + shifted) / math.sqrt(self.head_width), dim=-1)
        attended = torch.matmul(self.dropout(weights), value)
        joined: Tensor = self.output(attended.transpose(1, 2).reshape(size, steps, width))
        return joined


def relative_shift(scores: Tensor) -> Tensor:
    """(B, heads, T, 2T - 1) by distance, from T - 1 down -> (B, heads, T, T) by key."""
    size, heads, steps, distances = scores.shape
    padded = functional.pad(scores, (1, 0)).view(size, heads, distances + 1, steps)
    return padded[:, :, 1:].reshape(size, heads, steps, distances)[..., :steps]


def sinusoids(longest: int, width: int) -> Tensor:
    """(2 longest - 1, width): sines and cosines of the distances from longest - 1 down."""
    distances = torch.arange(longest - 1, -longest, -1).unsqueeze(1)
    angles = distances * torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)


class Swish(nn.Module):
    """Any shape, the same shape."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.sigmoid()


class GatedUnit(nn.Module):
    """(B, 2 D, T) -> (B, D, T)."""

    def forward(self, x: Tensor) -> Tensor:
        passed, gate = x.chunk(2, dim=1)
        return passed * gate.sigmoid()


class _Convolution(nn.Module):
    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1),
            GatedUnit(),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False),
            nn.BatchNorm1d(width),
            Swish(),
            nn.Conv1d(width, width, 1),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        convolved: Tensor = self.layers(self.norm(x).transpose(1, 2))
        return convolved.transpose(1, 2)
