"""Strings of symbols from whole utterances: an encoder, and what reads its steps.

Symbols are 1 to V. Index 0 is the blank of CTC, no phone among the labels of frames, and the
boundary of a string to a decoder: its first input, and its last output.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.base import ModelConfig
from bossline.models.decoders import Decoder, DecoderConfig
from bossline.models.encoders import EncoderConfig
from bossline.models.encoders.layers import frame_stacked
from bossline.models.encoders.subsampling import quarter
from bossline.models.layers import Dropout, OutputLayer


class TranscriberConfig(ModelConfig):
    """Any encoder with a CTC output, a decoder, or both; an output for frames may teach it too."""

    takes: ClassVar[str] = "utterances"

    kind: Literal["transcriber"] = "transcriber"
    encoder: EncoderConfig = Field(description="what reads the frames")
    frame_stack: int = Field(
        1, ge=1, description="neighbouring frames that the encoder reads as one step"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="before the output layers")
    ctc: bool = Field(True, description="an output layer for connectionist temporal classification")
    frames: bool = Field(
        False,
        description="an output layer for the labels of frames, which is used in training only",
    )
    decoder: DecoderConfig | None = Field(
        None, description="what writes the string symbol by symbol; none: CTC alone"
    )

    @model_validator(mode="after")
    def _answers(self) -> Self:
        if not self.ctc and self.decoder is None:
            raise ValueError("nothing writes strings: set ctc=true, or give a decoder")
        if self.frames and self.encoder.kind == "subsample":
            raise ValueError("frames: every frame needs its label, so no encoder may subsample")
        return self

    @property
    def frames_per_step(self) -> int:
        """Of the encoder."""
        return self.frame_stack * (4 if self.encoder.kind == "subsample" else 1)

    def steps(self, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How many steps the encoder makes of so many frames."""
        stacked = -(-lengths // self.frame_stack)
        return quarter(stacked) if self.encoder.kind == "subsample" else stacked

    def build(self, inputs: int, outputs: int) -> Transcriber:
        """
        Args:
            inputs: numbers per frame.
            outputs: V.
        """
        return Transcriber(self, inputs, outputs)


class Transcriber(nn.Module):
    """Padded (B, T, inputs) -> steps (B, T', width), and logits of V + 1 from them.

    Attributes:
        frames_per_step: of the encoder.
        decoder: reads the steps; None where there is none.
        phones: a model of phones that searches ask; None where there is none.
        confidence: (2,) slope and offset that make a probability's log-odds those of being right.
    """

    decoder: Decoder | None
    confidence: Tensor

    def __init__(self, config: TranscriberConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.phones: Any = None
        self.frame_stack = config.frame_stack
        self.frames_per_step = config.frames_per_step
        self.register_buffer("confidence", torch.tensor([1.0, 0.0]))
        self.encoder = config.encoder.build(config.frame_stack * inputs)
        self.dropout = Dropout(config.dropout)
        width, indices = self.encoder.outputs, outputs + 1
        self.ctc = OutputLayer(width, indices) if config.ctc else None
        self.frames = OutputLayer(width, config.frame_stack * indices) if config.frames else None
        self.decoder = config.decoder.build(width, indices) if config.decoder else None

    def forward(self, batch: Padded) -> Padded:
        """The encoder's steps."""
        encoded: Padded = self.encoder(frame_stacked(batch, self.frame_stack))
        return encoded.with_frames(self.dropout(encoded.frames))

    def ctc_logits(self, encoded: Padded) -> Tensor:
        """(B, T', V + 1)."""
        assert self.ctc is not None
        logits: Tensor = self.ctc(encoded.frames)
        return logits

    def frame_logits(self, encoded: Padded, frames: int) -> Tensor:
        """(B, T, V + 1); those of the padding mean nothing.

        Args:
            encoded: the encoder's steps.
            frames: T.
        """
        assert self.frames is not None
        logits: Tensor = self.frames(encoded.frames)
        each = logits.view(logits.shape[0], -1, logits.shape[2] // self.frame_stack)
        return each.narrow(1, 0, frames)
