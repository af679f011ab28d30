"""From the frames of an utterance to one vector."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.models.encoders.layers import zero_padding
from bossline.models.layers import Dropout, wide

# What every pooling is, and what several of them do with weights over time.


_SMALLEST_VARIANCE = 1e-8


class Pooling(nn.Module, ABC):
    """Padded (B, T, D) -> (B, outputs): one vector an utterance, however long.

    It never depends on what lies in the padding, not even on NaN there. It is float32 at least,
    under autocast too: a sum over hundreds of frames in half precision would be too coarse.

    Attributes:
        outputs: numbers per utterance that come out.
    """

    outputs: int

    @abstractmethod
    def forward(self, batch: Padded) -> Tensor: ...


def real_frames(batch: Padded) -> Tensor:
    """(B, T, D), float32 at least, zeros in the padding."""
    return wide(zero_padding(batch.frames, batch.padding))


def equal_weights(batch: Padded, dtype: torch.dtype) -> Tensor:
    """(B, T, 1): 1 / length on real frames, 0 in the padding."""
    return (batch.mask.to(dtype) / batch.lengths.unsqueeze(1)).unsqueeze(-1)


def attention_weights(scores: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), float32 at least: softmax over each utterance's real frames, 0 in the padding.

    Args:
        scores: (B, T, D).
        mask: (B, T) bool, True on real frames, on one of each utterance at least.
    """
    return wide(scores).masked_fill(~mask.unsqueeze(-1), float("-inf")).softmax(1)


def weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    """(B, D). Not a matrix product: autocast would do that in half precision.

    Args:
        x: (B, T, D), finite in the padding too.
        weights: (B, T, D) or (B, T, 1), 0 in the padding; they sum to 1 over time.
    """
    return (weights * x).sum(1)


def weighted_statistics(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (B, D) each, of what `weighted_mean` takes.

    The variance is clamped, so the gradient of the root is finite where all frames are equal.
    """
    mean = weighted_mean(x, weights)
    variance = weighted_mean((x - mean.unsqueeze(1)).square(), weights)
    return mean, variance.clamp(min=_SMALLEST_VARIANCE).sqrt()


def standardised(batch: Padded) -> tuple[Tensor, Tensor]:
    """(B, T, D) of mean 0 and deviation 1 over each utterance, 0 in the padding; (B, D) deviations.

    Args:
        batch: finite in the padding too, as `real_frames` gives them.
    """
    x = batch.frames
    mean, deviation = weighted_statistics(x, equal_weights(batch, x.dtype))
    z = (x - mean.unsqueeze(1)) / deviation.unsqueeze(1)
    return z.masked_fill(~batch.mask.unsqueeze(2), 0), deviation


def correlations_over_time(z: Tensor, lengths: Tensor, lag: int) -> Tensor:
    """(B, D * D), or at lag 0 (B, D * (D - 1) / 2): there the matrix is symmetric, with ones."""
    products = z[:, : max(z.shape[1] - lag, 0)].mT @ z[:, lag:]
    mean = products / (lengths - lag).clamp_min(1).view(-1, 1, 1)
    if lag:
        return mean.flatten(1)
    dims = z.shape[2]
    rows, columns = torch.triu_indices(dims, dims, offset=1, device=z.device)
    return mean[:, rows, columns]


# The mean over time.


class MeanConfig(Config):
    """The mean over time."""

    kind: Literal["mean"] = "mean"

    def build(self, inputs: int) -> MeanPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return MeanPooling(inputs)


class MeanPooling(Pooling):
    """Padded (B, T, inputs) -> (B, inputs)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = inputs

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        return weighted_mean(x, equal_weights(batch, x.dtype))


# Statistics pooling, of the x-vector.


class StatisticsConfig(Config):
    """Mean and standard deviation over time (Snyder et al. 2018)."""

    kind: Literal["statistics"] = "statistics"

    def build(self, inputs: int) -> StatisticsPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return StatisticsPooling(inputs)


class StatisticsPooling(Pooling):
    """Padded (B, T, inputs) -> (B, 2 x inputs): means, then standard deviations.

    Snyder et al. 2018, "X-vectors: robust DNN embeddings for speaker recognition". The variance is
    that of the frames at hand, divided by T.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = 2 * inputs

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        return torch.cat(weighted_statistics(x, equal_weights(batch, x.dtype)), dim=1)


# Self-attention pooling (Safari et al. 2020, arXiv 2008.01077).


class SelfAttentionConfig(Config):
    """A mean with learnt weights of the frames (arXiv 2008.01077)."""

    kind: Literal["self-attention"] = "self-attention"

    def build(self, inputs: int) -> SelfAttentionPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return SelfAttentionPooling(inputs)


class SelfAttentionPooling(Pooling):
    """Padded (B, T, inputs) -> (B, inputs): a mean whose weights one projection decides."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = inputs
        self.score = nn.Linear(inputs, 1, bias=False)  # the softmax would take a bias out again

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        return weighted_mean(x, attention_weights(self.score(x), batch.mask))


# Self multi-head attention pooling (India et al. 2019, arXiv 1906.09890).


class MultiHeadConfig(Config):
    """Every head attends to its own slice of a frame."""

    kind: Literal["multi-head"] = "multi-head"
    heads: int = Field(4, ge=1, description="slices of a frame; they must divide its numbers")

    def build(self, inputs: int) -> MultiHeadPooling:
        """
        Args:
            inputs: numbers per frame.

        Raises:
            UserError: they cannot be cut into so many slices.
        """
        return MultiHeadPooling(self, inputs)


class MultiHeadPooling(Pooling):
    """Padded (B, T, inputs) -> (B, inputs): the heads' means, side by side.

    A head has one learned query, and weights by softmax(slice . query / sqrt(width of a slice)).
    """

    def __init__(self, config: MultiHeadConfig, inputs: int) -> None:
        super().__init__()
        if inputs % config.heads:
            raise UserError(
                f"multi-head pooling cannot cut the encoder's {inputs} numbers per frame into "
                f"{config.heads} heads: choose a divisor of {inputs}"
            )
        self.outputs = inputs
        self.queries = nn.Parameter(torch.empty(config.heads, inputs // config.heads))
        nn.init.xavier_uniform_(self.queries)

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        heads, width = self.queries.shape
        slices = x.reshape(*x.shape[:2], heads, width)
        scores = (slices * self.queries).sum(-1) / math.sqrt(width)
        weights = attention_weights(scores, batch.mask)
        return weighted_mean(x, weights.repeat_interleave(width, dim=-1))


# Attentive statistics pooling (Okabe et al. 2018, arXiv 1803.10963), in the form of ECAPA-TDNN.


class AttentiveStatisticsConfig(Config):
    """Weights from a bottleneck with tanh, for every channel its own."""

    kind: Literal["attentive-statistics"] = "attentive-statistics"
    bottleneck: int = Field(128, ge=1, description="units between a frame and its weights")
    context: bool = Field(
        True, description="a frame's weights also see the utterance's mean and standard deviation"
    )

    def build(self, inputs: int) -> AttentiveStatisticsPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return AttentiveStatisticsPooling(self, inputs)


class AttentiveStatisticsPooling(Pooling):
    """Padded (B, T, inputs) -> (B, 2 x inputs): weighted means, then standard deviations.

    Channel- and context-dependent (Desplanques et al. 2020, arXiv 2005.07143). There the context
    stands beside every frame before one linear layer; here it has its own, whose result is added:
    the same function, without T copies of the context.
    """

    def __init__(self, config: AttentiveStatisticsConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = 2 * inputs
        self.frame = nn.Linear(inputs, config.bottleneck)
        self.context = (
            nn.Linear(2 * inputs, config.bottleneck, bias=False) if config.context else None
        )
        # the softmax would take a bias out again
        self.score = nn.Linear(config.bottleneck, inputs, bias=False)

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        hidden = self.frame(x)
        if self.context is not None:
            context = torch.cat(weighted_statistics(x, equal_weights(batch, x.dtype)), dim=1)
            hidden = hidden + self.context(context).unsqueeze(1)
        weights = attention_weights(self.score(hidden.tanh()), batch.mask)
        return torch.cat(weighted_statistics(x, weights), dim=1)


# Correlation pooling (Stafylakis et al. 2021, arXiv 2104.02571): which channels go together.


class CorrelationPoolingConfig(Config):
    """Correlations over time between a few projections of the encoder's channels."""

    kind: Literal["correlation"] = "correlation"
    channels: int = Field(64, ge=2, description="projections, of which each pair is correlated")
    dropout: float = Field(0.25, ge=0, lt=1, description="of the correlations")

    def build(self, inputs: int) -> CorrelationPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return CorrelationPooling(self, inputs)


class CorrelationPooling(Pooling):
    """Padded (B, T, inputs) -> (B, outputs): log deviations, then correlations of the pairs.

    Means and deviations look at each channel alone; this is what they leave out. The paper drops
    channels, here single correlations are dropped.
    """

    def __init__(self, config: CorrelationPoolingConfig, inputs: int) -> None:
        super().__init__()
        channels = config.channels
        self.outputs = channels + channels * (channels - 1) // 2
        self.project = nn.Linear(inputs, channels)
        self.dropout = Dropout(config.dropout)

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        with torch.autocast(x.device.type, enabled=False):
            projected = self.project(x.to(self.project.weight.dtype))
            z, deviation = standardised(batch.with_frames(projected))
            correlations = correlations_over_time(z, batch.lengths, 0)
            return torch.cat([deviation.log(), self.dropout(correlations)], dim=1)


# From frames to one vector an utterance: a file a pooling.
#
# A config builds its pooling; the union of configs is what a recipe takes.


PoolingConfig = Annotated[
    MeanConfig
    | StatisticsConfig
    | SelfAttentionConfig
    | MultiHeadConfig
    | AttentiveStatisticsConfig
    | CorrelationPoolingConfig,
    Field(discriminator="kind"),
]

__all__ = ["Pooling", "PoolingConfig"]
