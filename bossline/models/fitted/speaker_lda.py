"""What a voice leaves in the numbers of a whole utterance, without any learning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.base import ModelConfig
from bossline.models.fitted.base import Fitted
from bossline.models.fitted.discriminant import Discriminant, likeliest_scale
from bossline.models.fitted.mixture import MixtureStatistics
from bossline.models.fitted.sums import ClassMoments
from bossline.models.pooling import correlations_over_time, real_frames, standardised
from bossline.models.speaker import VoiceModel

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class UtteranceStatistics(nn.Module):
    """Padded (B, T, D) -> (B, outputs): how frames spread, and how they go together.

    Of each dimension the logarithm of its standard deviation and five quantiles; of each pair the
    correlation, at once and so many frames apart. Frames are standardised over the utterance first,
    so a channel that adds to log energies changes nothing.
    """

    def __init__(self, inputs: int, lags: Sequence[int]) -> None:
        """
        Args:
            inputs: D.
            lags: in frames; 0 is at once.
        """
        super().__init__()
        self._lags = tuple(lags)
        pairs = [inputs * (inputs - 1) // 2 if lag == 0 else inputs**2 for lag in lags]
        self.outputs = inputs * (1 + len(_QUANTILES)) + sum(pairs)

    def forward(self, batch: Padded) -> Tensor:
        with torch.autocast(batch.frames.device.type, enabled=False):
            z, deviation = standardised(batch.with_frames(real_frames(batch)))
            correlations = [correlations_over_time(z, batch.lengths, lag) for lag in self._lags]
            return torch.cat([deviation.log(), _quantiles(z, batch), *correlations], dim=1)


def _quantiles(z: Tensor, batch: Padded) -> Tensor:
    """(B, quantiles * D), between two frames in proportion, as numpy does by default."""
    ordered = z.masked_fill(~batch.mask.unsqueeze(2), float("inf")).sort(1).values
    levels = torch.tensor(_QUANTILES, dtype=torch.float64, device=z.device)
    places = levels * (batch.lengths.unsqueeze(1) - 1)
    below = places.floor().long()
    above = torch.minimum(below + 1, batch.lengths.unsqueeze(1) - 1)
    share = (places - below).to(z.dtype).unsqueeze(2)
    wide = (-1, -1, z.shape[2])
    low = ordered.gather(1, below.unsqueeze(2).expand(wide))
    high = ordered.gather(1, above.unsqueeze(2).expand(wide))
    return torch.lerp(low, high, share).flatten(1)


# Linear discriminant analysis of voices: statistics of the utterance, one shared covariance.
#
# Thousands of numbers that go together, taken for Gaussian, claim far too much certainty. So the
# logits are scaled by what makes utterances likeliest that were held back (temperature scaling,
# Guo et al. 2017, arXiv 1706.04599); then all are fitted again.


_EVERY = 5  # of so many utterances of a speaker, the last is held back for the scale


class SpeakerLdaConfig(ModelConfig):
    """LDA of statistics of whole utterances; fitted in a pass or two."""

    takes: ClassVar[str] = "segments"
    fitted: ClassVar[bool] = True

    kind: Literal["speaker-lda"] = "speaker-lda"
    lags: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0, 3), description="frames apart at which dimensions are correlated"
    )
    components: int = Field(
        0, ge=0, description="Gaussians of frames, whose shifts by a voice are statistics too"
    )
    shrinkage: float = Field(
        0.2, ge=0, le=1, description="how far the covariance moves to its diagonal"
    )

    def build(self, inputs: int, outputs: int, statics: int | None = None) -> SpeakerLda:
        """
        Args:
            inputs: numbers per frame.
            outputs: speakers.
            statics: numbers per frame that are no deltas; None: all.
        """
        return SpeakerLda(self, inputs, outputs, statics)


class SpeakerLda(VoiceModel, Fitted):
    """Padded (B, T, inputs) -> (B, outputs) logits; the embedding is the discriminant's."""

    def __init__(
        self, config: SpeakerLdaConfig, inputs: int, outputs: int, statics: int | None = None
    ) -> None:
        super().__init__()
        self._shrinkage, self._classes = config.shrinkage, outputs
        self.statistics = UtteranceStatistics(inputs, config.lags)
        self.shifts = (
            MixtureStatistics(statics or inputs, config.components) if config.components else None
        )
        dim = self.statistics.outputs + (self.shifts.outputs if self.shifts else 0)
        self.discriminant = Discriminant(dim, outputs)

    def _vectors(self, batch: Padded) -> Tensor:
        """(B, D): what describes each utterance."""
        fixed: Tensor = self.statistics(batch)
        return fixed if self.shifts is None else torch.cat([fixed, self.shifts(batch)], dim=1)

    def embed(self, batch: Padded) -> Tensor:
        return self.discriminant.embed(self._vectors(batch))

    def forward(self, batch: Padded) -> Tensor:
        scores: Tensor = self.discriminant(self._vectors(batch))
        return scores

    def heard(self, batch: Padded) -> tuple[Tensor, Tensor]:
        vectors = self._vectors(batch)
        return self.discriminant(vectors), self.discriminant.embed(vectors)

    def fit(self, data: Iterable[tuple[Padded, Tensor]]) -> str:
        if self.shifts is not None:
            self.shifts.fit(inputs for inputs, _ in data)
        moments = ClassMoments(self._classes)
        turns = [count() for _ in range(self._classes)]
        held: list[tuple[Tensor, Tensor]] = []
        for inputs, labels in data:
            x = self._vectors(inputs)
            back = [next(turns[label]) % _EVERY == _EVERY - 1 for label in labels.tolist()]
            chosen = torch.tensor(back, device=labels.device)
            moments.add(x[~chosen], labels[~chosen])
            held.append((x[chosen], labels[chosen]))
        self.discriminant.solve(moments, self._shrinkage)
        scale = self._scale(held)
        self.discriminant.solve(moments.add_all(held), self._shrinkage)
        self.discriminant.sharpen(scale)
        passes = "one pass" if self.shifts is None else "two passes"
        return f"{passes}, logits scaled by {scale:.2f}"

    @torch.no_grad()
    def _scale(self, held: list[tuple[Tensor, Tensor]]) -> float:
        """Of the logits; 1 where no speaker has enough utterances to hold one back."""
        labels = torch.cat([labels for _, labels in held])
        if not len(labels):
            return 1.0
        return likeliest_scale(self.discriminant(torch.cat([x for x, _ in held])), labels)
