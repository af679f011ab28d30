"""A label for the middle of a context window, read as the sequence of frames that it is."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.base import ModelConfig
from bossline.models.encoders import EncoderConfig
from bossline.models.layers import Dropout, OutputLayer


class WindowTaggerConfig(ModelConfig):
    """Any encoder over the frames of a window, and a linear layer on its middle one.

    An LSTM on windows is what the course's own strongest sample does. Whole utterances (kind
    tagger) compute each frame once and not once a window, and know more of what is around it.
    """

    takes: ClassVar[str] = "windows"

    kind: Literal["window-tagger"] = "window-tagger"
    frames: int = Field(11, ge=1, description="of a window, as batches.frames")
    encoder: EncoderConfig = Field(description="what reads the frames of a window")
    dropout: float = Field(0.0, ge=0, lt=1, description="before the output layer")

    def build(self, inputs: int, outputs: int) -> WindowTagger:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return WindowTagger(self, inputs, outputs)


class WindowTagger(nn.Module):
    """(B, frames * dim) -> (B, outputs) logits."""

    def __init__(self, config: WindowTaggerConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.frames = config.frames
        self.encoder = config.encoder.build(inputs // config.frames)
        self.dropout = Dropout(config.dropout)
        self.output = OutputLayer(self.encoder.outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.full((x.shape[0],), self.frames)
        frames = x.view(x.shape[0], self.frames, -1)
        encoded = self.encoder(Padded.of(frames, lengths))
        logits: Tensor = self.output(self.dropout(encoded.frames[:, self.frames // 2]))
        return logits
