"""Who speaks: an encoder over the frames, a pooling over time, an embedding, a head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.base import ModelConfig
from bossline.models.encoders import EncoderConfig
from bossline.models.encoders.layers import frame_stacked
from bossline.models.heads import HeadConfig, LinearHeadConfig, Number
from bossline.models.pooling import MeanConfig, PoolingConfig


class SpeakerConfig(ModelConfig):
    """Any encoder and pooling; the head is the objective too."""

    takes: ClassVar[str] = "segments"

    kind: Literal["speaker"] = "speaker"
    encoder: EncoderConfig = Field(description="what reads the frames")
    frame_stack: int = Field(
        1,
        ge=1,
        validation_alias=AliasChoices("frame_stack", "stack"),  # as older recipes call it
        description="neighbouring frames that the encoder reads as one step",
    )
    pooling: PoolingConfig = Field(
        MeanConfig(), description="what makes one vector of an utterance"
    )
    embedding: int = Field(192, ge=1, description="numbers that describe a voice")
    head: HeadConfig = Field(LinearHeadConfig(), description="from a voice's vector to speakers")

    def build(self, inputs: int, outputs: int) -> SpeakerModel:
        """
        Args:
            inputs: numbers per frame.
            outputs: speakers.
        """
        return SpeakerModel(self, inputs, outputs)


class VoiceModel(nn.Module, ABC):
    """Padded (B, T, inputs) -> (B, outputs) scores of the speakers, by way of an embedding."""

    @abstractmethod
    def embed(self, batch: Padded) -> Tensor:
        """(B, embedding): one vector an utterance, the same voice in about the same direction."""

    def heard(self, batch: Padded) -> tuple[Tensor, Tensor]:
        """Scores and embedding; in one pass, where the model knows how."""
        return self(batch), self.embed(batch)


class SpeakerNetwork(VoiceModel):
    """A voice model that learns by gradient steps."""

    @abstractmethod
    def loss(self, batch: Padded, labels: Tensor, done: Number) -> tuple[Tensor, Tensor]:
        """The mean loss, and the scores (B, outputs).

        Args:
            batch: (B, T, inputs).
            labels: (B,) int64.
            done: share of the training that is over; margins rise with it.
        """


class SpeakerModel(SpeakerNetwork):
    """Encoder, pooling, embedding, head."""

    def __init__(self, config: SpeakerConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.frame_stack = config.frame_stack
        self.encoder = config.encoder.build(config.frame_stack * inputs)
        self.pooling = config.pooling.build(self.encoder.outputs)
        self.norm = nn.BatchNorm1d(self.pooling.outputs)
        self.project = nn.Linear(self.pooling.outputs, config.embedding)
        self.head = config.head.build(config.embedding, outputs)
        self._margin_scale = config.head.margin_scale

    def embed(self, batch: Padded) -> Tensor:
        embedding: Tensor = self.project(
            self.norm(self.pooling(self.encoder(frame_stacked(batch, self.frame_stack))))
        )
        return embedding

    def forward(self, batch: Padded) -> Tensor:
        return self.heard(batch)[0]

    def heard(self, batch: Padded) -> tuple[Tensor, Tensor]:
        embedding = self.embed(batch)
        return self.head(embedding), embedding

    def loss(self, batch: Padded, labels: Tensor, done: Number) -> tuple[Tensor, Tensor]:
        return self.head.loss(self.embed(batch), labels, self._margin_scale(done))
