"""Several speaker models side by side, trained in one run, that answer as one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.speaker import SpeakerConfig, SpeakerModel, SpeakerNetwork


class CommitteeConfig(Config):
    """Members of different kinds: what one mistakes, the others seldom do."""

    takes: ClassVar[str] = "segments"
    fitted: ClassVar[bool] = False

    kind: Literal["committee"] = "committee"
    members: Annotated[tuple[SpeakerConfig, ...], Field(min_length=2)]

    def build(self, inputs: int, outputs: int) -> Committee:
        """
        Args:
            inputs: numbers per frame.
            outputs: speakers.
        """
        return Committee(self, inputs, outputs)


class Committee(SpeakerNetwork):
    """Padded (B, T, inputs) -> (B, outputs): the mean of the members' log-probabilities.

    Each member learns from its own loss, as if it were alone. An embedding holds the unit vectors
    of all members, so the cosine of two is the mean of theirs.
    """

    def __init__(self, config: CommitteeConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(member.build(inputs, outputs) for member in config.members)

    @property
    def networks(self) -> tuple[SpeakerModel, ...]:
        """The members, as what they are."""
        return tuple(cast(SpeakerModel, member) for member in self.members)

    def embed(self, batch: Padded) -> Tensor:
        vectors = [functional.normalize(member.embed(batch).float()) for member in self.networks]
        return torch.cat(vectors, dim=1)

    def forward(self, batch: Padded) -> Tensor:
        return _agreed([member(batch) for member in self.networks])

    def loss(self, batch: Padded, labels: Tensor, done: float) -> tuple[Tensor, Tensor]:
        losses, scores = zip(*(m.loss(batch, labels, done) for m in self.networks), strict=True)
        return torch.stack(losses).mean(), _agreed(scores)


def _agreed(scores: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    return torch.stack([one.float().log_softmax(1) for one in scores]).mean(0)
