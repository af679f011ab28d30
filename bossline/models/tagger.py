"""A label for every frame of whole utterances: an encoder and one linear layer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.dropout import Dropout
from bossline.models.encoders import EncoderConfig


class TaggerConfig(Config):
    """Any encoder that keeps the number of frames."""

    takes: ClassVar[str] = "utterances"

    kind: Literal["tagger"] = "tagger"
    encoder: EncoderConfig
    dropout: float = Field(0.0, ge=0, lt=1, description="before the output layer")

    @field_validator("encoder")
    @classmethod
    def _keeps_frames(cls, encoder: EncoderConfig) -> EncoderConfig:
        if encoder.kind == "subsample":
            raise ValueError("every frame needs its label, so the encoder must not subsample")
        return encoder

    def build(self, inputs: int, outputs: int) -> Tagger:
        """
        Args:
            inputs: numbers per frame.
            outputs: classes.
        """
        return Tagger(self, inputs, outputs)


class Tagger(nn.Module):
    """Padded (B, T, inputs) -> (sum of lengths, outputs) logits of the real frames, end to end."""

    def __init__(self, config: TaggerConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.encoder = config.encoder.build(inputs)
        self.dropout = Dropout(config.dropout)
        self.output = nn.Linear(self.encoder.outputs, outputs)

    def forward(self, batch: Padded) -> Tensor:
        frames = self.encoder(batch).joined()
        logits: Tensor = self.output(self.dropout(frames))
        return logits
