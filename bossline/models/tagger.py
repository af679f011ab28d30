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
    encoder: EncoderConfig = Field(description="what reads the frames")
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
    """Padded (B, T, inputs) -> (B, T, outputs) logits; those of the padding mean nothing.

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
            return self._logits(batch)
        if not self.training:
            delayed = [self._after(batch, by).log_softmax(2) for by in range(self.shifts)]
            return torch.stack(delayed).mean(0)
        if batch.padding.traced:
            return self._after_some(batch)
        return self._after(batch, int(torch.randint(self.shifts, ()).numpy()))

    def _after(self, batch: Padded, delay: int) -> Tensor:
        """After so many copies of each utterance's first frame, which get no logits."""
        first = batch.frames[:, :1].expand(-1, delay, -1)
        frames = torch.cat((first, batch.frames), 1)
        padding = batch.padding.changed(lambda length: length + delay, frames.shape[1])
        return _cut(self._logits(Padded(frames, padding)), delay, batch.frames.shape[1])

    def _after_some(self, batch: Padded) -> Tensor:
        """After as many copies as chance wants, in a tensor of the same size for any number."""
        padding = batch.padding
        steps = padding.steps + self.shifts - 1
        delay = torch.randint(self.shifts, (), device=padding.known.device)
        places = torch.arange(steps, device=padding.device)
        source = (places - delay).clamp(0, padding.steps - 1)
        frames = batch.frames.index_select(1, source)
        delayed = Padding(padding.known + delay, steps, padding.device, padding.least)
        logits = self._logits(Padded(frames, delayed))
        return logits.index_select(1, places[: padding.steps] + delay)

    def _logits(self, batch: Padded) -> Tensor:
        steps = self.encoder(frame_stacked(batch, self.frame_stack)).frames
        logits: Tensor = self.output(self.dropout(steps))
        frames = logits.view(logits.shape[0], -1, logits.shape[2] // self.frame_stack)
        return _cut(frames, 0, batch.frames.shape[1])


def _cut(frames: Tensor, first: int, count: int) -> Tensor:
    """(B, T, C) -> (B, count, C): so many frames from one on."""
    if torch.compiler.is_compiling():  # a graph for any length would ask whether that is all
        return frames.index_select(1, torch.arange(first, first + count, device=frames.device))
    return frames.narrow(1, first, count)
