"""A label for every frame of whole utterances: an encoder and one linear layer."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from pydantic import AliasChoices, Field, field_validator, model_validator
from torch import Tensor, nn

from bossline.batches.padded import Padded, Padding
from bossline.models.base import ModelConfig
from bossline.models.encoders import EncoderConfig
from bossline.models.encoders.layers import frame_stacked
from bossline.models.layers import Dropout, OutputLayer


class TaggerConfig(ModelConfig):
    """Any encoder that keeps the number of frames."""

    takes: ClassVar[str] = "utterances"

    kind: Literal["tagger"] = "tagger"
    encoder: EncoderConfig
    dropout: float = Field(0.0, ge=0, lt=1, description="before the output layer")
    frame_stack: int = Field(
        1,
        ge=1,
        validation_alias=AliasChoices("frame_stack", "stack"),  # as older recipes call it
        description="neighbouring frames that the encoder reads, and labels, as one step",
    )
    shifts: int = Field(
        1,
        ge=1,
        description="predictions that are averaged, each with the steps beginning a frame later, "
        "at most frame_stack; a training batch takes one at random",
    )

    @field_validator("encoder")
    @classmethod
    def _keeps_frames(cls, encoder: EncoderConfig) -> EncoderConfig:
        if encoder.kind == "subsample":
            raise ValueError("every frame needs its label, so the encoder must not subsample")
        return encoder

    @model_validator(mode="after")
    def _shifts_differ(self) -> Self:
        if self.shifts > self.frame_stack:
            raise ValueError(
                f"shifts {self.shifts} is more than frame_stack {self.frame_stack}: "
                "the steps would be the same"
            )
        return self

    def build(self, inputs: int, outputs: int) -> Tagger:
        """
        Args:
            inputs: numbers per frame.
            outputs: classes.
        """
        return Tagger(self, inputs, outputs)


class Tagger(nn.Module):
    """Padded (B, T, inputs) -> (sum of lengths, outputs) logits of the real frames, end to end.

    With `frame_stack` k the encoder makes T / k steps of k frames side by side, and the output
    layer gives each step k labels: every frame keeps its own, and a recurrence costs a k-th. Which
    frames share a step is chance; `shifts` averages the log-probabilities over several chances.
    """

    def __init__(self, config: TaggerConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.frame_stack, self.shifts = config.frame_stack, config.shifts
        self.encoder = config.encoder.build(config.frame_stack * inputs)
        self.dropout = Dropout(config.dropout)
        self.output = OutputLayer(self.encoder.outputs, config.frame_stack * outputs)

    def forward(self, batch: Padded) -> Tensor:
        if self.shifts == 1:
            return self._logits(batch, 0)
        if self.training:
            return self._logits(batch, int(torch.randint(self.shifts, ()).numpy()))
        of_shifts = [self._logits(batch, by).log_softmax(1) for by in range(self.shifts)]
        return torch.stack(of_shifts).mean(0)

    def _logits(self, batch: Padded, delay: int) -> Tensor:
        """After so many copies of each utterance's first frame, which get no logits."""
        first = batch.frames[:, :1].expand(-1, delay, -1)
        delayed = Padded.of(torch.cat((first, batch.frames), 1), batch.padding.known + delay)
        steps = self.encoder(frame_stacked(delayed, self.frame_stack)).frames
        logits: Tensor = self.output(self.dropout(steps))
        frames = logits.view(logits.shape[0], -1, logits.shape[2] // self.frame_stack)
        rows = Padding(batch.padding.known, frames.shape[1], frames.device).rows + delay
        return frames.flatten(0, 1).index_select(0, rows)
