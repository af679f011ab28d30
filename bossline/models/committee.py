"""Several speaker models side by side, trained in one run, that answer as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.models.base import ModelConfig
from bossline.models.fitted.speaker_lda import SpeakerLda, SpeakerLdaConfig
from bossline.models.heads import Number
from bossline.models.speaker import SpeakerConfig, SpeakerModel, SpeakerNetwork, VoiceModel

MemberConfig = Annotated[SpeakerConfig | SpeakerLdaConfig, Field(discriminator="kind")]


class CommitteeConfig(ModelConfig):
    """Members of different kinds: what one mistakes, the others seldom do."""

    takes: ClassVar[str] = "segments"

    kind: Literal["committee"] = "committee"
    members: Annotated[tuple[MemberConfig, ...], Field(min_length=2, description="those that vote")]

    @model_validator(mode="after")
    def _some_member_learns(self) -> Self:
        if all(member.fitted for member in self.members):
            raise ValueError("one member at least must be of kind speaker: the others only fit")
        return self

    def build(self, inputs: int, outputs: int, statics: int | None = None) -> Committee:
        """
        Args:
            inputs: numbers per frame.
            outputs: speakers.
            statics: numbers per frame that are no deltas; None: all.
        """
        return Committee(self, inputs, outputs, statics)


class Committee(SpeakerNetwork):
    """Padded (B, T, inputs) -> (B, outputs): the weighted mean of the members' log-probabilities.

    All members of a kind have one vote together, since they err alike. Each network learns from its
    own loss, as if it were alone; members that are fitted are so before the first step, and do not
    move. An embedding holds the unit vectors of all members, so the cosine of two is the weighted
    mean of theirs.
    """

    def __init__(
        self, config: CommitteeConfig, inputs: int, outputs: int, statics: int | None = None
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            member.build(inputs, outputs, statics)
            if isinstance(member, SpeakerLdaConfig)
            else member.build(inputs, outputs)
            for member in config.members
        )
        for member in self._fitted:
            member.requires_grad_(False)
        peers = Counter(member.kind for member in config.members)
        self._weights = [1 / len(peers) / peers[member.kind] for member in config.members]

    @property
    def voices(self) -> tuple[VoiceModel, ...]:
        """All members, as what they are."""
        return tuple(cast(VoiceModel, member) for member in self.members)

    @property
    def networks(self) -> tuple[SpeakerModel, ...]:
        """The members that learn by gradient steps."""
        return tuple(member for member in self.members if isinstance(member, SpeakerModel))

    @property
    def _fitted(self) -> tuple[SpeakerLda, ...]:
        return tuple(member for member in self.members if isinstance(member, SpeakerLda))

    def fit(self, data: Iterable[tuple[Padded, Tensor]]) -> None:
        """Set the weights of the members that are fitted.

        Args:
            data: the training split as `Fitted.fit` takes it.
        """
        for member in self._fitted:
            member.fit(data)

    def embed(self, batch: Padded) -> Tensor:
        return self._joined([voice.embed(batch) for voice in self.voices])

    def forward(self, batch: Padded) -> Tensor:
        return self._voted([voice(batch) for voice in self.voices])

    def heard(self, batch: Padded) -> tuple[Tensor, Tensor]:
        scores, vectors = zip(*(voice.heard(batch) for voice in self.voices), strict=True)
        return self._voted(scores), self._joined(vectors)

    def _joined(self, vectors: Sequence[Tensor]) -> Tensor:
        weighted = [
            math.sqrt(weight) * functional.normalize(vector.float())
            for vector, weight in zip(vectors, self._weights, strict=True)
        ]
        return torch.cat(weighted, dim=1)

    def _voted(self, scores: Sequence[Tensor]) -> Tensor:
        votes = [
            weight * one.float().log_softmax(1)
            for one, weight in zip(scores, self._weights, strict=True)
        ]
        return torch.stack(votes).sum(0)

    def loss(self, batch: Padded, labels: Tensor, done: Number) -> tuple[Tensor, Tensor]:
        """The mean of the networks' losses, and what the networks answer together."""
        losses, scores = zip(*(m.loss(batch, labels, done) for m in self.networks), strict=True)
        agreed = torch.stack([one.float().log_softmax(1) for one in scores]).mean(0)
        return torch.stack(losses).mean(), agreed
