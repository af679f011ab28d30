"""A label for every frame of whole utterances: an encoder and one linear layer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.dropout import Dropout
from bossline.models.encoders import EncoderConfig
from bossline.models.stacking import stacked


class TaggerConfig(Config):
    """Any encoder that keeps the number of frames."""

    takes: ClassVar[str] = "utterances"
    fitted: ClassVar[bool] = False

    kind: Literal["tagger"] = "tagger"
    encoder: EncoderConfig
    dropout: float = Field(0.0, ge=0, lt=1, description="before the output layer")
    stack: int = Field(
        1, ge=1, description="neighbouring frames that the encoder reads, and labels, as one step"
    )

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
    """Padded (B, T, inputs) -> (sum of lengths, outputs) logits of the real frames, end to end.

    With `stack` k the encoder makes T / k steps of k frames side by side, and the output layer
    gives each step k labels: every frame keeps its own, and a recurrence costs a k-th.
    """

    def __init__(self, config: TaggerConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stack = config.stack
        self.encoder = config.encoder.build(config.stack * inputs)
        self.dropout = Dropout(config.dropout)
        self.output = nn.Linear(self.encoder.outputs, config.stack * outputs)

    def forward(self, batch: Padded) -> Tensor:
        steps = self.encoder(stacked(batch, self.stack)).frames
        logits: Tensor = self.output(self.dropout(steps))
        frames = logits.view(len(logits), -1, logits.shape[2] // self.stack)
        return batch.with_frames(frames[:, : batch.frames.shape[1]]).joined()
